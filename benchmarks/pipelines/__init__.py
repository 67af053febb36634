"""Whole ways from a 4K frame in memory to the merged results of its tiles, for benchmark B.

A pipeline is a module with functions of this shape; its vendor is imported there alone:

    run(kit, job) -> Done

All look at the same tiles with the same network. What the network is taken to have found in each
tile is given (`Job.raw`), so that merging costs what so many results cost.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import cv2
import msgspec
import numpy as np

from benchmarks import peers
from benchmarks.variants import FloatInput
from edge.engines import Engine
from edge.records import F32, U8, Planes, Region
from edge.tagger import Tagger

NAMES = tuple(f"class {n}" for n in range(30))


class Raw(msgspec.Struct, frozen=True, eq=False):
    """Results of one tile, K of them."""

    boxes: F32  # (K, 4) x0, y0, x1, y1, px of the tile
    scores: F32  # (K,)
    classes: np.ndarray  # (K,) int, rows of NAMES


class Job(msgspec.Struct, frozen=True, eq=False):
    """What every pipeline does."""

    i420: U8  # (H * 3 / 2, W), as a decoder gives it
    planes: Planes  # the same memory, seen as planes
    tiles: tuple[Region, ...]
    raw: tuple[Raw, ...]  # one a tile


class Done(msgspec.Struct, frozen=True):
    """What came of a frame."""

    engine_ms: float  # inside the engine
    results: int  # left after merging


Pipeline = Callable[["Kit", Job], Done]

TABLE: dict[str, str] = {  # name -> module:function
    "ours": "edge_tag:overlapped",
    "ours_serial": "edge_tag:serial",
    "sahi": "sahi_sliced:usual",
    "sahi_uint8": "sahi_sliced:straight",
    "supervision": "supervision_slicer:usual",
    "supervision_uint8": "supervision_slicer:straight",
    "frigate": "frigate_loop:regions",
    "frigate_classify": "frigate_loop:whole_frames",
}


class Kit:
    """The network, opened once, and the time spent in it."""

    def __init__(self, tagger: Tagger, engine: Engine, floats: FloatInput) -> None:
        self.tagger, self._engine, self._floats = tagger, engine, floats
        self.engine_ms = 0.0

    @property
    def input_px(self) -> int:
        return self.tagger.input_px

    def straight(self, rgb: U8) -> None:
        """A tile (h, w, 3), resized if need be, as it is into the network."""
        side = self.input_px
        if rgb.shape[:2] != (side, side):
            rgb = cv2.resize(rgb, (side, side))
        batch = np.ascontiguousarray(rgb[None])
        begin = perf_counter()
        self._engine.run(batch)
        self.engine_ms += (perf_counter() - begin) * 1e3

    def usual(self, rgb: U8) -> None:
        """A tile as most Python code prepares it: resized, float 0..1, planes, contiguous."""
        side = self.input_px
        if rgb.shape[:2] != (side, side):
            rgb = cv2.resize(rgb, (side, side))
        batch = np.ascontiguousarray((rgb.astype(np.float32) / 255).transpose(2, 0, 1)[None])
        begin = perf_counter()
        self._floats.run(batch)
        self.engine_ms += (perf_counter() - begin) * 1e3

    def taken_ms(self) -> float:
        """The ms inside the engine since last asked."""
        taken, self.engine_ms = self.engine_ms, 0.0
        return taken


def load(name: str) -> Pipeline:
    """The pipeline of that name. Raises UsageError when its package is not installed."""
    found: Pipeline = peers.load("pipelines", TABLE[name])
    return found
