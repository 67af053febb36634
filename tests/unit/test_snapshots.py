"""Pictures of what happened, and how long they stay."""

from __future__ import annotations

import os
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from edge.errors import SinkError, UsageError
from edge.events.event import Event
from edge.outbox.reporter import Reporter
from edge.sinks import SINKS, open_album, snapshots
from edge.sinks.retention import DAY_S, KeptPicture, Rules, due
from edge.sinks.snapshots import Snapshots
from edge.sinks.target import parse_target
from tests.happenings import event, result, sight, tag

PICTURE = np.zeros((50, 100, 3), np.uint8)
RUN = "0123456789"  # begins ids, as a run makes them


def opened(folder: Path, options: str = "") -> Snapshots:
    return open_album(parse_target(f"snapshots:{folder}{options}", SINKS))


def names(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*.jpg"))


def test_a_thing_has_one_picture_under_its_label(tmp_path):
    album = opened(tmp_path)
    album.keep([event(1), event(2, label="Apple pie")], PICTURE)
    assert names(tmp_path) == ["Apple-pie/t-2.jpg", "Banana/t-1.jpg"]
    moved = replace(event(1, "update"), why="tags", after=sight(1, "Plum"))
    album.keep([moved], PICTURE)
    album.keep([event(1, "end")], PICTURE)
    assert names(tmp_path) == ["Apple-pie/t-2.jpg", "Plum/t-1.jpg"]
    album.close()


def test_the_best_picture_stays_under_the_newest_label(tmp_path):
    album, first = opened(tmp_path), replace(sight(1), box=(20, 10, 60, 30), area=800)
    views = {
        "cut off": replace(first, box=(80, 10, 100, 30), score=0.99, area=1600),
        "less sure": replace(first, score=0.5),
        "smaller": replace(first, box=(20, 10, 40, 30), area=400),
        "renamed": replace(first, label="Plum", score=0.6),
    }
    album.keep([replace(event(1), after=first)], np.full_like(PICTURE, 200))
    for view in views.values():
        album.keep([replace(event(1, "update"), why="tags", after=view)], PICTURE)
    assert (names(tmp_path), album.written) == (["Plum/t-1.jpg"], 1)
    assert cv2.imread(str(tmp_path / "Plum" / "t-1.jpg")).min() > 190
    better = replace(first, label="Plum", score=0.95)
    album.keep([replace(event(1, "update"), why="tags", after=better)], PICTURE)
    assert cv2.imread(str(tmp_path / "Plum" / "t-1.jpg")).max() < 10


def test_a_crop_shows_the_thing_and_some_of_its_surroundings(tmp_path):
    album = opened(tmp_path, "#of=both")
    album.keep([event(1)], PICTURE)
    crop = cv2.imread(str(tmp_path / "Banana" / "t-1.jpg"))
    frame = cv2.imread(str(tmp_path / "Banana" / "t-1.frame.jpg"))
    assert crop.shape == (12, 12, 3)  # 10 px, and 2 on the sides that are inside
    assert frame.shape == PICTURE.shape


def test_a_label_cannot_leave_the_folder(tmp_path):
    album = opened(tmp_path / "in")
    album.keep([event(1, label="../../out"), event(2, label="/etc"), event(3, label="..")], PICTURE)
    assert [p for p in tmp_path.rglob("*.jpg") if "in" not in p.parts] == []
    assert len(names(tmp_path / "in")) == 3


def test_labels_that_differ_behind_a_dot_or_a_slash_have_folders_of_their_own(tmp_path):
    album = opened(tmp_path)
    album.keep([event(1, label="Cola 0.5"), event(2, label="Cola 0.33")], PICTURE)
    album.keep([event(3, label="Coffee/Tea")], PICTURE)
    assert names(tmp_path) == ["Coffee-Tea/t-3.jpg", "Cola-0.33/t-2.jpg", "Cola-0.5/t-1.jpg"]


def told(number: int, label: str = "Banana") -> Event:
    return replace(event(number), after=replace(sight(number, label), id=f"{RUN}-{number}"))


def age(path: Path, days: float) -> None:
    at_s = path.stat().st_mtime - days * DAY_S
    os.utime(path, (at_s, at_s))


def test_what_is_too_old_goes_by_label_and_what_an_earlier_run_wrote_too(tmp_path):
    first = opened(tmp_path)
    first.keep([told(1), told(2, "Person"), told(3)], PICTURE)
    for name, days in (("Banana/{}-1.jpg", 8), ("Person/{}-2.jpg", 2), ("Banana/{}-3.jpg", 2)):
        age(tmp_path / name.format(RUN), days)
    second = opened(tmp_path, "#days=7,days:Person=1")
    second.keep([told(4)], PICTURE)
    assert names(tmp_path) == [f"Banana/{RUN}-3.jpg", f"Banana/{RUN}-4.jpg"]
    assert second.removed == 2


def test_pictures_of_others_are_left_alone(tmp_path):
    theirs = ["holiday.jpg", "t-1.jpg", f"{RUN}-1.tags.jpg", f"my {RUN}-1.jpg"]
    (tmp_path / "2019").mkdir()
    for name in theirs:
        (tmp_path / "2019" / name).write_bytes(b"x")
        age(tmp_path / "2019" / name, 99)
    album = opened(tmp_path, "#days=7,files=1")
    album.keep([told(1), told(2)], PICTURE)
    assert names(tmp_path) == [*sorted(f"2019/{name}" for name in theirs), f"Banana/{RUN}-2.jpg"]
    assert album.removed == 1


def test_what_a_run_wrote_is_known_to_the_next_one(tmp_path):
    album = opened(tmp_path, "#of=both")
    Reporter(None, [album], "box").write(result([tag()], "a.jpg"), PICTURE, None)
    assert len(names(tmp_path)) == 2
    for name in names(tmp_path):
        age(tmp_path / name, 8)
    opened(tmp_path, "#days=7").keep([], None)
    assert names(tmp_path) == []


def test_a_clock_that_is_set_makes_no_picture_old(tmp_path):
    wall, steady = [100.0], [0.0]  # it begins in 1970
    rules = Rules(days=7, free_bytes=0)
    album = Snapshots(tmp_path, rules, clock=lambda: wall[0], steady=lambda: steady[0])
    album.keep([event(1)], PICTURE)
    wall[0], steady[0] = 1.8e9, 3600.0
    album.keep([], None)
    assert names(tmp_path) == ["Banana/t-1.jpg"]
    written_s = (tmp_path / "Banana" / "t-1.jpg").stat().st_mtime
    assert written_s == pytest.approx(1.8e9 - 3600, abs=1)  # for the next run
    wall[0], steady[0] = wall[0] + 7 * DAY_S, steady[0] + 7 * DAY_S
    album.keep([], None)
    assert names(tmp_path) == []


def test_pictures_of_runs_whose_clock_was_not_set_are_not_half_a_century_old(tmp_path):
    opened(tmp_path).keep([told(1), told(2)], PICTURE)
    os.utime(tmp_path / "Banana" / f"{RUN}-1.jpg", (9000.0,) * 2)  # as of 1970
    os.utime(tmp_path / "Banana" / f"{RUN}-2.jpg", (100.0,) * 2)
    opened(tmp_path, "#days=7").keep([], None)  # a clock that is set by now
    assert names(tmp_path) == [f"Banana/{RUN}-{n}.jpg" for n in (1, 2)]
    dates = [path.stat().st_mtime for path in sorted((tmp_path / "Banana").iterdir())]
    assert dates == pytest.approx([time.time(), time.time() - 8900], abs=60)


def test_a_clock_that_is_set_by_years_and_back_makes_no_earlier_picture_old(tmp_path):
    opened(tmp_path).keep([told(1)], PICTURE)
    age(tmp_path / "Banana" / f"{RUN}-1.jpg", 6)
    first_s, ahead, gone = time.time(), [0.0], [0.0]
    album = Snapshots(
        tmp_path, Rules(days=7, free_bytes=0), clock=lambda: first_s + gone[0] + ahead[0],
        steady=lambda: gone[0],
    )  # fmt: skip
    for years, days in ((0, 0.1), (19, 0.2), (-56, 0.3), (0, 0.9)):
        ahead[0], gone[0] = years * 365 * DAY_S, days * DAY_S
        album.keep([], None)
        assert names(tmp_path) == [f"Banana/{RUN}-1.jpg"]
    gone[0] = 1.1 * DAY_S
    album.keep([], None)
    assert names(tmp_path) == []


def test_what_somebody_takes_away_costs_no_other_picture(tmp_path, caplog):
    folder = tmp_path / "pics"
    album = opened(folder)
    album.keep([event(1)], PICTURE)
    (folder / "Banana" / "t-1.jpg").unlink()
    renamed = replace(event(1, "update"), why="tags", after=sight(1, "Plum"))
    album.keep([renamed, event(2)], PICTURE)
    assert names(folder) == ["Banana/t-2.jpg"]
    folder.rename(tmp_path / "march")
    album.keep([event(3)], PICTURE)
    assert names(folder) == ["Banana/t-3.jpg"]
    assert (album.left_out, caplog.text) == (0, "")


def test_what_a_power_cut_left_is_removed(tmp_path):
    opened(tmp_path).keep([told(1), told(2)], PICTURE)
    os.truncate(tmp_path / "Banana" / f"{RUN}-1.jpg", 0)
    (tmp_path / "Banana" / f".{RUN}-3.jpg.part").write_bytes(b"half")
    opened(tmp_path)
    assert [path.name for path in (tmp_path / "Banana").iterdir()] == [f"{RUN}-2.jpg"]


def test_what_is_too_old_goes_though_nothing_happens(tmp_path):
    opened(tmp_path).keep([told(1)], PICTURE)
    age(tmp_path / "Banana" / f"{RUN}-1.jpg", 8)
    opened(tmp_path, "#days=7").keep([], None)
    assert names(tmp_path) == []


def test_no_more_files_than_asked_for(tmp_path):
    album = opened(tmp_path, "#files=3")
    for n in range(9):
        album.keep([event(n)], PICTURE)
    assert names(tmp_path) == [f"Banana/t-{n}.jpg" for n in (6, 7, 8)]


def test_a_full_album_is_not_gone_through_for_every_picture(tmp_path, monkeypatch):
    sweeps = []
    monkeypatch.setattr(snapshots, "due", lambda *given: (sweeps.append(1), due(*given))[1])
    album = opened(tmp_path, "#files=200")
    for n in range(230):
        album.keep([event(n)], PICTURE)
    assert 198 <= len(names(tmp_path)) <= 200
    assert 10 <= len(sweeps) <= 11  # the first one finds nothing


def test_a_disk_without_room_is_told_once_and_the_run_goes_on(tmp_path, caplog):
    album = Snapshots(tmp_path, Rules(free_bytes=100), free=lambda _: 50)
    for n in range(5):
        album.keep([event(n)], PICTURE)
    album.close()
    assert (album.written, album.left_out) == (0, 5)
    assert caplog.text.count("the run goes on without") == 1


def test_a_disk_without_room_is_not_back_when_what_is_old_was_looked_for(tmp_path, caplog):
    now = [0.0]
    album = Snapshots(
        tmp_path, Rules(days=1, free_bytes=100), free=lambda _: 50, steady=lambda: now[0]
    )
    for n in range(5):
        album.keep([event(n)], PICTURE)
        now[0] += snapshots.SWEEP_S
        album.keep([], None)
    assert len(caplog.messages) == 1
    assert "the run goes on without" in caplog.text


@pytest.mark.parametrize("options", ["days=x", "days:Apple=0", "of=things", "file=3"])
def test_wrong_options_are_told(tmp_path, options):
    with pytest.raises(UsageError):
        opened(tmp_path, f"#{options}")


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "f").touch()
    with pytest.raises(SinkError):
        opened(tmp_path / "f")


