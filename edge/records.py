"""The records that travel between modules, and the JSON line a user reads. All frozen.

Shape letters: N batch, H height, W width. Units are in the names: `_ms`, `_px`, `_s`.
"""

from __future__ import annotations

from typing import Any, Literal, TypeVar

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType

from edge.errors import with_fix

_Number = TypeVar("_Number", bound=np.generic)
NDArray = np.ndarray[Any, np.dtype[_Number]]  # numpy.typing's own, without its 12 ms at start
U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

Box = tuple[int, int, int, int]  # x0, y0, x1, y1 in frame pixels, half-open

SCHEMA = 1  # of the JSON line; grows when a field changes its meaning


class Planes(msgspec.Struct, frozen=True, eq=False):
    """A frame as cameras and decoders give it: brightness in full, colour at half the size."""

    luma: U8  # (H, W), sides even
    chroma: tuple[U8, ...]  # I420: two of (H / 2, W / 2), u then v; NV12: one of (H / 2, W / 2, 2)


Picture = U8 | Planes  # (H, W, 3) RGB, or planes


class Frame(msgspec.Struct, frozen=True, eq=False):
    """One picture from a source, or the reason why there is none."""

    source: str  # the path, URL or camera as the user wrote it
    index: int  # 0-based count within this source
    time: str  # wall clock when it was read, RFC 3339 in UTC
    pixels: Picture | None  # None when it could not be read
    error: str = ""  # why `pixels` is None, `where: thing is found, expected ...`
    # When it was taken: a camera's on the monotonic clock of the machine, a clip's within the clip.
    at_s: float | None = None  # seconds; a picture has none
    fix: str = ""  # of the error: one thing the reader can do


class Region(msgspec.Struct, frozen=True):
    """A rectangle of a frame, half-open: x0 <= x < x1."""

    x0: int
    y0: int
    x1: int
    y1: int
    kind: Literal["full", "part", "tile", "crop"] = "crop"  # part: for a glance

    @property
    def box(self) -> Box:
        return self.x0, self.y0, self.x1, self.y1


class Budget(msgspec.Struct, frozen=True):
    """What one frame may cost. Raises ValueError for a time below 0, or none."""

    frame_ms: float = float("inf")  # from its pixels to its tags
    max_regions: int = 120  # upper limit, whatever the time allows
    # Of frame_ms, for places that only time speaks for; None: a tenth, and what others leave.
    exploring_ms: float | None = None
    sure_ms: float = float("inf")  # of frame_ms; what is beyond, only while nobody else waits

    def __post_init__(self) -> None:
        if not self.frame_ms >= 0:  # a NaN, too: nothing is above it, so that it would be no limit
            raise ValueError(f"frame_ms is {self.frame_ms}, expected ms, 0 or more")


class Attribute(msgspec.Struct, frozen=True):
    """What a garment has beside being one."""

    group: str  # "sleeve", "pattern", ...: of each at most one is said
    tag: str
    score: float  # calibrated probability, 0..1


class Tag(msgspec.Struct, frozen=True):
    """A word about a part of a frame."""

    head: str
    tag: str
    group: str | None  # the coarser tag it belongs to, for heads that have groups
    score: float  # calibrated probability, 0..1
    box: Box  # the whole frame for a tag of the glance
    track: int | None = None  # the thing it is about, the same in every frame of a source
    looks: int = 1  # at it, in all frames
    age_s: float = 0.0  # since the last of them
    state: Literal["open", "settled", "unsure"] = "open"  # would another look change it?
    level: Literal["tag", "group"] = "tag"  # "group": `tag` is a group; which of its tags is unsure
    colour: str | UnsetType = UNSET  # of a garment; else not said
    attributes: tuple[Attribute, ...] | UnsetType = UNSET  # of a garment, best first; else not said
    length_cm: float | UnsetType = UNSET  # in the camera plane; of a fish, where a plane is known
    length_sd_cm: float | UnsetType = UNSET  # its standard deviation
    occluded: bool | UnsetType = UNSET  # it was never seen whole: the length may be wrong
    species: str | UnsetType = UNSET  # of what was measured, or its group, or "unsure"
    outline: tuple[tuple[int, int], ...] | UnsetType = UNSET  # of what was measured, frame pixels
    zones: tuple[str, ...] | UnsetType = UNSET  # of the config file, that its middle lies in

    @property
    def words(self) -> str:
        """The tag for people: with its length, where it has one."""
        if self.length_cm is UNSET or self.length_sd_cm is UNSET:
            return self.tag
        doubt = "?" if self.occluded is True else ""
        return f"{self.tag} {self.length_cm:.1f}{doubt} +- {self.length_sd_cm:.1f} cm"

    @property
    def details(self) -> str:
        """Colour and attributes for people: "navy, long-sleeve"; empty where nothing is said."""
        said = () if isinstance(self.attributes, UnsetType) else self.attributes
        colour = () if isinstance(self.colour, UnsetType) else (self.colour,)
        return ", ".join((*colour, *(one.tag for one in said)))


class Nothing(msgspec.Struct, frozen=True):
    """A thing, or the whole frame, of which every head says "none of these"."""

    heads: dict[str, float]  # head -> calibrated probability that it is none of its tags, 0..1
    box: Box
    track: int | None = None  # None: the whole frame
    looks: int = 1
    age_s: float = 0.0  # since the last of them
    state: Literal["open", "settled", "unsure"] = "open"


class Spent(msgspec.Struct, frozen=True):
    """What a frame cost."""

    total_ms: float  # from decoded pixels to tags
    engine_ms: float  # of that, inside the engine
    glances: int  # launches for the whole frame
    crops: int  # launches for parts of it
    budget_ms: float | UnsetType = UNSET  # what it was allowed to take; else not said: no limit


class FrameTags(msgspec.Struct, frozen=True):
    """One line of the results. Field names are a promise."""

    schema: int
    source: str
    frame: int
    time: str
    size: tuple[int, int]  # W, H
    tags: tuple[Tag, ...]  # best first
    spent: Spent
    coverage: float  # looked at closely of late, of what was to be; 1 where nothing was, 0..1
    oldest_s: float  # how long the longest forgotten place has waited
    shed: dict[str, int]  # looks that would have paid and did not fit the budget, by why
    bundle: str  # name@counter
    engine: str  # engine/PROVIDER
    at_s: float | UnsetType = UNSET  # when it was taken, as in `Frame`; not said of a picture
    clock_synced: bool | UnsetType = UNSET  # was `time` right? Not said where nobody knows
    none: tuple[Nothing, ...] = ()  # looked at, and none of the tags that heads with a "none" know
    device: str | UnsetType = UNSET  # "rpi5 (virtual, predicted)"; else not said: it is this one
    held: tuple[str, ...] | UnsetType = UNSET  # what slows the device: "hot", ...; else not said


class FrameFailed(msgspec.Struct, frozen=True):
    """The line of a frame that could not be read, or that the engine failed at."""

    schema: int
    source: str
    frame: int
    time: str
    error: str
    fix: str | UnsetType = UNSET  # one thing the reader can do
    at_s: float | UnsetType = UNSET
    clock_synced: bool | UnsetType = UNSET

    @property
    def told(self) -> str:
        return with_fix(self.error, self.fix or "")


class TensorSpec(msgspec.Struct, frozen=True):
    """One input or output of a loaded artifact."""

    name: str
    shape: tuple[int, ...]  # -1 where the artifact leaves the size open
    dtype: str  # numpy name
