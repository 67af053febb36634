"""What is counted, and when a run is ready."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from edge.health.vitals import BUCKETS_S, FILES, Vitals
from edge.records import FrameFailed, FrameTags, Spent

TAGGED = FrameTags(
    1, "camera:0", 0, "", (4, 3), (), Spent(120.0, 100.0, 1, 3, budget_ms=100.0), 0.5, 2.0,
    {"aged": 4}, "tiny@3", "null/CPU",
)  # fmt: skip
FAILED = FrameFailed(1, "camera:0", 1, "", "camera:0: gone")


class Clock:
    now_s = 50.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


def test_frames_are_counted_by_camera(clock):
    vitals = Vitals(["camera:0", "camera:1"], clock=clock)
    for _ in range(2):
        vitals.told(TAGGED, None, 49.7)
    vitals.told(FAILED, None, None)
    tally = vitals.tallies()["camera:0"]
    assert (tally.tagged, tally.failed, tally.is_up) == (2, 1, False)
    assert (tally.frame_s, tally.engine_s) == pytest.approx((0.24, 0.2))
    assert dict(tally.looks) == {"glance": 2, "crop": 6}
    assert dict(tally.shed) == {"aged": 8}
    assert (tally.coverage, tally.oldest_s) == (0.5, 2.0)
    assert tally.age_s == pytest.approx(0.3)
    assert sum(tally.by_duration) == 2
    assert tally.by_duration[BUCKETS_S.index(0.2)] == 2
    assert vitals.tallies()["camera:1"].tagged == 0
    assert (vitals.bundle, vitals.engine) == ("tiny@3", "null/CPU")


def test_what_was_handed_out_does_not_change(clock):
    vitals = Vitals(["camera:0"], clock=clock)
    vitals.told(TAGGED, None, 50.0)
    before = vitals.tallies()["camera:0"]
    vitals.told(TAGGED, None, 50.0)
    assert (before.tagged, dict(before.looks)) == (1, {"glance": 1, "crop": 3})


def test_any_number_of_files_is_one_row(clock):
    vitals = Vitals([], clock=clock)
    for n in range(1000):
        vitals.told(replace(TAGGED, source=f"{n}.jpg"), None, n / 5)
    assert list(vitals.tallies()) == [FILES]
    assert vitals.tallies()[FILES].age_s is None  # a file's clock is its own


def test_a_frame_of_any_length_has_a_bucket(clock):
    vitals = Vitals(["camera:0"], clock=clock)
    for ms in (0.0, 10.0, 10.1, 5000.0, 5001.0, 1e9):
        vitals.told(replace(TAGGED, spent=Spent(ms, 0, 0, 0)), None, 50.0)
    counted = vitals.tallies()["camera:0"].by_duration
    assert (counted[0], counted[1], counted[-2], counted[-1]) == (2, 1, 1, 2)


def test_ready_means_that_every_camera_was_tagged_of_late(clock):
    vitals = Vitals(["camera:0", "camera:1"], stale_s=10, clock=clock)
    assert vitals.why_not_ready() == ["nothing was tagged yet"]
    vitals.told(FAILED, None, None)
    assert vitals.why_not_ready() == ["nothing was tagged yet"]
    vitals.told(TAGGED, None, 50.0)
    assert vitals.why_not_ready() == ["camera:1: nothing was tagged yet"]
    vitals.told(replace(TAGGED, source="camera:1"), None, 50.0)
    assert vitals.why_not_ready() == []
    clock.now_s += 11
    vitals.told(TAGGED, None, 61.0)
    assert vitals.why_not_ready() == ["camera:1: no frame for 11 s"]


def test_a_camera_that_is_off_is_not_missed_until_it_is_on_again(clock):
    vitals = Vitals(["camera:0", "camera:1"], stale_s=10, clock=clock)
    vitals.off("camera:0")
    vitals.off("a.jpg")
    assert vitals.why_not_ready() == ["camera:1: nothing was tagged yet"]
    vitals.told(replace(TAGGED, source="camera:1"), None, 50.0)
    assert vitals.why_not_ready() == []
    vitals.told(FAILED, None, None)
    assert vitals.why_not_ready() == ["camera:0: nothing was tagged yet (camera:0: gone)"]


def test_a_run_of_files_is_not_ready_before_the_first(clock):
    vitals = Vitals([], clock=clock)
    assert vitals.why_not_ready() == ["nothing was tagged yet"]
    vitals.told(replace(TAGGED, source="a.jpg"), None, 0.0)
    assert vitals.why_not_ready() == []


def test_files_that_have_ended_are_no_camera_that_is_missed(clock):
    vitals = Vitals(["camera:0"], stale_s=10, clock=clock)
    vitals.told(replace(TAGGED, source="clip.mp4"), None, 1.0)
    clock.now_s += 28
    vitals.told(TAGGED, None, 78.0)
    assert vitals.why_not_ready() == []
