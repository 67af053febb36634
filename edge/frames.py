"""The way of one frame: glance, schedule, focus, fuse."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Protocol

import msgspec

from edge import regions, schedule
from edge.fuse import fuse
from edge.heads import tags_for
from edge.manifest import Head
from edge.meter import Meter
from edge.records import F32, U8, Box, Budget, Candidate, Region, Spent, Tag


class View(msgspec.Struct, frozen=True):
    """How closely to look, and how much to say."""

    whole: bool = False  # the glance alone
    top_k: int | None = None  # the best of each head, thresholds ignored
    budget: Budget = Budget()


AS_USUAL = View()


class Seen(msgspec.Struct, frozen=True):
    """What came of a frame."""

    tags: tuple[Tag, ...]  # best first
    spent: Spent
    coverage: float  # share of the area that was to be looked at closely and was, 0..1


class Looks(Protocol):
    """What R regions look like."""

    @property
    def scores(self) -> Mapping[str, F32]:
        """head -> (R, T)"""
        ...

    @property
    def engine_ms(self) -> float: ...


class Looker(Protocol):
    """What a frame needs of a tagger."""

    @property
    def heads(self) -> tuple[Head, ...]: ...
    @property
    def tags(self) -> Mapping[str, tuple[tuple[str, str | None], ...]]: ...
    @property
    def input_px(self) -> int: ...

    def look(self, rgb: U8, regions: Sequence[Region]) -> Looks: ...


class Past:
    """What the frames before have taught: ms a look takes, and how long each tile has waited.

    One a source, so that under a budget successive frames sweep the whole picture. Holds one grid.
    """

    def __init__(self, meter: Meter | None = None) -> None:
        self.meter = meter or Meter()
        self._waited: dict[Box, int] = {}  # frames since the tile was looked at

    def candidates(self, tiles: Sequence[Region]) -> list[Candidate]:
        """A look brings the more, the longer its tile has waited. Other tiles are forgotten."""
        never = len(tiles) + max(
            self._waited.values(), default=0
        )  # a new tile goes before any other
        self._waited = {tile.box: self._waited.get(tile.box, never) + 1 for tile in tiles}
        return [Candidate(tile, gain=float(self._waited[tile.box])) for tile in tiles]

    def saw(self, tile: Region) -> None:
        self._waited[tile.box] = 0


def tag_frame(
    tagger: Looker,
    rgb: U8,
    view: View = AS_USUAL,
    past: Past | None = None,
    clock: Callable[[], float] = perf_counter,
) -> Seen:
    """The tags of a frame (H, W, 3) uint8. Without a `past`, as if it were its source's first.

    The glance is always made. Closer looks stop before the one that would end past the budget.
    Raises InferenceError when the engine fails, ValueError for an array that is no frame.
    """
    _check_frame(rgb)
    start = clock()
    past = past or Past()
    height, width = rgb.shape[:2]
    glance, engine_ms = _look(tagger, rgb, Region(0, 0, width, height, "full"), view)
    # the glance tells what the first closer look may take: the same engine, more pixels
    likely_ms = past.meter.expected_ms(unknown_ms=(clock() - start) * 1e3)
    tiles = [] if view.whole else _tiles(width, height, tagger.input_px)
    candidates = past.candidates(tiles)
    wanted = schedule.plan(candidates, [likely_ms] * len(candidates), view.budget)
    closer: list[Tag] = []
    done: list[Region] = []
    focus = clock()
    for region in wanted:
        begin = clock()
        if (begin - focus) * 1e3 + past.meter.expected_ms(likely_ms) > view.budget.frame_ms:
            break
        found, ms = _look(tagger, rgb, region, view)
        closer += found
        engine_ms += ms
        done.append(region)
        past.saw(region)
        past.meter.add((clock() - begin) * 1e3)
    tags = fuse(glance, closer, view.top_k)
    spent = Spent((clock() - start) * 1e3, engine_ms, glances=1, crops=len(done))
    return Seen(tags, spent, _coverage(done, tiles))


def _look(tagger: Looker, rgb: U8, region: Region, view: View) -> tuple[list[Tag], float]:
    """The tags of one region, and the ms spent inside the engine."""
    looks = tagger.look(rgb, [region])
    tags: list[Tag] = []
    for head in tagger.heads:
        row = looks.scores[head.name][0]  # (T,)
        tags += tags_for(head, tagger.tags[head.name], row, region.box, view.top_k)
    return tags, looks.engine_ms


def _tiles(width: int, height: int, input_px: int) -> list[Region]:
    tile_px = regions.tile_px_for(width, height, input_px)
    if not tile_px:
        return []
    return regions.grid(width, height, tile_px, regions.overlap_px_for(tile_px))


def _coverage(done: Sequence[Region], tiles: Sequence[Region]) -> float:
    if not tiles:
        return 1.0
    return regions.area_px(r.box for r in done) / regions.area_px(r.box for r in tiles)


def _check_frame(rgb: U8) -> None:
    if rgb.dtype != "uint8" or rgb.ndim != 3 or rgb.shape[2] != 3 or not rgb.size:
        raise ValueError(f"frame is {rgb.dtype} {rgb.shape}, expected uint8 (H, W, 3)")
