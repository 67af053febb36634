"""The records of an event. Shaped like Frigate's, so that automations made for it can read ours.

Field names of the JSON are a promise: fields are added, none changes its meaning within
`edge-tag/event/1`, and a reader ignores those it does not know.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from edge.records import Attribute, Box

SCHEMA = "edge-tag/event/1"
MOST_TAGS = 20  # of a thing, in an event: it stays small enough for any broker

Kind = Literal["new", "update", "end"]
KINDS: tuple[Kind, ...] = ("new", "update", "end")
Why = Literal["seen", "tags", "state", "zones", "moved", "gone", "away", "stopped", "restarted"]
VALUE: dict[str, int] = {"update": 0, "new": 1, "end": 2}  # the least is dropped first: an end
# says again all that its new and its updates said


class EventTag(msgspec.Struct, frozen=True):
    """One tag of a thing."""

    head: str
    label: str
    group: str | None
    score: float  # 0..1
    colour: str | UnsetType = UNSET  # of a garment; else not said
    attributes: tuple[Attribute, ...] | UnsetType = UNSET  # of a garment, best first; else not said
    length_cm: float | UnsetType = UNSET  # of a fish, where a plane is known
    length_sd_cm: float | UnsetType = UNSET
    occluded: bool | UnsetType = UNSET


class Sight(msgspec.Struct, frozen=True):
    """A thing, or a word about a whole scene, as it was known at one moment."""

    id: str  # never given twice, over restarts either
    camera: str  # the source, without credentials
    label: str  # its best tag
    sub_label: str | None  # the coarser tag that one belongs to
    head: str
    score: float  # 0..1
    top_score: float  # the best so far
    frame: int
    frame_time: float  # s since 1970; 0 when it is not known
    start_time: float
    end_time: float | None  # None while it is there
    size: tuple[int, int]  # of the frame, W, H
    box: Box  # frame pixels, half-open
    box_norm: tuple[float, float, float, float]  # the same, 0..1
    area: int  # px
    ratio: float  # width over height
    track: int | None  # None: a word about the scene
    looks: int
    state: str  # as in the results: "open", "settled", "unsure"
    tags: tuple[EventTag, ...]  # best first
    current_zones: tuple[str, ...] = ()  # of the config file, that it is in
    entered_zones: tuple[str, ...] = ()  # that it was in at any time, in the order it came to them
    at_s: float | UnsetType = UNSET  # of the frame, on its source's own clock: in a clip, where


class Event(msgspec.Struct, frozen=True):
    """Something changed. `before` is what was last told of it: None for a `new`."""

    type: Kind
    why: Why
    before: Sight | None
    after: Sight
    schema: str = SCHEMA
    seq: int = 0  # given by the outbox: it grows, and never comes twice
    device: str = ""
    bundle: str = ""
    engine: str = ""
    time: str = ""  # of `after`, RFC 3339 in UTC
    clock_synced: bool | UnsetType = UNSET  # was it right? Not said where nobody knows
