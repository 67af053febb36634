"""What a watcher knew of each frame, against the truth. Pure.

A tag is right when a thing with that tag, in that head, lies where it is told to be: 70 % of the
thing in the box, or half of the smaller one in the other. A box of more than half the frame's width
is no place.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import msgspec

from benchmarks.looking import Look
from benchmarks.scoring import is_held
from edge.pictures.regions import shared
from edge.records import Box, Tag

OVERLAP = 0.5
WIDEST = 0.5  # of the frame


class Truth(msgspec.Struct, frozen=True):
    """A thing in a frame."""

    id: int
    head: str
    tag: str
    box: Box


class Row(msgspec.Struct, frozen=True):
    """A frame of a watcher. Ids are of things that are all to be seen."""

    frame: int
    seen: frozenset[int]  # all there are
    told: frozenset[int]  # those whose tag is told, where they are
    looked: frozenset[int]  # those that a look in this frame held, the whole frame's look aside
    named: frozenset[int]  # of them, those it named
    tags: int  # told, in heads that name things
    right: int  # of them, those that are true
    crops: int = 0  # looks at parts of the frame
    took_ms: float | None = None  # None: it was still busy with an earlier frame
    waited_ms: float = 0.0  # before it began
    cpu_ms: float = 0.0

    @property
    def latency_ms(self) -> float | None:
        """From capture to tags."""
        return None if self.took_ms is None else self.waited_ms + self.took_ms


def judged(
    frame: int,
    truths: Sequence[Truth],
    tags: Iterable[Tag],
    looks: Iterable[Look],
    heads: Collection[str],
    width: int,
) -> Row:
    """A row without its times. heads: those that name things."""
    placed = [t for t in tags if t.head in heads and t.box[2] - t.box[0] <= WIDEST * width]
    pairs = [(tag, truth) for tag in placed for truth in truths if is_right(tag, truth)]
    closer = [look for look in looks if look.region.kind != "full"]
    held = [(look, t) for look in closer for t in truths if is_held(t.box, look.region.box)]
    named = {t.id for look, t in held if any((s.head, s.tag) == (t.head, t.tag) for s in look.tags)}
    return Row(
        frame,
        frozenset(t.id for t in truths),
        frozenset(truth.id for _, truth in pairs),
        frozenset(t.id for _, t in held),
        frozenset(named),
        len(placed),
        len({id(tag) for tag, _ in pairs}),
        len(closer),
    )


def is_right(tag: Tag, truth: Truth) -> bool:
    """Is the tag true of the thing, and told where the thing is?"""
    if (tag.head, tag.tag) != (truth.head, truth.tag):
        return False
    return is_held(truth.box, tag.box) or shared(truth.box, tag.box) >= OVERLAP


def told_share(rows: Sequence[Row]) -> float:
    """Of the things to be seen in each frame, the share whose tags are told; NaN for none."""
    seen = sum(len(row.seen) for row in rows)
    return sum(len(row.told) for row in rows) / seen if seen else float("nan")


def waits(rows: Sequence[Row]) -> dict[int, float]:
    """Thing -> frames from when all of it is to be seen until its tag is told, that one included.

    A thing that is never told waits for ever, if it stays for more than 10 frames; one that was
    there in the first row is no newcomer.
    """
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    told: dict[int, int] = {}
    for row in rows:
        for n in row.seen:
            first.setdefault(n, row.frame)
            last[n] = row.frame
        for n in row.told:
            told.setdefault(n, row.frame)
    newcomers = [n for n, frame in first.items() if frame > rows[0].frame]
    stayed = [n for n in newcomers if n in told or last[n] - first[n] > 10]
    return {n: told[n] - first[n] + 1 if n in told else float("inf") for n in stayed}


def ages(rows: Sequence[Row]) -> list[float]:
    """Of each thing in each frame, how many frames ago a look named it; since it came if none did.

    0: in this very frame.
    """
    newest: dict[int, int] = {}
    found = []
    for row in rows:
        for n in row.seen:
            newest.setdefault(n, row.frame)
            if n in row.named:
                newest[n] = row.frame
            found.append(float(row.frame - newest[n]))
    return found


def looks_each(rows: Sequence[Row]) -> dict[int, int]:
    """Thing -> frames in which a look held it, for those seen in more than 20 frames."""
    seen: dict[int, int] = {}
    looked: dict[int, int] = {}
    for row in rows:
        for n in row.seen:
            seen[n] = seen.get(n, 0) + 1
            looked[n] = looked.get(n, 0) + (n in row.looked)
    return {n: looked[n] for n, frames in seen.items() if frames > 20}


def passed_by(rows: Sequence[Row]) -> float:
    """Of the things that came and left, the share that no look held; NaN when none did."""
    first_seen, last_seen = rows[0].seen, rows[-1].seen
    every = frozenset().union(*(row.seen for row in rows))
    crossed = every - first_seen - last_seen
    looked = frozenset().union(*(row.looked for row in rows))
    return len(crossed - looked) / len(crossed) if crossed else float("nan")
