"""A virtual device: a tagger whose launches take what a table says, on a clock of its own.

The clock moves by the table and by nothing else, so a run is exact, whatever else this machine
does. Choosing, following and fusing are the real thing; what they take was measured once and stands
in the table, and what a peer does outside its launches costs nothing.

What a look says is taken from the truth: it names the largest thing that lies in its region, if
that has LEAST_PX or more at the input. A glance sees most things, and some places that are none. As
with a real one the same picture gives the same glance, whoever looks: chance hangs on the frame. So
who looks where and when is measured, and not how good a tagger is.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence

import msgspec
import numpy as np

from benchmarks.cameras.yard import HEAD, SEEN, TAGS, TALL, WIDE, Scene, inside_frame
from benchmarks.scoring import is_held
from edge.bundle.manifest import Head, StoredFile
from edge.glance.heat import Heat, Spot
from edge.records import F32, Picture, Region
from edge.schedule.pace import Pace
from edge.seen import OneByOne

INPUT_PX = 224
LEAST_PX = 32
SURE = 6.0  # logit of what is named


class Table(msgspec.Struct, frozen=True):
    """What a launch takes on a device, ms, and what edge-tag takes beside it."""

    name: str
    focus_ms: float
    glance_ms: float
    frame_ms: float = 0.0  # of a frame, whether anything is launched or not
    launch_ms: float = 0.0  # after each launch


class Looks(msgspec.Struct, frozen=True, eq=False):
    """Of one region."""

    embedding: F32
    scores: dict[str, F32]
    engine_ms: float


class Device(OneByOne):
    """What `tag_frame` and the peers' rules need of a tagger."""

    has_glance = True
    input_px = INPUT_PX

    def __init__(self, table: Table) -> None:
        self.table = table
        self.heads = (Head(HEAD, "softmax", StoredFile(HEAD, 1, "0"), 1.0, (0.5,), has_none=True),)
        self.tags = {HEAD: tuple((tag, None) for tag in TAGS)}
        self.engine_ms = 0.0  # in all launches
        self._now_s, self._frame_ms = 0.0, 0.0
        self._scene = Scene()
        self.pace = Pace(self.clock)
        self.pace.measure(self)
        self.engine_ms = 0.0

    def clock(self) -> float:
        """Seconds. The first one to ask about a frame begins with it: that takes its time too."""
        now_s = self._now_s
        self._pass(self._frame_ms)
        self._frame_ms = 0.0
        return now_s

    def show(self, now_s: float, scene: Scene) -> None:
        """It is `now_s`, and this is what there is to see."""
        self._now_s, self._scene, self._frame_ms = now_s, scene, self.table.frame_ms

    def ended_s(self) -> float:
        """When the last launch, and what was made of it, had ended."""
        return self._now_s

    def look(self, picture: Picture, regions: Sequence[Region]) -> Looks:
        """A peer's: what it makes of it costs nothing."""
        [region] = regions
        self._launch(self.table.focus_ms)
        return self._seen_in(region)

    def looks(self, picture: Picture, regions: Iterable[Region]) -> Generator[Looks, None, None]:
        for region in regions:
            looks = self.look(picture, [region])
            self._pass(self.table.launch_ms)
            yield looks

    def glance(self, picture: Picture, part: Region | None = None) -> tuple[Heat, float]:
        """Of the frame, or of a part of it, which shows the things that lie in it."""
        self._launch(self.table.glance_ms)
        self._pass(self.table.launch_ms)
        seen = (0, 0, WIDE, TALL) if part is None else part.box
        draw = np.random.default_rng([0xDE, *self._scene.chance, *seen])
        there = [box for _, box in self._scene.there if draw.random() < SEEN]
        spots = [Spot(inside_frame(box), 0.8) for box in there if is_held(box, seen)]
        spots += [Spot(box, 0.4) for box in self._scene.false if is_held(box, seen)]
        return Heat(np.zeros((1, 1, 1), np.float32), tuple(spots)), self.table.glance_ms

    def _launch(self, ms: float) -> None:
        self._pass(ms)
        self.engine_ms += ms

    def _pass(self, ms: float) -> None:
        self._now_s += ms / 1e3

    def _seen_in(self, region: Region) -> Looks:
        longest = max(region.x1 - region.x0, region.y1 - region.y0)
        inside = [c for c, box in self._scene.there if is_held(box, region.box)]
        thing = max(inside, key=lambda c: c.side, default=None)
        is_named = thing is not None and thing.side * INPUT_PX / longest >= LEAST_PX
        z = np.zeros(len(TAGS) + 1, np.float32)
        z[thing.tag if thing is not None and is_named else -1] = SURE
        e = np.exp(z)
        known = np.random.default_rng(thing.id + 1 if thing and is_named else 0).standard_normal(16)
        draw = np.random.default_rng([0x1F, *self._scene.chance, *region.box])
        view = known + 0.2 * draw.standard_normal(16)
        row = (view / np.linalg.norm(view)).astype(np.float32)
        return Looks(row[None], {HEAD: (e / e.sum())[None]}, self.table.focus_ms)
