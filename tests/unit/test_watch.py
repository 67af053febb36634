"""A config at work in a pipeline, and its file read again between frames."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timezone

import numpy as np
import pytest
from msgspec import UNSET

from edge.config.applied import Configured
from edge.config.read import read
from edge.config.records import Camera, Config, Hours
from edge.config.wanted import is_wanted, unknown
from edge.config.watch import Watch, needs_restart, tune
from edge.errors import ConfigError
from edge.pipeline import run
from edge.records import Frame, FrameTags, Tag
from edge.seen import View
from edge.sources.newest import Newest
from edge.tagger import open_tagger
from tests.tiny import paint

DOOR = '[[cameras]]\nname = "door"\nurl = "a"\n'
ALL = "[[0, 0], [1, 0], [1, 1], [0, 1]]"
NEVER = 'schedule = [{days = ["sun"], from = "03:00", to = "03:01"}]\n'
NOON = datetime(2026, 1, 5, 12)


@pytest.fixture
def tagger(tiny_bundle):
    with open_tagger(tiny_bundle) as opened:
        yield opened


class Kept:
    def __init__(self) -> None:
        self.results: list = []
        self.pictures: list = []

    def write(self, result, picture) -> None:
        self.results.append(result)
        self.pictures.append(picture)

    def close(self) -> None:
        pass


class Files:
    """Red pictures; `on_read` is told before each."""

    is_live, newest = False, None

    def __init__(self, name: str = "a", count: int = 3) -> None:
        self.name, self.count = name, count

    def frames(self):
        for n in range(self.count):
            yield Frame(self.name, n, "", paint("red", 60, 90), at_s=n / 5)

    def close(self) -> None:
        pass


class Setting:
    """A config file, and a run with it."""

    def __init__(self, path, tagger, text: str) -> None:
        self.path, self.tagger, self.due = path, tagger, False
        self.write(text)
        config = read(path)
        self.configured = Configured(path, config, list(config.cameras), self._taken)

    def write(self, text: str) -> None:
        self.path.write_text(text)

    def _taken(self) -> bool:
        was, self.due = self.due, False
        return was

    def run(self, *sources, **more) -> Kept:
        sink = Kept()
        watch = self.configured.watched(self.tagger)
        run(sources or [Files()], self.tagger, [sink], View(whole=True), watch=watch,
            is_stopped=lambda: False, **more)  # fmt: skip
        return sink


@pytest.fixture
def setting(tmp_path, tagger):
    return lambda text: Setting(tmp_path / "edge.toml", tagger, text)


def tags(result: FrameTags) -> set[str]:
    return {tag.tag for tag in result.tags}


def test_a_privacy_mask_is_black_for_the_tagger_and_for_every_sink(setting):
    sink = setting(DOOR + f"privacy = [{ALL}]\n").run()
    assert [r.source for r in sink.results] == ["door"] * 3
    assert not any(tags(r) & {"red", "reddish"} for r in sink.results)
    assert not np.any(sink.pictures)


def test_an_ignored_frame_tells_nothing_and_a_frame_in_a_zone_tells_its_name(setting):
    assert not any(r.tags for r in setting(DOOR + f"ignore = [{ALL}]\n").run().results)
    results = setting(DOOR + f"zones.z = {ALL}\n").run().results
    assert {tag.zones for r in results for tag in r.tags} == {UNSET}  # of the whole frame


def test_only_its_own_camera_is_masked(setting):
    two = DOOR + f'privacy = [{ALL}]\n[[cameras]]\nname = "belt"\nurl = "b"\n'
    results = setting(two).run(Files("a"), Files("b")).results
    assert [(r.source, "red" in tags(r)) for r in results] == (
        [("door", False)] * 3 + [("belt", True)] * 3
    )


def test_pictures_of_a_folder_keep_their_paths(setting):
    assert {r.source for r in setting(DOOR).run(Files("a/1.jpg")).results} == {"a/1.jpg"}


def test_a_camera_that_is_off_is_not_tagged(setting):
    watch = Watch(read_cameras(setting, DOOR + NEVER), lambda: NOON)
    assert watch.before(0, Frame("a", 0, "", paint("red"))) is None
    assert watch.before(0, Frame("a", 0, "", None, "broken")) is not None  # it is told all the same
    assert watch.before(7, Frame("x", 0, "", paint("red"))).source == "x"


def read_cameras(setting, text: str) -> list:
    return list(setting(text).configured.cameras)


def test_a_live_camera_that_is_off_leaves_the_others_their_turns(setting):
    two = DOOR + NEVER + '[[cameras]]\nname = "belt"\nurl = "b"\n'
    live = [Live("a"), Live("b")]
    try:
        results = setting(two).run(*live, max_frames=5).results
    finally:
        for source in live:
            source.close()
    assert {r.source for r in results} == {"belt"}


class Silent:
    is_live, count = True, None

    def __init__(self, name: str) -> None:
        self.name = name
        self.newest = Newest(lambda: None, name)

    def close(self) -> None:
        self.newest.close()


class Live:
    is_live, count = True, None

    def __init__(self, name: str) -> None:
        self.name = name
        self.newest = Newest(lambda: paint("red", 60, 90), name)

    def close(self) -> None:
        self.newest.close()


def test_thresholds_and_heads_are_those_of_the_file(setting, tagger):
    results = setting("[heads.hues]\non = false\n[heads.colours]\nthreshold = 0.5\n" + DOOR).run()
    assert {tag.head for r in results.results for tag in r.tags} == {"colours"}
    tagger.tune({"colours": 1.0}, ["hues"])
    assert [head.thresholds for head in tagger.heads] == [(1.0,)]
    tagger.tune({})
    assert tagger.heads == tagger.bundle.manifest.heads
    with pytest.raises(ValueError, match="expected one of"):
        tagger.tune({"nonsense": 1.0})
    for least in (50, -0.1, float("nan")):
        with pytest.raises(ValueError, match=r"threshold of head 'colours' is .*, expected 0\.\.1"):
            tagger.tune({"colours": least})


def test_a_head_that_the_bundle_does_not_have_is_refused(setting, tagger):
    wrong = setting("[heads.colors]\non = false\n" + DOOR)
    with pytest.raises(ConfigError, match="no such head") as caught:
        tune(tagger, wrong.configured.config, "edge.toml")
    assert caught.value.fix == "did you mean 'colours'?"


def test_a_camera_tells_what_it_is_asked_for_and_the_others_all(setting):
    two = DOOR + 'only = ["red", "blue"]\n[[cameras]]\nname = "belt"\nurl = "b"\n'
    results = setting(two).run(Files("a", 1), Files("b", 1)).results
    assert [tags(r) for r in results] == [{"red"}, {"red", "reddish"}]


def test_a_group_that_is_asked_for_is_all_of_its_tags():
    apple = Tag("grocery", "Granny-Smith", "Apple", 0.9, (0, 0, 9, 9))
    assert is_wanted(apple, {"Apple"})
    assert is_wanted(apple, {"Granny-Smith"})
    assert not is_wanted(apple, {"Banana"})
    assert (
        list(unknown(Config((Camera("a", "b", only=("Apple",)),)), {"g": [("x", "Apple")]})) == []
    )


def test_a_tag_that_no_head_has_is_refused(setting, tagger):
    wrong = setting(DOOR + 'only = ["read"]\n')
    with pytest.raises(ConfigError, match=r"cameras\[0\]\.only: 'read' is found") as caught:
        tune(tagger, wrong.configured.config, "edge.toml")
    assert caught.value.fix == "did you mean 'red'?"


def test_days_of_a_label_that_nothing_has_are_refused_and_not_of_what_was_enrolled(tmp_path):
    """Its pictures would stay for ever, though somebody said that they may not."""
    names = {"g": [("Granny-Smith", "Apple")], "gallery": [("Acme Cola 0.5", None)]}
    (tmp_path / "Old-brand").mkdir()  # was enrolled once, and has pictures

    def wrong(label: str) -> list[str]:
        to = {"pics": f"snapshots:{tmp_path}#days=9,days:{label}=3"}
        found = unknown(Config(targets=to), names)
        return [problem.fix for problem in found if f"days:{label}" in problem.says]

    for known in ("Granny-Smith", "Apple", "Acme Cola 0.5", "Acme-Cola-0.5", "Old brand", "fish"):
        assert wrong(known) == []
    assert wrong("Aple") == ["did you mean 'Apple'?"]
    assert wrong("Person") == ["enroll it first, or leave it out"]


def reloading(setting, before: str, after: str) -> list[set[str]]:
    """Tags by frame; the file changes, and SIGHUP comes, before the second one."""
    found = setting(before)
    watch = found.configured.watched(found.tagger)
    results = []
    for n in range(2):
        watch.between()
        frame = watch.before(0, Frame("a", n, "", paint("red", 60, 90)))
        assert frame is not None
        view = found.tagger.tag(frame.pixels, View(whole=True))
        results.append({tag.tag for tag in view})
        found.write(after)
        found.due = True
    return results


def test_masks_and_heads_change_between_two_frames(setting, caplog):
    logging.getLogger("edge").propagate = True  # a test before may have run the command
    with caplog.at_level(logging.WARNING):
        after = DOOR + f"privacy = [{ALL}]\n"
        assert reloading(setting, DOOR, after) == [{"red", "reddish"}, set()]
        assert "edge.toml: reloaded" in caplog.text
        assert "restart" not in caplog.text
        assert reloading(setting, DOOR, DOOR + "[heads.hues]\non = false") == [
            {"red", "reddish"}, {"red"},
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("privacy = 1\nthread = 1", "cameras[0].privacy: 1 is found"),
        ("[heads.nonsense]\non = false", "heads.nonsense: no such head"),
        ("= =", "expected TOML"),
    ],
)
def test_a_wrong_file_changes_nothing(setting, caplog, wrong, why):
    logging.getLogger("edge").propagate = True
    with caplog.at_level(logging.WARNING):
        before = DOOR + f"privacy = [{ALL}]\n"
        assert reloading(setting, before, f"{DOOR}\n{wrong}\n") == [set(), set()]
    assert why in caplog.text
    assert "not reloaded, everything stays as it was" in caplog.text


def test_a_camera_that_gives_nothing_does_not_keep_the_file_waiting(setting, caplog):
    logging.getLogger("edge").propagate = True
    found = setting(DOOR)
    silent = Silent("a")
    found.due = True
    try:
        with caplog.at_level(logging.WARNING):
            watch = found.configured.watched(found.tagger)
            run([silent], found.tagger, [], View(), watch=watch, is_stopped=lambda: not found.due)
    finally:
        silent.close()
    assert "reloaded" in caplog.text


def test_what_needs_a_restart_is_named_and_the_rest_is_applied(setting, caplog):
    logging.getLogger("edge").propagate = True
    with caplog.at_level(logging.WARNING):
        after = 'engine = "tflite"\nbudget_ms = 5\n' + DOOR + f"fps = 3\nprivacy = [{ALL}]\n"
        assert reloading(setting, DOOR, after)[1] == set()
    assert "engine, budget_ms, cameras.door.fps: needs a restart to count" in caplog.text


def test_another_camera_needs_a_restart(setting):
    one, two = setting(DOOR).configured.config, DOOR + '[[cameras]]\nname = "b"\nurl = "b"\n'
    assert needs_restart(one, setting(two).configured.config) == ["cameras"]
    assert needs_restart(one, one) == []


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="Windows has no tzset")
def test_a_schedule_follows_the_zone_of_a_machine_that_travels(monkeypatch):
    """Python asks for the zone at its start, and never again by itself."""
    hour = datetime.now(timezone.utc).hour
    with monkeypatch.context() as patch:
        patch.setenv("TZ", f"HERE{hour}")  # where it is midnight, or a little later
        time.tzset()
        watch = Watch([Camera("deck", "a", schedule=(Hours(start="12:00"),))])
        frame = Frame("a", 0, "", paint("red", 60, 90))
        assert watch.before(0, frame) is None
        patch.setenv("TZ", f"THERE{hour - 12}")
        assert watch.before(0, frame) is not None
    time.tzset()
