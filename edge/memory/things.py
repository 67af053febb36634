"""The things of one camera: where each is, what looks at it said, and what another could bring.

Bounded: at most tracks.MOST of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec.structs import replace

from edge.bundle.manifest import Head
from edge.glance.heat import UNLIKELY, Spot, boxes_of, likely
from edge.glance.parts import holds
from edge.heads.scores import GALLERY, among
from edge.memory import appearance, evidence, tracks
from edge.memory.faint import RESTS_S, FaintSpots
from edge.memory.motion import Motion
from edge.memory.tracks import BORN, Track
from edge.memory.views import after_look, grown, seen_again
from edge.records import F32, Box, Picture, Region
from edge.schedule.candidates import Item, Why, unexplained

OPEN_S = 1.0  # how long a thing may wait for its first look
REFRESH_S = 30.0  # after which a settled thing is worth another look
MISSED_S = 2.0  # likewise one that a glance no longer sees, or had no time for
CARRIED_S = 0.5  # since a glance saw it: then what moves tells where a thing is
COMPARED = 20  # things a frame whose appearance is compared


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


class Things:
    """Of frames of one size, whose motion `motion` knows."""

    def __init__(self, size: tuple[int, int], motion: Motion, first_id: int) -> None:
        self._size, self._motion = size, motion
        self.tracks: tuple[Track, ...] = ()
        self.faint = FaintSpots()
        self.next_id = first_id
        self._is_glanced = False
        self._compared = 0

    def box(self, track: Track, at_s: float) -> Box:
        """Where it should be."""
        return tracks.box_of(tracks.predicted(track, at_s), *self._size)

    def boxes(self, at_s: float) -> list[Box]:
        """Where they should be."""
        return [self.box(track, at_s) for track in self.tracks]

    def arrive(self, picture: Picture, at_s: float) -> None:
        """A new frame, whose motion was seen."""
        self.tracks = tuple(self._kept(track, at_s) for track in self.tracks)
        self._carry(at_s)
        self.tracks = tuple(
            t for t in self.tracks if not tracks.is_forgotten(t, at_s, self._has_moved(t))
        )
        self.faint.arrive(self._motion.is_at, at_s)
        self._compare(picture, at_s)

    def new_id(self) -> int:
        """A number that none of them had before."""
        self.next_id += 1
        return self.next_id - 1

    def learn_again(self) -> None:
        """They stay where they are and what they are, but for what the gallery said of them."""
        self._is_glanced = False
        self.tracks = tuple(
            replace(t, evidence=evidence.without(t.evidence, GALLERY)) for t in self.tracks
        )

    def glanced(self, spots: Sequence[Spot], at_s: float) -> None:
        """At the whole frame: they move to the hot spots that are theirs; other spots are new."""
        self._is_glanced = True
        self.faint.clear()
        self._follow(self.tracks, spots, at_s)

    def glanced_at(self, part: Region, spots: Sequence[Spot], at_s: float) -> None:
        """At a part, in which they are larger; what it does not show may be cut off."""
        self.faint.seen_closer(spots)
        inside = [t for t in self.tracks if holds(part.box, self.box(t, at_s))]
        self._follow(inside, spots, at_s, is_part=True)

    def _follow(
        self, those: Sequence[Track], spots: Sequence[Spot], at_s: float, *, is_part: bool = False
    ) -> None:
        """Tracks that spots may be of are matched with them; the others stay as they are."""
        before = {track.id for track in those}
        others = [track for track in self.tracks if track.id not in before]
        stood = {track.id: track for track in those if self._stands(track)}
        warm = [spot for spot in spots if spot.heat >= UNLIKELY]
        followed = tracks.follow(those, warm, at_s, self.next_id, is_part=is_part)
        followed = tuple(tracks.steadied(t, stood.get(t.id)) for t in followed)
        self.next_id = max([self.next_id, *(t.id + 1 for t in followed)])
        now = [grown(t) if t.id in before else t for t in followed]
        self.tracks = tuple(sorted((*others, *now), key=lambda t: t.id)[: tracks.MOST])
        known = self.boxes(at_s)
        self.faint.add((spot for spot in spots if spot.heat < BORN), known)
        self.tracks = tracks.merged(self.tracks, known)

    def looked(
        self,
        number: int | None,
        picture: Picture,
        heads: Sequence[Head],
        looks: Looks,
        found: bool,
        at_s: float,
    ) -> None:
        """A closer look was made at one, by its id; `found`: it named something."""
        self.tracks = tuple(
            self._looked(track, picture, heads, looks, found, at_s) if track.id == number else track
            for track in self.tracks
        )
        self.tracks = tracks.merged(self.tracks, self.boxes(at_s))

    def met(self, box: Box, at_s: float) -> int:
        """Something is there where none was: one that is near has moved, or it is new. Its id."""
        spot = Spot(box, BORN)
        moving = [t for t in self.tracks if self._motion.last_s(self.box(t, t.seen_s)) >= t.seen_s]
        moved_here = tracks.nearest(moving, spot, at_s)
        if moved_here is None:
            new = tracks.born(self.new_id(), spot, at_s)
            self.tracks = tracks.joined(self.tracks, new)
            return new.id
        self.tracks = tuple(
            tracks.matched(t, spot, at_s) if t.id == moved_here else t for t in self.tracks
        )
        return moved_here

    def items(self, at_s: float) -> list[Item]:
        """One for each thing: what another look is worth, 0 if it is settled or cannot be found."""
        return [self._item(track, at_s) for track in self.tracks]

    def is_any_astray(self, at_s: float) -> bool:
        """Whether a thing that was seen only once has moved. A glance must find it before it is too
        far away to be taken for the same thing.
        """
        return any(track.matches == 1 and self._is_astray(track, at_s) for track in self.tracks)

    # Inside.

    def _item(self, track: Track, at_s: float) -> Item:
        box = self.box(track, at_s)
        known = track.evidence
        if known.state == "open":
            rests = track.looked_s is not None and at_s - track.looked_s < RESTS_S
            is_there = not self._is_astray(track, at_s) or self._is_unseen(track, at_s)
            is_due = is_there and not rests
            worth = likely(max(track.heat, BORN)) * (1 - known.sure) if is_due else 0.0
            waits_s = at_s - track.born_s - OPEN_S if track.looked_s is None else 0.0
            why: Why = "track" if known.looks else "heat"
            return Item(box, worth, why, waits_s, track.id, self._same_looks(track, box))
        rested_s = at_s - (track.looked_s or at_s)
        aged = rested_s / REFRESH_S
        worth = 0.05 * aged**2 if aged > 1 else 0.0
        is_missed = track.misses > 0 and self._stands(track)
        if rested_s >= MISSED_S and (is_missed or self._is_unseen(track, at_s)):
            worth = max(worth, likely(BORN))  # it may have gone, and nobody saw it move
        return Item(box, worth, "track", 0.0, track.id, self._same_looks(track, box))

    def _is_unseen(self, track: Track, at_s: float) -> bool:
        """Whether something moved there, and nothing has had time to show that it is there yet."""
        return at_s - track.seen_s >= MISSED_S and self._has_moved(track)

    def _looked(
        self,
        track: Track,
        picture: Picture,
        heads: Sequence[Head],
        looks: Looks,
        found: bool,
        at_s: float,
    ) -> Track:
        scores = {name: rows[0] for name, rows in looks.scores.items()}
        if GALLERY in scores and not track.evidence.looks:  # before, it is one of all things here
            scores[GALLERY] = among(scores[GALLERY], len(self.tracks))
        patch = appearance.patch(picture, self.box(track, at_s))
        return after_look(track, heads, scores, looks.embedding[0], patch, found, at_s)

    def _compare(self, picture: Picture, at_s: float) -> None:
        """Settled things that moved may show another side; some of them a frame, in turn."""
        if not self._motion.is_any:
            return
        boxes = {t.id: self.box(t, at_s) for t in self.tracks if t.evidence.state != "open"}
        moving = [number for number, box in boxes.items() if self._motion.is_at(box)]
        first = self._compared % max(1, len(moving))
        chosen = {*[*moving[first:], *moving[:first]][:COMPARED]}
        self._compared += COMPARED
        self.tracks = tuple(
            seen_again(t, appearance.patch(picture, boxes[t.id])) if t.id in chosen else t
            for t in self.tracks
        )

    def _carry(self, at_s: float) -> None:
        """What no glance had time for moves to what moves: what is told, or had no look yet."""
        unseen = (t for t in self.tracks if t.misses or at_s - t.at_s > CARRIED_S)
        told = (t for t in unseen if t.evidence.names or not t.evidence.looks)
        late = [t for t in told if not self._stands(t) and not tracks.has_stood(t)]
        if late and self._motion.is_any:
            moved = [self._motion.tight(box) for box in boxes_of(self._motion.now, *self._size)]
            others = [self.box(t, at_s) for t in self.tracks if t not in late]
            now = {t.id: t for t in tracks.carried(late, unexplained(moved, others), at_s)}
            self.tracks = tuple(now.get(t.id, t) for t in self.tracks)

    def _kept(self, track: Track, at_s: float) -> Track:
        """What a look named stays while nothing moves there, whatever a glance says."""
        return replace(track, seen_s=at_s, misses=0) if self._stands(track) else track

    def _stands(self, track: Track) -> bool:
        """Did a look name it, and has nothing moved there since?"""
        return bool(track.evidence.names) and not self._has_moved(track)

    def _has_moved(self, track: Track) -> bool:
        """Has anything moved there since it was seen?"""
        box = self.box(track, max(track.seen_s, track.at_s))
        return self._motion.last_s(box) > track.seen_s

    def _same_looks(self, track: Track, box: Box) -> int:
        """Looks that showed it as another one would: what moves shows another view anyway."""
        return 0 if self._motion.is_at(box) else track.evidence.looks

    def _is_astray(self, track: Track, at_s: float) -> bool:
        """Whether it has moved to an unknown place: it was seen only once, or the last glance
        missed it. A look at its old place would say that it is nothing.
        """
        is_sure = track.at_s >= at_s or (track.matches > 1 and not track.misses)
        if is_sure or not self._is_glanced:  # without glances nobody could tell
            return False
        return self._motion.last_s(self.box(track, track.at_s)) > track.at_s
