"""The loops: the engine alone, batches, whole frames. Warm first, then for at least so long."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter

from edge.bench.line import STAGES, FrameCost
from edge.bench.samples import ENOUGH_FOR_P99, quantiles
from edge.bench.staged import Staged
from edge.errors import CheckFailed
from edge.frames import tag_frame
from edge.pictures import pixels
from edge.records import U8, Budget, Region
from edge.seen import View
from edge.tagger import Tagger

WARM_UP = 5  # launches, or frames
LONGER = 4  # times the time asked for, at most, until p99 can be told
MOST = 1_000_000  # launches: memory is bounded
# Without a limit in ms: every frame makes as many looks.
FRAME = View(budget=Budget(max_regions=12))
CUT = 4  # crops of the scene that batches are made of, a side

Stop = Callable[[], bool]


def engine_alone(tagger: Tagger, frame: U8, seconds: float, is_stopped: Stop) -> array[float]:
    """ms of each launch with one picture, in the order made; one at least."""
    batch = tagger.cut(frame, crops(frame)[:1]).copy()
    for _ in range(WARM_UP):
        tagger.launch(batch)
    taken: array[float] = array("d")
    begin = perf_counter()
    while True:
        taken.append(tagger.launch(batch)[1])
        spent_s = perf_counter() - begin
        is_enough = spent_s >= seconds and len(taken) >= ENOUGH_FOR_P99
        if is_enough or spent_s >= LONGER * seconds or len(taken) == MOST or is_stopped():
            return taken


def by_batch(
    tagger: Tagger, frame: U8, batches: Sequence[int], seconds: float, is_stopped: Stop
) -> dict[str, float]:
    """Batch -> ms a picture, medians; the batches take turns. seconds: for all of them."""
    regions = crops(frame)
    made = {b: tagger.cut(frame, [regions[n % len(regions)] for n in range(b)]).copy()
            for b in batches}  # fmt: skip
    taken: dict[int, array[float]] = {b: array("d") for b in batches}
    begin, turn = perf_counter(), 0
    while batches and (turn < 2 or perf_counter() - begin < seconds):  # the first turn warms up
        for b in batches if turn % 2 else reversed(batches):
            go_on(is_stopped)
            taken[b].append(tagger.launch(made[b])[1] / b)
        turn += 1
    return {str(b): round(median(ms[1:]), 4) for b, ms in taken.items() if len(ms) > 1}


def frames(tagger: Tagger, frame: U8, seconds: float, is_stopped: Stop) -> FrameCost:
    """Whole frames, with overlap and without in turns, two of each at least. seconds: for both."""
    staged = Staged(tagger)
    whole: array[float] = array("d")
    parts: dict[str, array[float]] = {stage: array("d") for stage in STAGES}
    begin, turn, launches = perf_counter(), 0, 0
    while turn < 3 or perf_counter() - begin < seconds:
        go_on(is_stopped)
        start = perf_counter()
        tag_frame(tagger, frame, FRAME)
        ms = (perf_counter() - start) * 1e3
        go_on(is_stopped)
        stages_ms, launches = staged.stages_ms(frame, FRAME)
        turn += 1
        if turn == 1:  # it warms up
            continue
        whole.append(ms)
        for stage in STAGES:
            parts[stage].append(stages_ms[stage])
    found = {stage: round(median(ms), 4) for stage, ms in parts.items()}
    return FrameCost(quantiles(whole), found, launches, pixels.size(frame))


def go_on(is_stopped: Stop) -> None:
    """Raises CheckFailed once stopped."""
    if is_stopped():
        raise CheckFailed(
            "bench: stopped before its end, so there is no result",
            fix="let it run to its end; --min-seconds S makes it shorter",
        )


def crops(frame: U8) -> list[Region]:
    """Parts of the frame, all of one size."""
    height, width = frame.shape[0] // CUT, frame.shape[1] // CUT
    places = [(column * width, row * height) for row in range(CUT) for column in range(CUT)]
    return [Region(x, y, x + width, y + height) for x, y in places]
