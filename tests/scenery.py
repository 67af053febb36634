"""A scene of known things, and a tagger that knows it, on a clock that only its launches move.

What a look says depends on how large a thing is in it, as with a real tagger, and on chance.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field

import cv2
import msgspec
import numpy as np

from edge.bundle.manifest import Head, StoredFile
from edge.frames import tag_frame
from edge.glance.heat import Heat, Spot
from edge.memory.known import Memory
from edge.pictures.regions import alike, shared_px
from edge.records import F32, U8, Box, Picture, Region
from edge.schedule.pace import Pace
from edge.schedule.spending import nobody
from edge.seen import AS_USUAL, OneByOne, Seen, View

WIDTH, HEIGHT = 320, 240
INPUT_PX = 32  # tiles are 96 px, 15 of them
STEP_S = 0.2  # from frame to frame

LABELS = tuple("abcdef")
KIND = Head("kind", "softmax", StoredFile("kind.txt", 1, "0"), 1.0, (0.5,), has_none=True)
WORDS = Head("words", "multilabel", StoredFile("words.txt", 1, "0"), 1.0, (0.5,))


@dataclass
class Thing:
    """A square, moving by so many px a frame."""

    label: str
    x: float
    y: float
    side: int = 24
    dx: float = 0.0
    dy: float = 0.0
    since: int = 0  # the frame it comes in
    heat: float = 0.9  # of its spot

    def box(self, frame: int) -> Box:
        x, y = round(self.x + self.dx * frame), round(self.y + self.dy * frame)
        return x, y, x + self.side, y + self.side


class Looks(msgspec.Struct, frozen=True, eq=False):
    """Of one region."""

    embedding: F32
    scores: dict[str, F32]
    engine_ms: float


@dataclass
class Launch:
    """What was launched, and when it ended, in ms of the frame."""

    role: str
    box: Box
    end_ms: float


@dataclass
class Scene(OneByOne):
    """Things before a background, and a tagger that looks at them."""

    things: Sequence[Thing] = ()
    focus_ms: float = 4.0
    glance_ms: float = 3.0
    has_glance: bool = True
    noise: float = 0.0  # of a look's logits
    shake_px: float = 0.0  # of a spot
    hidden_px: int = 0  # side of things that a glance at all of the frame does not show: below it
    seed: int = 0
    slow: Callable[[float], float] = lambda now_s: 1.0  # how much slower a launch is
    heads: tuple[Head, ...] = (KIND, WORDS)
    input_px: int = INPUT_PX
    step_s: float = STEP_S
    now_s: float = 0.0
    frame: int = 0
    launches: list[Launch] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.pace = Pace(self.clock)
        self.past = Memory()
        self.tags = {head.name: tuple((label, None) for label in LABELS) for head in self.heads}
        self._background = np.random.default_rng(1).integers(90, 110, (HEIGHT, WIDTH, 3), np.uint8)
        self._begin_s = 0.0

    def clock(self) -> float:
        return self.now_s

    def picture(self) -> U8:
        """The frame: each thing has a pattern of its own."""
        rgb = self._background.copy()
        for thing in self.there():
            x0, y0, x1, y1 = thing.box(self.frame)
            spots = np.random.default_rng(ord(thing.label)).integers(0, 256, (6, 6), np.uint8)
            pattern = cv2.resize(spots, (thing.side, thing.side))[..., None]
            part = rgb[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
            shift = max(0, -y0), max(0, -x0)
            part[:] = pattern[shift[0] :, shift[1] :][: part.shape[0], : part.shape[1]]
        return rgb

    def there(self) -> list[Thing]:
        """What is in the frame."""
        frame = (0, 0, WIDTH, HEIGHT)
        return [
            t
            for t in self.things
            if t.since <= self.frame and shared_px(t.box(self.frame), frame) > 0
        ]

    def watch(self, view: View = AS_USUAL, is_waited_for: Callable[[], bool] = nobody) -> Seen:
        """Tag the next frame, `step_s` after the one before."""
        self.pace.measure(self)
        self.launches.clear()
        at_s = self.frame * self.step_s
        self._begin_s = self.now_s
        picture = self.picture()
        seen = tag_frame(self, picture, view, self.past, self.clock, at_s, is_waited_for)
        self.frame += 1
        return seen

    # What a frame needs of a tagger.

    def look(self, picture: Picture, regions: Sequence[Region]) -> Looks:
        [looks] = self.looks(picture, regions)
        return looks

    def looks(self, picture: Picture, regions: Iterable[Region]) -> Generator[Looks, None, None]:
        for region in regions:
            ms = self._launch("focus", region.box, self.focus_ms)
            yield self._seen_in(region, ms)

    def glance(self, picture: Picture, part: Region | None = None) -> tuple[Heat, float]:
        within = part.box if part else (0, 0, WIDTH, HEIGHT)
        ms = self._launch("glance", within, self.glance_ms)
        spots: list[Spot] = []
        least_px = 0 if part else self.hidden_px
        shown = [t for t in self.there() if t.side >= least_px]
        for thing in (t for t in shown if _share(t.box(self.frame), within) == 1 or not part):
            shift = self.rng.normal(0, self.shake_px, 2).round().astype(int)
            x0, y0, x1, y1 = thing.box(self.frame)
            x0, x1 = (min(max(int(v + shift[0]), 0), WIDTH) for v in (x0, x1))
            y0, y1 = (min(max(int(v + shift[1]), 0), HEIGHT) for v in (y0, y1))
            spot = Spot((x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)), thing.heat)
            if not any(alike(spot.box, other.box) for other in spots):
                spots.append(spot)
        return Heat(np.zeros((1, 1, 1), np.float32), tuple(spots)), ms

    def _launch(self, role: str, box: Box, usual_ms: float) -> float:
        ms = usual_ms * self.slow(self.now_s)
        self.now_s += ms / 1e3
        self.launches.append(Launch(role, box, (self.now_s - self._begin_s) * 1e3))
        return ms

    def _seen_in(self, region: Region, ms: float) -> Looks:
        """The largest thing that is whole in it, as far as it is large enough to tell."""
        inside = [t for t in self.there() if _share(t.box(self.frame), region.box) >= 0.7]
        thing = max(inside, key=lambda t: t.side, default=None)
        side = max(region.x1 - region.x0, region.y1 - region.y0)
        large = min(1.0, thing.side * self.input_px / side / 12) if thing else 0.0
        z = np.zeros(len(LABELS) + 1)
        z[LABELS.index(thing.label) if thing and large > 0.3 else -1] = 1 + 4 * large
        z += self.rng.normal(0, self.noise, len(z)) if self.noise else 0
        kind = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
        words = (1 / (1 + np.exp(-(z[None, :-1] - 1)))).astype(np.float32)
        scores = {head.name: words for head in self.heads if head.kind == "multilabel"}
        scores |= {"kind": kind[None].astype(np.float32), "words": words}
        known = np.random.default_rng(ord(thing.label) if thing else 0).standard_normal((1, 8))
        view = known + 0.3 * self.rng.standard_normal((1, 8))
        return Looks((view / np.linalg.norm(view)).astype(np.float32), scores, ms)


def _share(box: Box, of: Box) -> float:
    return shared_px(box, of) / max(1, (box[2] - box[0]) * (box[3] - box[1]))
