"""The next region is made while this one is used; stopping, failing and closing leave nothing."""

from __future__ import annotations

import threading
import time
from functools import partial
from itertools import count

import numpy as np
import pytest

from edge.bundle.manifest import InputSpec
from edge.errors import InferenceError
from edge.frames import tag_frame
from edge.memory.known import Memory
from edge.pictures import pixels
from edge.pictures.prepare import Preparer
from edge.records import Budget, Region
from edge.seen import View
from edge.tagger import open_tagger

SPEC = InputSpec(8, 12)
FRAME = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
REGIONS = [Region(x, x, x + 20, x + 15) for x in range(30)]


@pytest.fixture
def preparer():
    opened = Preparer(SPEC.height, SPEC.width)
    yield opened
    opened.close()


def threads() -> int:
    return sum(thread.name.startswith("prepare") for thread in threading.enumerate())


def wanted(region: Region):
    return pixels.fit(pixels.cut(FRAME, region), SPEC)


def test_every_region_comes_in_order_in_memory_used_again(preparer):
    addresses = set()
    for crop, region in zip(preparer.crops(FRAME, REGIONS), REGIONS, strict=True):
        assert (crop.shape, crop.flags.c_contiguous) == ((1, 8, 12, 3), True)
        np.testing.assert_array_equal(crop[0], wanted(region))
        addresses.add(crop.ctypes.data)
    assert len(addresses) == 2


def test_threads_tag_on_after_the_main_thread_has_ended(tiny_bundle, monkeypatch):
    """Python then starts no work ahead: a camera's thread that nobody waits for broke."""
    with open_tagger(tiny_bundle) as tagger:
        before = tagger.tag(FRAME)
        monkeypatch.setattr("concurrent.futures.thread._shutdown", True)
        assert tagger.tag(FRAME) == before
        assert len(list(tagger.looks(FRAME, REGIONS))) == len(REGIONS)


def test_the_next_one_is_made_while_this_one_is_used(preparer, monkeypatch):
    """Had it not been made by another thread meanwhile, the wait would not end."""
    made = threading.Event()
    real = pixels.crop_into

    def crop_into(picture, region, *rest):
        real(picture, region, *rest)
        if region == REGIONS[1]:
            assert threading.current_thread() is not threading.main_thread()
            made.set()

    monkeypatch.setattr(pixels, "crop_into", crop_into)
    crops = preparer.crops(FRAME, REGIONS)
    next(crops)
    assert made.wait(30)
    crops.close()


def test_a_thread_that_has_not_begun_is_not_waited_for(preparer):
    """The machine is busy: whoever is there first makes the crop."""
    busy = threading.Event()
    preparer._aside.later(busy.wait)
    for crop, region in zip(preparer.crops(FRAME, REGIONS), REGIONS, strict=True):
        np.testing.assert_array_equal(crop[0], wanted(region))
    busy.set()


def test_one_region_needs_no_thread(preparer):
    before = threads()
    assert len(list(preparer.crops(FRAME, REGIONS[:1]))) == 1
    assert list(preparer.crops(FRAME, [])) == []
    assert threads() == before


def test_one_thread_serves_many_frames_and_ends_when_closed():
    before = threads()
    opened = Preparer(SPEC.height, SPEC.width)
    for _ in range(20):
        for _ in opened.crops(FRAME, REGIONS[:3]):
            pass
    assert threads() == before + 1
    opened.close()
    assert threads() == before


def test_regions_without_end_can_be_left(preparer):
    """One more than was used has been asked for, no more."""
    asked = []

    def endless():
        for n in count():
            asked.append(n)
            yield REGIONS[n % 30]

    crops = preparer.crops(FRAME, endless())
    next(crops)
    next(crops)
    crops.close()
    assert len(asked) == 3
    np.testing.assert_array_equal(next(preparer.crops(FRAME, REGIONS[5:]))[0], wanted(REGIONS[5]))


def test_what_fails_fails_when_its_turn_comes(preparer):
    crops = preparer.crops(FRAME, [REGIONS[0], REGIONS[1], Region(80, 0, 95, 9), REGIONS[2]])
    next(crops)
    np.testing.assert_array_equal(next(crops)[0], wanted(REGIONS[1]))
    with pytest.raises(ValueError, match="90 x 60"):
        next(crops)
    assert len(list(preparer.crops(FRAME, REGIONS))) == 30