def test_a_folder_that_takes_no_file_is_told_at_the_start():
    with pytest.raises(SinkError, match="/proc/self"):  # root may write anywhere but there
        opened(Path("/proc/self"))


kept = st.builds(
    KeptPicture,
    st.integers(0, 10**6).map(lambda n: Path(str(n))),
    st.sampled_from(["a", "b"]),
    st.floats(0, 100 * DAY_S),
    st.integers(1, 1000),
)
rules = st.builds(
    Rules,
    st.sampled_from([0.0, 1.0, 30.0]),
    st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from([1.0, 60.0])),
    st.integers(0, 20),
    st.integers(0, 5000),
    st.integers(0, 5000),
)


@given(st.lists(kept, max_size=30, unique_by=lambda k: k.path), rules, st.integers(0, 9000))
def test_what_stays_keeps_every_rule_and_nothing_goes_without_one(pictures, rules, free):
    now_s = 100 * DAY_S
    gone = due(pictures, rules, now_s, free)
    left = [k for k in pictures if k not in gone]
    freed = free + sum(k.bytes for k in gone)
    for one in left:
        days = rules.days_for(one.label)
        assert not days or now_s - one.time_s < days * DAY_S
    assert not rules.files or len(left) <= rules.files
    assert not rules.bytes or sum(k.bytes for k in left) <= rules.bytes
    assert not left or freed >= rules.free_bytes
    if gone:  # the last one had to
        again = due([*left, gone[-1]], rules, now_s, freed - gone[-1].bytes)
        assert again
