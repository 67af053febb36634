"""A result as rows of a table, for people."""

from __future__ import annotations

from collections.abc import Iterator

from edge.bench.line import Line
from edge.spelling import counted

Row = tuple[str, str]


def rows(line: Line) -> Iterator[Row]:
    """For a person."""
    yield "board", line.board
    yield "runs", f"{line.bundle} on {line.engine}/{line.provider}, {line.precision}"
    yield "threads", "the engine decides" if line.threads is None else str(line.threads)
    yield from _engine(line)
    yield from _frame(line)
    for batch, ms in line.batch_ms.items():
        yield f"batch {batch}", f"{ms:.2f} ms a picture"
    if line.roof is not None:
        yield "roofline", f"{line.roof.share:.1%} of what {line.roof.bound} allows"
    if line.energy is not None:
        mj = 1e3 * line.energy.joules_per_launch
        yield "energy", f"{mj:.1f} mJ a launch, {line.energy.watts:.2f} W ({line.energy.source})"
    if line.golden is not None:
        apart = f"scores within {line.golden.largest_difference:.3f}"
        yield "golden", f"{counted(line.golden.pictures, 'picture')}, {apart}"
    if line.top1:
        yield "top-1", ", ".join(f"{h} {100 * share:.1f} %" for h, share in line.top1.items())
    yield from _machine(line)
    for what, why in line.notes.items():
        yield f"no {what}", why
    yield line.verdict, "; ".join(line.reasons)


def _engine(line: Line) -> Iterator[Row]:
    ms = line.engine_ms
    if ms is not None:
        p99 = "too few launches to tell" if ms.p99 is None else f"{ms.p99:.2f}"
        yield "engine, ms", f"p50 {ms.p50:.2f}  p90 {ms.p90:.2f}  p99 {p99}  least {ms.least:.2f}"
        yield "", f"{ms.count} launches in {line.seconds:.1f} s, spread {line.spread or 0:.1%}"
        yield "CPU, ms", f"{line.cpu_ms or 0:.2f} a launch, all threads"


def _frame(line: Line) -> Iterator[Row]:
    if line.frame is not None:
        width, height = line.frame.size
        p50 = line.frame.ms.p50
        yield f"{width} x {height} frame", f"p50 {p50:.1f} ms, {line.frame.launches} launches"
        parts = ", ".join(f"{stage} {ms:.2f}" for stage, ms in line.frame.stages_ms.items())
        yield "by stage, ms", f"{parts} (one after the other)"


def _machine(line: Line) -> Iterator[Row]:
    if line.machine is not None:
        others = "" if line.others is None else f", others took {line.others:.0%} of our cores"
        cores = f"{line.machine.cores} of {line.machine.cores_of} cores"
        yield "machine", f"{cores}, load {line.machine.load}{others}"
    if line.power is not None:
        before, after = line.power
        held = ", ".join(dict.fromkeys((*before.now, *after.now))) or "nothing the device tells of"
        yield "held by", held