def test_what_nobody_asked_for_may_fail(preparer):
    crops = preparer.crops(FRAME, [REGIONS[0], Region(80, 0, 95, 9)])
    next(crops)
    crops.close()
    assert len(list(preparer.crops(FRAME, REGIONS))) == 30


def test_another_picture_ends_the_one_before(preparer):
    """Both would write into the same memory."""
    old = preparer.crops(FRAME, REGIONS)
    next(old)
    new = preparer.crops(FRAME, REGIONS[3:])
    next(new)
    with pytest.raises(ValueError, match="another picture was begun"):
        next(old)
    np.testing.assert_array_equal(next(new)[0], wanted(REGIONS[4]))


def test_what_is_done_in_turn_is_done_one_after_the_other_however_busy_the_thread_is(preparer):
    running: list[int] = []
    order: list[tuple[int, str]] = []

    def work(n: int) -> None:
        assert not running
        running.append(n)
        time.sleep(0.005)
        running.remove(n)
        order.append((n, threading.current_thread().name))

    crops = preparer.crops(FRAME, REGIONS[:4])
    given = [preparer.in_turn(partial(work, n)) for n, _ in enumerate(crops)]
    for one in given:
        one()
    assert [n for n, _ in order] == [0, 1, 2, 3]
    *others, last = (name for _, name in order)
    assert all(name.startswith("prepare") for name in others)
    assert last == threading.current_thread().name  # nothing runs beside it


def test_an_engine_that_fails_leaves_nothing_that_goes_on(tiny_bundle, monkeypatch):
    """What the looks before it showed is worked in, and the next frame may begin."""
    seen: list[Region] = []
    real = Memory.saw

    def saw(self, picture, heads, item, region, *rest):
        time.sleep(0.05)
        real(self, picture, heads, item, region, *rest)
        seen.append(region)

    monkeypatch.setattr(Memory, "saw", saw)
    with open_tagger(tiny_bundle) as tagger:
        tagger._engine = Broken(tagger._engine, after=3)  # at the frame as a whole, and two looks
        with pytest.raises(InferenceError, match="gone"):
            tag_frame(tagger, FRAME)
        assert len(seen) == 2
        tagger._engine.after = 1000
        assert tag_frame(tagger, FRAME).tags == tag_frame(tagger, FRAME).tags


class Slow:
    """An engine that moves the clock by 5 ms a launch."""

    def __init__(self, engine) -> None:
        self._engine, self.launches = engine, 0
        self.name, self.provider, self.input = engine.name, engine.provider, engine.input

    def run(self, batch):
        self.launches += 1
        return self._engine.run(batch)

    def close(self) -> None:
        self._engine.close()

    def now_s(self) -> float:
        return self.launches * 0.005


class Broken(Slow):
    """One that fails at a launch."""

    def __init__(self, engine, after: int) -> None:
        super().__init__(engine)
        self.after = after

    def run(self, batch):
        if self.launches == self.after:
            raise InferenceError("the device is gone", fix="reset it")
        return super().run(batch)


@pytest.mark.parametrize("budget_ms", [0.0, 12.0, 60.0])
def test_what_was_made_ahead_is_not_launched_for_that(tiny_bundle, monkeypatch, budget_ms):
    """Whether it is launched is decided when its turn comes, and no launch begins too late."""
    frame = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
    with open_tagger(tiny_bundle) as tagger:
        tagger.pace.measure(tagger)
        engine = tagger._engine = Slow(tagger._engine)
        cut: list[Region] = []
        real = pixels.crop_into
        monkeypatch.setattr(
            pixels,
            "crop_into",
            lambda p, region, *rest: (cut.append(region), real(p, region, *rest)),
        )
        view = View(budget=Budget(frame_ms=budget_ms))
        seen = tag_frame(tagger, frame, view, clock=engine.now_s)
    assert engine.launches == len(seen.looks) >= 1
    assert 5 * (engine.launches - 1) <= budget_ms
    assert len(cut) <= engine.launches + 1
    assert seen.skipped
