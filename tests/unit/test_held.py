"""A device that is held back: what its frames may cost, and what their lines say."""

from __future__ import annotations

import json

import msgspec
import pytest

from edge.boards.profiles import find, read
from edge.config.watch import Watch
from edge.errors import ConfigError
from edge.health.vitals import STALE_S, Vitals
from edge.pipeline import run
from edge.records import Budget
from edge.schedule.cooling import Held, Thermal
from edge.seen import View
from edge.tagger import open_tagger
from tests.tiny import paint
from tests.unit.test_pipeline import Files, Kept, Live, halves, never


@pytest.fixture(scope="module")
def tagger(tiny_bundle):
    with open_tagger(tiny_bundle) as opened:
        yield opened


def allowed_ms(sources, tagger, held, frame_ms: float = 4000.0, frames: int = 6) -> list[float]:
    told = []
    run(
        sources, tagger, [Kept()], View(budget=Budget(frame_ms)), is_stopped=never,
        max_frames=frames, explain=lambda result, picture, seen: told.append(seen.budget_ms),
        held=held,
    )  # fmt: skip
    return told


def test_the_budget_of_files_follows(tagger):
    now = iter([Held(), Held(0.25), Held(0.5)])
    told = allowed_ms([Files("a", [halves()] * 3)], tagger, lambda: next(now))
    assert told == [4000.0, 1000.0, 2000.0]


def test_the_pool_of_cameras_follows(tagger):
    cameras = [Live("a", halves()), Live("b", halves())]
    try:
        told = allowed_ms(cameras, tagger, lambda: Held(0.25))
    finally:
        for camera in cameras:
            camera.close()
    assert len(told) == 6
    assert all(0 < ms <= 1000.0 for ms in told)


def test_no_limit_stays_none(tagger):
    told = allowed_ms([Files("a", [paint("red")])], tagger, lambda: Held(0.25), float("inf"))
    assert told == [float("inf")]


def test_a_line_says_why_and_nothing_where_nothing_is(tagger):
    sink = Kept()
    now = iter([Held(), Held(0.5, ("hot",))])
    run(
        [Files("a", [paint("red")] * 2)], tagger, [sink], View(), is_stopped=never,
        held=lambda: next(now),
    )  # fmt: skip
    free, hot = (json.loads(msgspec.json.encode(result)) for result in sink.results)
    assert "held" not in free
    assert hot["held"] == ["hot"]


def test_a_profile_has_its_limits():
    assert find("rpi5").thermal == Thermal(70, 80)
    assert find("generic-x86").thermal is None


@pytest.mark.parametrize(
    "text",
    ["{ warm_c = 80, hot_c = 70 }", "{ warm_c = 70 }", "{ warm_c = 70, hot = 80 }", "80", "true"],
)
def test_limits_that_are_wrong_name_their_file_and_key(tmp_path, text):
    path = tmp_path / "board.toml"
    path.write_text(f'name = "x"\ntitle = "X"\nthermal = {text}\n')
    with pytest.raises(ConfigError, match=rf"{path}: thermal"):
        read(path)


def test_a_cameras_frames_are_young_and_make_it_ready(tagger):
    """The clock of a live source is the one that the vitals have."""
    vitals, camera = Vitals(["a"]), Live("a", halves())
    try:
        run(
            [camera], tagger, [Kept()], View(), is_stopped=never, max_frames=3, report=vitals.told
        )  # fmt: skip
    finally:
        camera.close()
    tally = vitals.tallies()["a"]
    assert tally.tagged == 3
    assert tally.age_s is not None
    assert 0 <= tally.age_s < STALE_S
    assert vitals.why_not_ready() == []


def test_a_source_that_its_schedule_keeps_off_is_told_by_its_number(tagger):
    class Night(Watch):
        def before(self, n, frame):
            return frame if n == 0 else None

    told, sink = [], Kept()
    files = [Files("a", [paint("red")]), Files("b", [paint("red")] * 2)]
    run(files, tagger, [sink], View(), is_stopped=never, watch=Night(), off=told.append)
    assert [result.source for result in sink.results] == ["a"]
    assert told == [1, 1]
    camera = Live("c", halves())
    try:
        run(
            [files[0], camera], tagger, [sink], View(), is_stopped=lambda: len(told) > 4,
            watch=Night(), off=told.append,
        )  # fmt: skip
    finally:
        camera.close()
    assert told[:5] == [1] * 5
