"""The records that travel between modules, and the JSON line a user reads. All frozen.

Shape letters: N batch, H height, W width. Units are in the names: `_ms`, `_px`, `_s`.
"""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]

Box = tuple[int, int, int, int]  # x0, y0, x1, y1 in frame pixels, half-open

SCHEMA = 1  # of the JSON line; grows when a field changes its meaning


class Frame(msgspec.Struct, frozen=True, eq=False):
    """One picture from a source, or the reason why there is none."""

    source: str  # the path, URL or camera as the user wrote it
    index: int  # 0-based count within this source
    time: str  # wall clock when it was read, RFC 3339 in UTC
    pixels: U8 | None  # (H, W, 3) RGB; None when it could not be read
    error: str = ""  # why `pixels` is None, `where: thing is found, expected ...`


class Region(msgspec.Struct, frozen=True):
    """A rectangle of a frame, half-open: x0 <= x < x1."""

    x0: int
    y0: int
    x1: int
    y1: int
    kind: Literal["full", "tile", "crop"] = "crop"

    @property
    def box(self) -> Box:
        return self.x0, self.y0, self.x1, self.y1


class Candidate(msgspec.Struct, frozen=True):
    """A region that could be looked at, and what that look is expected to bring."""

    region: Region
    gain: float  # expected gain of a look; only its order and ratios matter
    overdue: bool = False  # waited too long: goes before any gain


class Budget(msgspec.Struct, frozen=True):
    """What the closer looks at one frame may cost."""

    frame_ms: float = float("inf")  # all closer looks together
    max_regions: int = 120  # upper limit, whatever the time allows


class Tag(msgspec.Struct, frozen=True):
    """A word about a part of a frame."""

    head: str
    tag: str
    group: str | None  # the coarser tag it belongs to, for heads that have groups
    score: float  # calibrated probability, 0..1
    box: Box  # the whole frame for a tag of the glance
    track: int | None = None
    looks: int = 1  # regions that gave this tag


class Spent(msgspec.Struct, frozen=True):
    """What a frame cost."""

    total_ms: float  # from decoded pixels to tags
    engine_ms: float  # of that, inside the engine
    glances: int
    crops: int


class FrameTags(msgspec.Struct, frozen=True):
    """One line of the results. Field names are a promise."""

    schema: int
    source: str
    frame: int
    time: str
    size: tuple[int, int]  # W, H
    tags: tuple[Tag, ...]  # best first
    spent: Spent
    coverage: float  # share of the area that was to be looked at closely and was, 0..1
    bundle: str  # name@counter
    engine: str  # engine/PROVIDER


class FrameFailed(msgspec.Struct, frozen=True):
    """The line of a frame that could not be read."""

    schema: int
    source: str
    frame: int
    time: str
    error: str


class TensorSpec(msgspec.Struct, frozen=True):
    """One input or output of a loaded artifact."""

    name: str
    shape: tuple[int, ...]  # -1 where the artifact leaves the size open
    dtype: str  # numpy name
