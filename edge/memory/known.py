"""What is known of one camera from its frames so far: things, places, and when each was seen.

Bounded: a grid, at most tracks.MOST things, and the tiles of one frame size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import numpy as np
from msgspec.structs import replace

from edge.bundle.manifest import Head
from edge.glance.gate import Gate, moved, step_px
from edge.glance.heat import Heat, Spot
from edge.heads.scores import GALLERY, among, group_for, none_for, tags_for
from edge.length.ruler import Measured
from edge.memory import appearance, evidence, tracks
from edge.memory.fuse import fuse
from edge.memory.tracks import BORN, Track
from edge.pictures import pixels
from edge.pictures.regions import alike
from edge.records import F32, Box, Nothing, Picture, Region, Tag
from edge.schedule.candidates import Item, moved_boxes
from edge.schedule.sweep import COLUMNS, ROWS, Sweep

TAGS_S = 1.0  # how old the tags of the whole frame may be while something moves
STILL_S = 5.0  # how old they, and the heat, may be while nothing does
WAKES = 0.5  # share of the frame: when so much changes, what was seen in places is out of date
HIDDEN = 0.3  # of things: so many a glance may not show
OPEN_S = 1.0  # how long a thing may wait for its first look
REFRESH_S = 30.0  # after which a settled thing is worth another look
GROWN = 1.2  # times the largest area at a look: more detail than was seen then
BACK_S = 1.0  # by which a clock may go back; more, and it began anew
COMPARED = 20  # things a frame whose appearance is compared

Turn = Literal["tags", "heat", "focus"]  # what a launch is for


class Looks(Protocol):
    """What a look at R regions gives."""

    @property
    def embedding(self) -> F32:
        """(R, D), rows of length 1"""
        ...

    @property
    def scores(self) -> Mapping[str, F32]:
        """head -> (R, T) or, with "none", (R, T + 1)"""
        ...


class Memory:
    """One a source; a new one for each picture that has nothing to do with the one before."""

    def __init__(self) -> None:
        self.motion: F32 | None = None
        self.launched_s = -np.inf  # when anything was
        self.tail_ms = 0.0  # what a frame takes after its last launch
        self.colours: dict[int | Box, str] = {}  # of what was told: see edge.heads.colour
        self._size, self._now_s = (0, 0), -np.inf
        self._next_id = 1
        self.measured = Measured()
        self._enrolled: object = None

    def _begin(self, size: tuple[int, int], input_px: int, at_s: float, is_fine: bool) -> None:
        """Nothing is of use of frames of another size, or of a clock that began anew."""
        self._size = size
        self.measured = Measured()
        self.launched_s = -np.inf
        self.sweep = Sweep(*size, input_px, at_s, is_fine=is_fine)
        self._gate = Gate()
        self._moves = False  # since the frame was last seen as a whole
        self._compared = 0
        self._places: dict[Box, tuple[float, tuple[Tag, ...]]] = {}  # as many as there are tiles
        self._faint: tuple[Spot, ...] = ()
        self._whole: tuple[Tag, ...] = ()
        self._whole_none: dict[str, float] = {}
        self._turns: dict[Turn, float] = {}  # when each last had its
        self._tracks: tuple[Track, ...] = ()

    def arrive(
        self,
        picture: Picture,
        at_s: float,
        input_px: int,
        *,
        is_fine: bool = False,
        enrolled: object = None,
    ) -> bool:
        """A new frame; True when one look at all of it shows everything there is to see.

        is_fine   small things are to be found whatever it takes; asked once for each frame size
        enrolled  the names of a gallery: others, and everything is worth a new look
        """
        size = pixels.size(picture)
        if size != self._size or at_s < self._now_s - BACK_S:
            self._begin(size, input_px, at_s, is_fine)
        elif enrolled is not self._enrolled:
            self._learn_again(input_px, at_s, is_fine)
        self._enrolled = enrolled
        self._now_s = at_s
        self.sweep.pass_to(at_s)
        luma = pixels.luma_grid(picture, step_px(*size, ROWS, COLUMNS))
        self._gate, self.motion = moved(self._gate, luma, ROWS, COLUMNS)
        self._moves = self._moves or bool(self.motion.any())
        if self._is_awake():
            self._places.clear()
            self.sweep.wake()
        self._tracks = tracks.remembered(self._tracks, at_s)
        self._compare(picture, at_s)
        return self.sweep.is_small

    # What the frame is worth a glance for, and whose turn it is when not everything can be done.

    def wants_tags(self, at_s: float) -> bool:
        """Are the tags of the whole frame out of date?"""
        if self._is_awake() or (self.sweep.is_small and self._moves):
            return True
        return self._age_s("tags", at_s) >= (TAGS_S if self._moves else STILL_S)

    def wants_heat(self, at_s: float) -> bool:
        """Has anything moved, did the last glance miss a thing, or was it long ago?"""
        has_moved = self.motion is not None and bool(self.motion.any())
        is_missed = any(track.misses for track in self._tracks)
        return has_moved or is_missed or self._age_s("heat", at_s) >= STILL_S

    def is_turn(self, turn: Turn) -> bool:
        """Did closer looks have theirs since this had?"""
        never = -np.inf
        return bool(self._turns.get("focus", never) >= self._turns.get(turn, never))

    def had_turn(self, turn: Turn, at_s: float) -> None:
        self._turns[turn] = at_s

    def saw_whole(
        self, tags: Sequence[Tag], at_s: float, none: Mapping[str, float] | None = None
    ) -> None:
        """none: what `heads.none_for` says of it"""
        self._whole, self._whole_none, self._moves = tuple(tags), dict(none or {}), False
        self.had_turn("tags", at_s)

    def saw_heat(self, heat: Heat, at_s: float) -> None:
        """Things move to the hot spots that are theirs; others are new."""
        before = {track.id for track in self._tracks}
        followed = tracks.follow(self._tracks, heat.spots, at_s, self._next_id)
        self._next_id = max([self._next_id, *(t.id + 1 for t in followed)])
        self._tracks = tuple(_grown(t) if t.id in before else t for t in followed)
        known = [self._box(t, at_s) for t in self._tracks]
        faint = [s for s in heat.spots if s.heat < BORN]
        self._faint = tuple(s for s in faint if not any(alike(s.box, k) for k in known))
        self._tracks = tracks.merged(self._tracks, known)
        self.had_turn("heat", at_s)

    def new_id(self) -> int:
        """A number that no thing of this source had before."""
        self._next_id += 1
        return self._next_id - 1

    # What a closer look could bring.

    def items(self, at_s: float) -> list[Item]:
        """Things first, then what moved without one, then what nobody looked at for long."""
        things = [self._item(track, at_s) for track in self._tracks]
        found = [item for item in things if item.worth > 0]
        if self._turns.get("heat") == at_s:
            due = [spot for spot in self._faint if self.sweep.is_due(spot.box)]
            found += [Item(spot.box, spot.heat, "heat") for spot in due]
        known = [item.box for item in things] + [spot.box for spot in self._faint]
        if self.motion is not None:
            for box in moved_boxes(self.motion, known, *self._size):
                found += self.sweep.moved_items(box)
        is_glanced = self._age_s("heat", at_s) <= STILL_S
        return found + self.sweep.items(HIDDEN if is_glanced else 1.0)

    def saw(
        self,
        picture: Picture,
        heads: Sequence[Head],
        item: Item,
        region: Region,
        looks: Looks,
        tags: Sequence[Tag],
        at_s: float,
    ) -> None:
        """A closer look at `region` for the sake of `item`; `tags` is what it says on its own."""
        kinds = {head.name: head.kind for head in heads}
        found = any(kinds[tag.head] == "softmax" for tag in tags)
        self.sweep.looked(region, found)
        self.had_turn("focus", at_s)
        if item.is_tile:
            self._places[region.box] = (at_s, tuple(tags))
            return
        number = item.track
        if number is None and found:
            number = self._met(Spot(item.box, BORN), at_s)
        self._tracks = tuple(
            self._looked(track, picture, heads, looks, found, at_s) if track.id == number else track
            for track in self._tracks
        )
        self._tracks = tracks.merged(self._tracks, [self._box(t, at_s) for t in self._tracks])

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
        age_s = round(at_s - self._turns["tags"], 3) if self._whole else 0.0
        whole = [replace(tag, age_s=age_s) for tag in self._whole]
        return fuse(whole, places, things, top_k)

    def none(self, heads: Sequence[Head], at_s: float) -> tuple[Nothing, ...]:
        """What was looked at and is none of the tags of any head: the frame, then things."""
        found = []
        if self._whole_none:
            age_s = round(at_s - self._turns["tags"], 3)
            found.append(Nothing(self._whole_none, (0, 0, *self._size), age_s=age_s))
        for track in self._tracks:
            nothing = _none_of(track, self._box(track, at_s), heads, at_s)
            found += [] if nothing is None else [nothing]
        return tuple(found)

    # Inside.

    def _learn_again(self, input_px: int, at_s: float, is_fine: bool) -> None:
        """Things stay where they are and what they are, but for what the gallery said of them."""
        self.sweep = Sweep(*self._size, input_px, at_s, is_fine=is_fine)
        self._places.clear()
        self._turns.clear()
        self._whole, self._whole_none = (), {}
        self._tracks = tuple(
            replace(t, evidence=evidence.without(t.evidence, GALLERY)) for t in self._tracks
        )

    def _age_s(self, turn: Turn, at_s: float) -> float:
        return at_s - self._turns.get(turn, -np.inf)

    def _is_awake(self) -> bool:
        return self.motion is not None and float((self.motion > 0).mean()) >= WAKES

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

    def _met(self, spot: Spot, at_s: float) -> int:
        """Something was found where no track is: one that is near has moved here, or it is new."""
        moved_here = tracks.nearest(self._tracks, spot, at_s)
        if moved_here is None:
            new = tracks.born(self._next_id, spot, at_s)
            self._tracks, self._next_id = tracks.joined(self._tracks, new), self._next_id + 1
            return new.id
        self._tracks = tuple(
            tracks.matched(t, spot, at_s) if t.id == moved_here else t for t in self._tracks
        )
        return moved_here

    def _looked(
        self,
        track: Track,
        picture: Picture,
        heads: Sequence[Head],
        looks: Looks,
        found: bool,
        at_s: float,
    ) -> Track:
        known = track.evidence
        if known.state != "open":  # it is long ago
            known = evidence.reopened(known)
        scores = {name: rows[0] for name, rows in looks.scores.items()}
        if GALLERY in scores and not known.looks:  # before a look, it is one of all things here
            scores[GALLERY] = among(scores[GALLERY], len(self._tracks))
        return replace(
            track,
            evidence=evidence.add(known, heads, scores, looks.embedding[0]),
            seen_s=at_s if found else track.seen_s,
            looked_s=at_s,
            looked_side=max(track.side, track.looked_side),
            patches=appearance.with_new(
                track.patches, appearance.patch(picture, self._box(track, at_s))
            ),
        )

    def _compare(self, picture: Picture, at_s: float) -> None:
        """Settled things that moved may show another side; some of them a frame, in turn."""
        if self.motion is None or not self.motion.any():
            return
        boxes = {t.id: self._box(t, at_s) for t in self._tracks if t.evidence.state != "open"}
        moving = [number for number, box in boxes.items() if self._has_moved(box)]
        first = self._compared % max(1, len(moving))
        chosen = {*[*moving[first:], *moving[:first]][:COMPARED]}
        self._compared += COMPARED
        self._tracks = tuple(
            _seen_again(t, appearance.patch(picture, boxes[t.id])) if t.id in chosen else t
            for t in self._tracks
        )

    def _has_moved(self, box: Box) -> bool:
        assert self.motion is not None
        width, height = self._size
        y0, y1 = box[1] * ROWS // height, -(-box[3] * ROWS // height)
        x0, x1 = box[0] * COLUMNS // width, -(-box[2] * COLUMNS // width)
        return bool(self.motion[y0:y1, x0:x1].any())


def _grown(track: Track) -> Track:
    """Open again, when it shows much more than at any look."""
    is_grown = track.looked_side > 0 and (track.side / track.looked_side) ** 2 > GROWN
    if track.evidence.state == "open" or not is_grown:
        return track
    return replace(track, evidence=evidence.reopened(track.evidence))


def _seen_again(track: Track, now: F32) -> Track:
    """Open again, when it looks as it never did at a look."""
    patches = appearance.with_new(track.patches, now)
    if patches is track.patches:
        return track
    return replace(track, patches=patches, evidence=evidence.reopened(track.evidence))


def _tags_of(
    track: Track,
    box: Box,
    heads: Sequence[Head],
    names: Mapping[str, Sequence[tuple[str, str | None]]],
    at_s: float,
    top_k: int | None,
) -> list[Tag]:
    """What is told of a thing: the tags that are shown, without a flicker; or the best `top_k`."""
    known, found = track.evidence, []
    for head in heads:
        if head.name not in known.logs:
            continue
        row = evidence.probabilities(head, known.logs[head.name])
        if top_k is None:
            shown = known.shown.get(head.name, ())
            found += [Tag(head.name, *names[head.name][i], float(row[i]), box) for i in shown]
            if head.kind == "softmax" and not shown:
                found += group_for(head, names[head.name], row, box)
        else:
            found += tags_for(head, names[head.name], row, box, top_k)
    about = _about(track, at_s)
    return [replace(tag, **about) for tag in found]


def _none_of(track: Track, box: Box, heads: Sequence[Head], at_s: float) -> Nothing | None:
    """What every head says of a thing that is none of its tags, and that is told to be nothing."""
    logs, shown = track.evidence.logs, track.evidence.shown
    if any(shown.get(head.name) for head in heads if head.kind == "softmax"):
        return None
    rows = {h.name: evidence.probabilities(h, logs[h.name]) for h in heads if h.name in logs}
    none = none_for(heads, rows)
    return replace(Nothing(none, box), **_about(track, at_s)) if none else None


def _about(track: Track, at_s: float) -> dict[str, Any]:
    """What is known of the looks at a thing."""
    known = track.evidence
    age_s = round(at_s - (track.looked_s if track.looked_s is not None else at_s), 3)
    return {"track": track.id, "looks": known.looks, "age_s": age_s, "state": known.state}
