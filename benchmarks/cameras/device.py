"""A virtual device: a tagger whose launches take what a table says, on a clock of its own.

The clock moves by the table for each launch, and by the CPU time that everything else takes here:
choosing, following, fusing are the real thing. What a look says is taken from the truth: it names
the largest thing that lies in its region, if that has LEAST_PX or more at the input. So who looks
where and when is measured, and not how good a tagger is.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from time import thread_time

import msgspec
import numpy as np

from benchmarks.cameras.yard import HEAD, TAGS, TALL, WIDE, Crossing
from benchmarks.scoring import is_held
from edge.bundle.manifest import Head, StoredFile
from edge.glance.heat import Heat, Spot
from edge.records import F32, Box, Picture, Region
from edge.schedule.pace import Pace

INPUT_PX = 224
LEAST_PX = 32
SEEN = 0.9  # of the things, by a glance
FALSE = 2  # spots of a glance where nothing is
SURE = 6.0  # logit of what is named


class Table(msgspec.Struct, frozen=True):
    """What a launch takes on a device, ms."""

    name: str
    focus_ms: float
    glance_ms: float


class Looks(msgspec.Struct, frozen=True, eq=False):
    """Of one region."""

    embedding: F32
    scores: dict[str, F32]
    engine_ms: float


class Device:
    """What `tag_frame` and the peers' rules need of a tagger."""

    has_glance = True
    input_px = INPUT_PX

    def __init__(self, table: Table, seed: int) -> None:
        self.table = table
        self.heads = (Head(HEAD, "softmax", StoredFile(HEAD, 1, "0"), 1.0, (0.5,), has_none=True),)
        self.tags = {HEAD: tuple((tag, None) for tag in TAGS)}
        self.engine_ms = 0.0  # in all launches
        self._draw = np.random.default_rng([0xDE, seed])
        self._base_s, self._mark_s = 0.0, thread_time()
        self._there: Sequence[tuple[Crossing, Box]] = ()
        self.pace = Pace(self.clock)
        self.pace.measure(self)
        self.pass_to(0.0, ())
        self.engine_ms = 0.0

    def clock(self) -> float:
        """Seconds."""
        return self._base_s + thread_time() - self._mark_s

    def pass_to(self, now_s: float, there: Sequence[tuple[Crossing, Box]]) -> None:
        """It is `now_s`, and this is what there is to see. What went before took no time."""
        self._base_s, self._mark_s, self._there = now_s, thread_time(), there

    def look(self, picture: Picture, regions: Sequence[Region]) -> Looks:
        [looks] = self.looks(picture, regions)
        return looks

    def looks(self, picture: Picture, regions: Iterable[Region]) -> Generator[Looks, None, None]:
        for region in regions:
            self._launch(self.table.focus_ms)
            yield self._seen_in(region)

    def glance(self, picture: Picture, part: Region | None = None) -> tuple[Heat, float]:
        """Of the frame, or of a part of it, which shows the things that lie in it."""
        self._launch(self.table.glance_ms)
        seen = (0, 0, WIDE, TALL) if part is None else part.box
        there = [box for _, box in self._there if is_held(box, seen)]
        spots = [Spot(_inside(box), 0.8) for box in there if self._draw.random() < SEEN]
        for x, y in self._draw.random((FALSE, 2)):
            left, top = int(x * (WIDE - 120)), int(y * (TALL - 120))
            spots.append(Spot((left, top, left + 120, top + 120), 0.4))
        return Heat(np.zeros((1, 1, 1), np.float32), tuple(spots)), self.table.glance_ms

    def _launch(self, ms: float) -> None:
        self._base_s += ms / 1e3
        self.engine_ms += ms

    def _seen_in(self, region: Region) -> Looks:
        longest = max(region.x1 - region.x0, region.y1 - region.y0)
        inside = [c for c, box in self._there if is_held(box, region.box)]
        thing = max(inside, key=lambda c: c.side, default=None)
        is_named = thing is not None and thing.side * INPUT_PX / longest >= LEAST_PX
        z = np.zeros(len(TAGS) + 1, np.float32)
        z[thing.tag if thing is not None and is_named else -1] = SURE
        e = np.exp(z)
        known = np.random.default_rng(thing.id + 1 if thing and is_named else 0).standard_normal(16)
        view = known + 0.2 * self._draw.standard_normal(16)
        row = (view / np.linalg.norm(view)).astype(np.float32)
        return Looks(row[None], {HEAD: (e / e.sum())[None]}, self.table.focus_ms)


def _inside(box: Box) -> Box:
    """The part of it that lies in the frame."""
    return max(0, box[0]), max(0, box[1]), min(WIDE, box[2]), min(TALL, box[3])
