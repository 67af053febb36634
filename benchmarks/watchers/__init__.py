"""Ways to watch a video with one and the same tagger, for benchmark C: ours and the peers'.

A watcher is a module named after its rule, with a class of this shape. All look through the same
tagger, our conversion of what is looked at alone included, so what differs is where and when they
look. Peers' rules are written anew from what is published of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from benchmarks import peers
from benchmarks.looking import Look
from edge.records import Planes, Tag
from edge.tagger import Tagger

BUDGETS_MS = (20.0, 50.0, 100.0)
USUAL_MS = 50.0  # where a peer wants a budget


class Watched(msgspec.Struct, frozen=True):
    """What a watcher makes of a frame."""

    tags: tuple[Tag, ...]  # what it tells of the frame now
    looks: tuple[Look, ...]  # made in this frame


class Watcher(Protocol):
    """One camera's."""

    def frame(self, picture: Planes, at_s: float) -> Watched:
        """The next frame, captured at `at_s`."""
        ...


Maker = Callable[[Tagger, float], Watcher]  # a tagger, ms a frame

TABLE: dict[str, tuple[str, float]] = {  # name -> module:class, budget
    "tiling": ("full_tiling:FullTiling", 0.0),
    "every_nth": ("tiling_at_equal_cpu:TilingAtEqualCpu", 0.0),
    "frigate": ("frigate_16_looks:Frigate16Looks", 0.0),
    "opennvr": ("opennvr_count_controller:CountController", USUAL_MS),
    "deepstream": ("deepstream_interval_growth:IntervalAndGrowth", 0.0),
    "open_loop": ("ours_open_loop:OpenLoop", USUAL_MS),
    **{f"ours{ms:g}": ("edge_tag:Ours", ms) for ms in BUDGETS_MS},
}


def load(name: str, tagger: Tagger) -> Watcher:
    """The watcher of that name. Raises UsageError when its package is not installed."""
    where, budget_ms = TABLE[name]
    maker: Maker = peers.load("watchers", where)
    return maker(tagger, budget_ms)
