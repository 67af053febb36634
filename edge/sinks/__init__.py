"""Sinks: where results go, behind small contracts.

    Sink     is given every frame's result, in the pipeline: files, stdout
    Album    is given events together with their frame: pictures of what happened
    Carrier  is given events out of the outbox, in a thread of its own: whatever may be away

To add one: a module with `open_from(target)`, or `open_from(target, site)` for a carrier, and a row
in `SINKS`. Naming a sink imports nothing. A result has been handed on when `write` returns.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from edge import extras
from edge.errors import SinkError
from edge.records import FrameFailed, FrameTags, Picture

if TYPE_CHECKING:
    from edge.outbox.delivery import Carrier
    from edge.outbox.ledger import Counts
    from edge.outbox.reporter import Album
    from edge.sinks.target import Target

Role = Literal["sink", "album", "carrier"]
SINKS: dict[str, tuple[Role, str, str]] = {  # as in --to KIND:... -> (role, our module, pip extra)
    "jsonl": ("sink", "edge.sinks.jsonl", ""),
    "csv": ("sink", "edge.sinks.rows", ""),
    "coco": ("sink", "edge.sinks.coco", ""),
    "snapshots": ("album", "edge.sinks.snapshots", ""),
    "events": ("carrier", "edge.sinks.event_lines", ""),
    "mqtt": ("carrier", "edge.sinks.mqtt", "mqtt"),
    "mqtts": ("carrier", "edge.sinks.mqtt", "mqtt"),
    "http": ("carrier", "edge.sinks.webhook", ""),
    "https": ("carrier", "edge.sinks.webhook", ""),
}
AT_END = frozenset({"coco"})  # those whose file comes with the end of a run, and grows until then
NO_END = "comes with the end of a run, and a camera's has none, expected --frames N beside it"
ENDED = "say --frames N, or name what is put aside as it grows: jsonl:FILE#max-mb=10"


class CarrierSite(NamedTuple):
    """What a carrier may know of the run it works for."""

    device: str  # this machine, as events name it
    cameras: Sequence[str]  # live sources, without credentials
    # camera -> label -> how many are there; None: nobody knows now
    here: Callable[[], Mapping[str, Mapping[str, int]] | None]
    counts: Callable[[str], Counts]  # of a carrier, by its name
    ailing: Callable[[], Mapping[str, str]] = dict  # camera that gives nothing -> why
    # of a camera: number and JPEG of what came last, unless it is the one of that number
    latest: Callable[[str, str], tuple[str, bytes] | None] = lambda camera, but: None
    # cameras of which a carrier, by its name, was told what stays there, in earlier runs too
    announced: Callable[[str], Collection[str]] = lambda name: ()
    announce: Callable[[str, Collection[str]], None] = lambda name, cameras: None


class Sink(Protocol):
    """Takes results one by one, in order. Raises only SinkError, and BrokenPipeError."""

    def write(self, result: FrameTags | FrameFailed, picture: Picture | None) -> None:
        """`picture` is the frame; None for one that failed.

        BrokenPipeError says that nobody reads the results any more: the run ends, and all is well.
        """
        ...

    def close(self) -> None: ...


def open_sink(target: Target) -> Sink:
    """Raises UsageError, and SinkError when it cannot be written to."""
    sink: Sink = _opener(target.kind, "sink")(target)
    return sink


def open_album(target: Target) -> Album:
    """Raises UsageError, and SinkError when it cannot be written to."""
    album: Album = _opener(target.kind, "album")(target)
    return album


def open_carrier(target: Target, site: CarrierSite) -> Carrier:
    """Raises UsageError, and SinkError when its package is missing; nobody is called yet."""
    open_from = _opener(target.kind, "carrier")
    carrier: Carrier = open_from(target, site)
    return carrier


def _opener(kind: str, role: Role) -> Callable[..., Any]:
    found, module, extra = SINKS[kind]
    if found != role:
        raise ValueError(f"{kind} is a {found}, expected a {role}")
    opener: Callable[..., Any] = extras.load(module, extra, kind, SinkError).open_from
    return opener
