"""What a config file may hold: its documentation, and what its JSON schema is made of.

Paths are as flags have them: relative to where `edge-tag` was started.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, field

from edge.schedule.cooling import Thermal

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Share = Annotated[float, Meta(ge=0, le=1, description="a number, 0 to 1")]
Point = tuple[Share, Share]  # x, y: shares of the frame's width and height
CORNERS = "3 to 200 corners [x, y], shares of the frame, 0 to 1"
Polygon = Annotated[tuple[Point, ...], Meta(min_length=3, max_length=200, description=CORNERS)]
Polygons = Annotated[tuple[Polygon, ...], Meta(max_length=100)]
PLAIN = "1 to 64 letters, digits, and _ . -"
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}$", description=PLAIN)]
HeadName = Annotated[str, Meta(max_length=200)]
Text = Annotated[str, Meta(min_length=1, max_length=4096, description="a text, not empty")]
Count = Annotated[int, Meta(ge=1, le=1_000_000, description="a whole number, 1 or more")]
CLOCK = r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"
Time = Annotated[str, Meta(pattern=CLOCK, description='a time like "08:30"')]
Rate = Annotated[float, Meta(gt=0, le=1000, description="frames a second, above 0")]
Seconds = Annotated[float, Meta(ge=0, le=86400, description="seconds, 0 to 86400")]
Milliseconds = Annotated[float, Meta(ge=0, lt=1e9, description="ms, 0 or more")]
Scale = Annotated[float, Meta(ge=1e-4, lt=1e9, description="mm that a pixel shows, above 0")]
SMALLEST = 1e-6  # area of a polygon, in shares of the frame: less is a line


class Hours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hours in local time; past midnight where `to` is not after `from`, named by the first day."""

    days: Annotated[tuple[Day, ...], Meta(min_length=1)] = DAYS
    start: Time = field(name="from", default="00:00")
    end: Time = field(name="to", default="24:00")

    def __post_init__(self) -> None:
        if self.start in (self.end, "24:00"):
            raise ValueError(
                f'from {self.start} to {self.end} is found, expected two times, from before "24:00"'
            )


class Camera(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A source, and what is done with its frames."""

    name: Name  # `source` of its results, `camera` of its events
    url: Text  # camera:0, rtsp://..., a clip, a folder
    fps: Rate | None = None  # at most so many frames a second
    every_s: Seconds | None = None  # or: at most one each so many s
    zones: Annotated[dict[Name, Polygon], Meta(max_length=100)] = {}  # told in `zones` of a tag
    required_zones: Annotated[tuple[Name, ...], Meta(max_length=100)] = ()  # told only from there
    loiter_s: dict[Name, Seconds] = {}  # zone -> how long a thing must be there to be in it
    only: Annotated[tuple[Text, ...], Meta(max_length=1000)] = ()  # tags, or groups; none: all
    ignore: Polygons = ()  # a tag that lies mostly within is not told
    privacy: Polygons = ()  # black before anything looks at the frame, draws or keeps it
    schedule: Annotated[tuple[Hours, ...], Meta(max_length=50)] = ()  # when it is on; none: always

    def __post_init__(self) -> None:
        if self.fps is not None and self.every_s is not None:
            raise ValueError("fps and every_s are found, expected one of them")
        for key, polygon in self.polygons():
            if area(polygon) < SMALLEST:
                raise ValueError(f"{key} encloses nothing, expected an area")
        for name in (*self.required_zones, *self.loiter_s):
            if name not in self.zones:
                known = ", ".join(self.zones) or "none"
                raise ValueError(f"zone {name!r} is found, expected one of zones: {known}")

    def polygons(self) -> list[tuple[str, Polygon]]:
        """Each with its key."""
        return [
            *((f"zones.{name}", polygon) for name, polygon in self.zones.items()),
            *((f"ignore[{n}]", polygon) for n, polygon in enumerate(self.ignore)),
            *((f"privacy[{n}]", polygon) for n, polygon in enumerate(self.privacy)),
        ]

    @property
    def pace_s(self) -> float | None:
        """At most one frame each so many seconds; None: not said."""
        return self.every_s if self.fps is None else 1 / self.fps


class HeadSetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A head of the bundle, other than the bundle has it."""

    on: bool = True  # false: none of its tags
    threshold: Share | None = None  # None: the bundle's


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A config file. A flag of the command wins over it, and it wins over the device profile."""

    cameras: Annotated[tuple[Camera, ...], Meta(max_length=64)] = ()
    heads: Annotated[dict[HeadName, HeadSetting], Meta(max_length=200)] = {}
    targets: Annotated[dict[Name, Text], Meta(max_length=32)] = {}  # name -> as after --to
    bundle: Text | None = None  # None: the one in use
    engine: Text | None = None  # None: the first installed
    provider: Text | None = None
    threads: Count | None = None
    device: Text | None = None  # a profile
    gallery: Text | None = None  # None: the bundle's own
    vocabulary: Text | None = None  # tags by text embeddings
    plane: Text | None = None  # a camera plane: fish are measured in it
    mm_per_px: Scale | None = None  # or: seen from straight above
    outline: Text | None = None  # a fish outline
    length_to: Literal["tips", "fork"] | None = None  # None: tips
    budget_ms: Milliseconds | None = None  # a frame, shared by the cameras
    whole: bool = False  # one look at the whole frame, no closer ones
    top_k: Count | None = None  # the best of each head, however unsure
    thermal: Thermal | None = None  # the budget shrinks with heat; None: the device profile's
    health: Text | None = None  # HOST:PORT of /healthz, /readyz and /metrics; None: nothing listens
    health_token_file: Text | None = None  # a must beyond loopback
    explain: Text | None = None  # a folder of pictures that say why
    explain_every_s: Seconds | None = None
    explain_keep: Count | None = None
    outbox: Text | None = None  # where events wait; None: in the user's state folder
    outbox_mb: Count | None = None
    live: Text | None = None  # HOST:PORT of the live page; None: there is none
    live_token_file: Text | None = None  # a must beyond loopback
    live_captures: Text | None = None  # a folder; None: beside the outbox


def area(polygon: Polygon) -> float:
    """What it encloses, in the unit of its corners, squared: the shoelace formula."""
    after = (*polygon[1:], polygon[0])
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(polygon, after))) / 2
