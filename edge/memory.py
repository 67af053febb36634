"""What is known of one camera from its frames so far: things, places, and when each was seen.

Bounded: a grid, at most tracks.MOST things, and the tiles of one frame size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from msgspec.structs import replace

from edge import appearance, cells, evidence, pixels, regions, tracks
from edge.candidates import Item, moved_items
from edge.fuse import fuse
from edge.gate import Gate, moved
from edge.heads import tags_for
from edge.heat import Heat, Spot
from edge.manifest import Head
from edge.records import F32, Box, Picture, Region, Tag
from edge.tracks import BORN, Track

ROWS = COLUMNS = 24
HEAT_S, TAGS_S = 2.0, 1.0  # how old the heat and the frame's tags may be while nothing moves, does
WAKES = 0.5  # share of the frame: when so much changes, it is another scene
OPEN_S = 1.0  # how long a thing may wait for its first look
REFRESH_S = 30.0  # after which a settled thing is worth another look
GROWN = 1.2  # times the area at the last look: more detail than was seen then
COMPARED = 20  # things a frame whose appearance is compared


class Memory:
    """One a source; a new one for each picture that has nothing to do with the one before."""

    def __init__(self) -> None:
        self.motion: F32 | None = None
        self.launched_s = -np.inf
        self._size = (0, 0)
        self._is_small = False
        self._tracks: tuple[Track, ...] = ()
        self._next_id = 1
        self._forget()

    def _forget(self) -> None:
        self._gate = Gate()
        self._cells = cells.unseen(ROWS, COLUMNS)
        self._tiles: list[Region] = []
        self._places: dict[Box, tuple[float, tuple[Tag, ...]]] = {}
        self._faint: tuple[Spot, ...] = ()
        self._whole: tuple[Tag, ...] = ()
        self._whole_s = self._heat_s = self._began_s = self._before_s = -np.inf
        self._tracks = ()
        self._debt = 0.0
        self._frames = 0

    def arrive(self, picture: Picture, at_s: float, input_px: int) -> bool:
        """A new frame; True when one look at all of it shows everything there is to see."""
        size = pixels.size(picture)
        if size != self._size:
            self._forget()
            self._size, self._began_s = size, at_s
            tile_px = regions.tile_px_for(*size, input_px)
            self._is_small = tile_px == 0
            overlap_px = regions.overlap_px_for(tile_px) if tile_px else 0
            self._tiles = regions.grid(*size, tile_px, overlap_px) if tile_px else []
        self._gate, self.motion = moved(self._gate, pixels.luma_grid(picture), ROWS, COLUMNS)
        self._debt += len(self._tiles) * max(0.0, at_s - self._before_s) / cells.WAIT_S
        self._debt = min(self._debt, float(len(self._tiles)))
        self._before_s = at_s
        self._frames += 1
        self._compare(picture, at_s)
        return self._is_small

    # What the frame is worth a glance for.

    def wants_tags(self, at_s: float) -> bool:
        """Are the tags of the whole frame out of date?"""
        if self._is_small and self.motion is not None and self.motion.any():
            return True
        changed = self.motion is not None and float((self.motion > 0).mean()) >= WAKES
        return at_s - self._whole_s >= TAGS_S or changed

    def wants_heat(self, at_s: float) -> bool:
        """Has anything moved, or was the frame not glanced at for long?"""
        has_moved = self.motion is not None and bool(self.motion.any())
        return has_moved or at_s - self._heat_s >= HEAT_S

    def saw_whole(self, tags: Sequence[Tag], at_s: float) -> None:
        self._whole, self._whole_s = tuple(tags), at_s

    def saw_heat(self, heat: Heat, at_s: float) -> None:
        """Things move to the hot spots that are theirs; others are new."""
        before = {track.id for track in self._tracks}
        self._tracks = tracks.follow(self._tracks, heat.spots, at_s, self._next_id)
        self._next_id = max([self._next_id, *(t.id + 1 for t in self._tracks)])
        known = [self._box(t, at_s) for t in self._tracks]
        self._faint = tuple(
            s
            for s in heat.spots
            if s.heat < BORN and not any(tracks.alike(s.box, k) for k in known)
        )
        self._tracks = tuple(_grown(t) if t.id in before else t for t in self._tracks)
        self._heat_s = at_s

    # What a closer look could bring.

    def items(self, at_s: float) -> list[Item]:
        """Things first, then what moved without one, then what nobody looked at for long."""
        things = [self._item(track, at_s) for track in self._tracks]
        found = [item for item in things if item.worth > 0]
        if self._heat_s == at_s:
            found += [Item(s.box, s.heat, "heat") for s in self._faint if self._is_due(s.box, at_s)]
        known = [item.box for item in things] + [spot.box for spot in self._faint]
        if self.motion is not None:
            found += moved_items(self.motion, known, *self._size)
        return found + self._aged(at_s)

    def saw(
        self,
        heads: Sequence[Head],
        item: Item,
        region: Region,
        looks: Any,
        tags: Sequence[Tag],
        at_s: float,
    ) -> None:
        """A closer look at `region` for the sake of `item`. looks: `frames.Looks` of one region."""
        kinds = {head.name: head.kind for head in heads}
        found = any(kinds[tag.head] == "softmax" for tag in tags)
        self._cells = cells.looked(self._cells, region, found, at_s, *self._size)
        if item.why == "aged":
            self._places[region.box] = (at_s, tuple(tags))
            self._debt -= 1
            return
        if item.track is None and found:
            born = tracks.born(self._next_id, Spot(item.box, BORN), at_s)
            self._tracks, self._next_id = (*self._tracks, born), self._next_id + 1
            item = replace(item, track=born.id)
        scores = {name: rows[0] for name, rows in looks.scores.items()}
        self._tracks = tuple(
            _looked(t, heads, scores, looks.embedding[0], at_s) if t.id == item.track else t
            for t in self._tracks
        )

    # What is known.

    def tags(
        self,
        heads: Sequence[Head],
        names: Mapping[str, Sequence[tuple[str, str | None]]],
        at_s: float,
        top_k: int | None,
    ) -> tuple[Tag, ...]:
        """Everything known of the frame, best first."""
        things = [
            tag
            for track in self._tracks
            for tag in _tags_of(track, self._box(track, at_s), heads, names, at_s, top_k)
        ]
        places = [
            replace(tag, age_s=round(at_s - seen_s, 3))
            for seen_s, tags in self._places.values()
            for tag in tags
        ]
        return fuse(self._whole, places, things, top_k)

    def coverage(self, at_s: float) -> float:
        return 1.0 if self._is_small else cells.covered(self._cells, at_s, cells.WAIT_S)

    def ages_s(self, at_s: float) -> F32 | None:
        """(rows, columns) since the last closer look, inf when never; None: one look shows all."""
        return None if self._is_small else cells.ages_s(self._cells, at_s)

    def oldest_s(self, at_s: float) -> float:
        return 0.0 if self._is_small else cells.oldest_s(self._cells, at_s, self._began_s)

    # Inside.

    def _box(self, track: Track, at_s: float) -> Box:
        return tracks.box_of(tracks.predicted(track, at_s), *self._size)

    def _item(self, track: Track, at_s: float) -> Item:
        box = self._box(track, at_s)
        known = track.evidence
        if known.state == "open":
            worth = max(track.heat, BORN) * (1 - known.sure)
            waits_s = at_s - track.born_s - OPEN_S if track.looked_s is None else 0.0
            return Item(box, worth, "track" if known.looks else "heat", waits_s, track.id)
        aged = (at_s - (track.looked_s or at_s)) / REFRESH_S
        return Item(box, 0.05 * aged**2 if aged > 1 else 0.0, "track", 0.0, track.id)

    def _is_due(self, box: Box, at_s: float) -> bool:
        return cells.age_s(self._cells, box, at_s, *self._size) >= cells.WAIT_S

    def _aged(self, at_s: float) -> list[Item]:
        """Tiles by age: all of them in the first frame, then as many as keep the sweep going."""
        found = []
        for tile in self._tiles:
            age_s = cells.age_s(self._cells, tile.box, at_s, *self._size)
            waited_s = min(age_s, at_s - self._began_s) if self._frames > 1 else cells.WAIT_S
            worth = cells.chance(self._cells, tile.box, waited_s, *self._size)
            due_s = waited_s - cells.WAIT_S
            found.append((waited_s, Item(tile.box, worth, "aged", due_s)))
        found.sort(key=lambda item: -item[0])
        allowed = len(found) if self._frames == 1 else int(self._debt)
        return [item for _, item in found[:allowed]]

    def _compare(self, picture: Picture, at_s: float) -> None:
        """Settled things that moved may show another side."""
        if self.motion is None or not self.motion.any():
            return
        compared, kept = 0, []
        for track in self._tracks:
            box = self._box(track, at_s)
            is_closed = track.evidence.state != "open"
            if is_closed and compared < COMPARED and self._moved(box):
                compared += 1
                now = appearance.patch(picture, box)
                before = track.patch
                if before is None:
                    track = replace(track, patch=now)
                elif appearance.is_changed(before, now):
                    track = replace(track, patch=now, evidence=evidence.reopened(track.evidence))
            kept.append(track)
        self._tracks = tuple(kept)

    def _moved(self, box: Box) -> bool:
        assert self.motion is not None
        spot = (self.motion > 0).astype(np.float32)
        width, height = self._size
        y0, y1 = box[1] * ROWS // height, -(-box[3] * ROWS // height)
        x0, x1 = box[0] * COLUMNS // width, -(-box[2] * COLUMNS // width)
        return bool(spot[y0:y1, x0:x1].any())


def _grown(track: Track) -> Track:
    """Open again, when it shows much more than at the last look."""
    is_grown = track.looked_side > 0 and (track.side / track.looked_side) ** 2 > GROWN
    if track.evidence.state == "open" or not is_grown:
        return track
    return replace(track, evidence=evidence.reopened(track.evidence))


def _looked(
    track: Track, heads: Sequence[Head], scores: Mapping[str, F32], embedding: F32, at_s: float
) -> Track:
    known = evidence.add(track.evidence, heads, scores, embedding)
    return replace(track, evidence=known, looked_s=at_s, looked_side=track.side, patch=None)


def _tags_of(
    track: Track,
    box: Box,
    heads: Sequence[Head],
    names: Mapping[str, Sequence[tuple[str, str | None]]],
    at_s: float,
    top_k: int | None,
) -> list[Tag]:
    """What is told of a thing: of a softmax head the tag that is shown, without a flicker."""
    known, found = track.evidence, []
    for head in heads:
        if head.name not in known.logs:
            continue
        row = evidence.probabilities(head, known.logs[head.name])
        if head.kind == "softmax" and top_k is None:
            shown = known.shown.get(head.name)
            chosen = [] if shown is None else [shown]
            tags = [Tag(head.name, *names[head.name][i], float(row[i]), box) for i in chosen]
        else:
            tags = tags_for(head, names[head.name], row, box, top_k)
        found += tags
    age_s = round(at_s - (track.looked_s if track.looked_s is not None else at_s), 3)
    about = {"track": track.id, "looks": known.looks, "age_s": age_s, "state": known.state}
    return [replace(tag, **about) for tag in found]
