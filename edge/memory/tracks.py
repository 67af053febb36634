"""Things followed from frame to frame: where each is now, and which spot of the glance is it. Pure.

A constant-velocity filter a track (alpha-beta), matched greedily, nearest first: at a few frames a
second, and with spots as coarse as a glance gives, an optimal assignment changes nothing.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

import msgspec
import numpy as np

from edge.glance.heat import Spot
from edge.memory.evidence import Evidence
from edge.pictures.regions import alike
from edge.records import F32, Box

BORN = 0.30  # heat that starts a track
KEPT = 0.08  # heat that lets it live: less than what starts it, so that none flickers
BIRTHS = 12  # a frame: a storm of false spots must not eat the budget
MOST = 100  # tracks
MISSES = 3  # glances in a row that do not see it
PLACE, SPEED, SIDE = 0.7, 0.4, 0.3  # how much of what a spot says is believed
REACH = 0.8  # of a side: how far from where it should be a thing may turn up
RESIZED = 1.5  # in the logarithm to base 2: how much larger or smaller
TREMBLES = 0.5  # of a side: so far apart may two glances see the middle of what stands
GONE_S = 15.0  # without a glance or a look that saw it
PASSED_S = 4.0  # likewise where something moved since: it may have been the thing


class Track(msgspec.Struct, frozen=True, eq=False):
    """One thing. Places in frame pixels, speeds in px/s, times in s."""

    id: int
    x: float  # centre
    y: float
    wide: float
    tall: float
    at_s: float  # when it was last matched
    seen_s: float  # when a glance or a look last showed that it is there
    born_s: float
    heat: float
    evidence: Evidence = Evidence()
    dx: float = 0.0
    dy: float = 0.0
    misses: int = 0  # glances in a row
    matches: int = 1
    looked_s: float | None = None  # when it was last looked at closely
    looked_side: float = 0.0  # its longer side then
    patches: tuple[F32, ...] = ()  # how it looked at its looks; see appearance.py

    @property
    def side(self) -> float:
        return max(self.wide, self.tall)


def born(number: int, spot: Spot, at_s: float) -> Track:
    """A track that starts where a spot is."""
    x0, y0, x1, y1 = spot.box
    centre = (x0 + x1) / 2, (y0 + y1) / 2
    return Track(number, *centre, x1 - x0, y1 - y0, at_s, at_s, at_s, spot.heat)


def predicted(track: Track, at_s: float) -> Track:
    """Where it should be at `at_s`; the longer it was not seen, the less its speed is believed."""
    dt = min(at_s - track.at_s, 1.0)
    return msgspec.structs.replace(track, x=track.x + track.dx * dt, y=track.y + track.dy * dt)


def box_of(track: Track, width: int, height: int) -> Box:
    """Its place inside the frame, at least one pixel; at the edge when it has left."""
    x0 = min(max(0, round(track.x - track.wide / 2)), width - 1)
    y0 = min(max(0, round(track.y - track.tall / 2)), height - 1)
    x1 = min(width, round(track.x + track.wide / 2))
    y1 = min(height, round(track.y + track.tall / 2))
    return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)


def matched(track: Track, spot: Spot, at_s: float) -> Track:
    """The track after it was seen at a spot."""
    if at_s == track.at_s:
        return _seen_closer(track, spot)
    now = predicted(track, at_s)
    dt = max(at_s - track.at_s, 1e-3)
    x0, y0, x1, y1 = spot.box
    off_x, off_y = (x0 + x1) / 2 - now.x, (y0 + y1) / 2 - now.y
    # A second sighting tells the speed; a first guess of it would be noise over a short time.
    # Before, nothing was expected of the place either.
    place, speed = (PLACE, SPEED) if track.matches > 1 else (1.0, 1.0)
    return msgspec.structs.replace(
        now,
        x=now.x + place * off_x,
        y=now.y + place * off_y,
        dx=track.dx + speed * off_x / dt,
        dy=track.dy + speed * off_y / dt,
        wide=track.wide + SIDE * (x1 - x0 - track.wide),
        tall=track.tall + SIDE * (y1 - y0 - track.tall),
        at_s=at_s,
        seen_s=at_s,
        heat=spot.heat,
        misses=0,
        matches=track.matches + 1,
    )


def _seen_closer(track: Track, spot: Spot) -> Track:
    """Seen again in the same frame, it was seen closer: this tells its place and not its speed."""
    seen = born(track.id, spot, track.at_s)
    heat = max(track.heat, spot.heat)
    box = {"x": seen.x, "y": seen.y, "wide": seen.wide, "tall": seen.tall}
    return msgspec.structs.replace(track, seen_s=track.at_s, heat=heat, misses=0, **box)


def steadied(track: Track, before: Track | None) -> Track:
    """A thing that stood still has no speed, though two glances see its middle apart; or it would
    leave the frame within seconds. Farther apart, it moves, and nobody saw it: things may be as
    bright as what lies behind them. before: as it was before the glance; None: it may have moved.
    """
    if before is None or before.at_s == track.at_s:
        return track
    off_x, off_y = track.x - before.x, track.y - before.y
    if math.hypot(off_x, off_y) > PLACE * TREMBLES * before.side:
        return track
    x, y = before.x + SIDE * off_x, before.y + SIDE * off_y
    return msgspec.structs.replace(track, x=x, y=y, dx=0.0, dy=0.0)


def follow(
    tracks: Sequence[Track],
    spots: Sequence[Spot],
    at_s: float,
    first_id: int,
    *,
    is_part: bool = False,
) -> tuple[Track, ...]:
    """The tracks after a glance that found `spots`: moved, missed, ended, and newly born ones.

    Ids count up from `first_id`, which must be above every id given before. Of a glance at a part
    of the frame, which may cut a thing off, nothing is missed.
    """
    pairs = _pairs([predicted(t, at_s) for t in tracks], spots)
    kept = [
        matched(track, spots[pairs[i]], at_s)
        if i in pairs
        else _missed(track, not is_part and track.at_s < at_s)
        for i, track in enumerate(tracks)
    ]
    kept = [t for t in kept if t.misses < MISSES]
    taken = set(pairs.values())
    free = [s for i, s in enumerate(spots) if i not in taken and s.heat >= BORN]
    room = max(0, min(BIRTHS, MOST - len(kept)))
    return (*kept, *(born(first_id + i, s, at_s) for i, s in enumerate(free[:room])))


def nearest(tracks: Sequence[Track], spot: Spot, at_s: float) -> int | None:
    """The id of the track that may have moved to a spot, unseen; None when none is near."""
    moved = [_missed(predicted(track, at_s)) for track in tracks]
    return next((tracks[i].id for i in _pairs(moved, [spot])), None)


def merged(tracks: Sequence[Track], boxes: Sequence[Box]) -> tuple[Track, ...]:
    """Without second tracks of one thing: in one place, and said to be the same. The older stays.

    boxes  where each is
    """
    kept: list[Track] = []
    places: defaultdict[tuple[str, int], list[Box]] = defaultdict(list)
    for track, box in zip(tracks, boxes, strict=True):
        names = track.evidence.names
        if not any(alike(box, other) for name in names for other in places[name]):
            kept.append(track)
            for name in names:
                places[name].append(box)
    return tuple(kept)


def joined(tracks: Sequence[Track], track: Track) -> tuple[Track, ...]:
    """With one more; when there is no room, without the one that was not seen for longest."""
    if len(tracks) >= MOST:
        oldest = min(tracks, key=lambda track: track.seen_s)
        tracks = [t for t in tracks if t is not oldest]
    return (*tracks, track)


def has_stood(track: Track) -> bool:
    """Whether it was shown where it had been before: what moves there now may be another thing."""
    return (track.seen_s > track.at_s or track.matches > 1) and track.dx == track.dy == 0


def is_forgotten(track: Track, at_s: float, has_moved: bool) -> bool:
    """Whether no glance or look has shown it for long. has_moved: did anything, there, since?"""
    return at_s - track.seen_s > (PASSED_S if has_moved else GONE_S)


def carried(tracks: Sequence[Track], boxes: Sequence[Box], at_s: float) -> tuple[Track, ...]:
    """Each at the box of what moves that is nearest; where none is near, as it was. What moves need
    not be it: that it is seen, only a glance or a look can say.
    """
    pairs = _pairs([predicted(t, at_s) for t in tracks], [Spot(box, KEPT) for box in boxes])
    return tuple(
        _carried(track, boxes[pairs[i]], at_s) if i in pairs else track
        for i, track in enumerate(tracks)
    )


def _carried(track: Track, box: Box, at_s: float) -> Track:
    moved = matched(track, Spot(box, track.heat), at_s)
    return msgspec.structs.replace(moved, seen_s=track.seen_s, misses=track.misses)


def _missed(track: Track, times: int = 1) -> Track:
    return msgspec.structs.replace(track, misses=track.misses + times)


def _pairs(tracks: Sequence[Track], spots: Sequence[Spot]) -> dict[int, int]:
    """Track -> spot, those nearest in place and size first."""
    if not tracks or not spots:
        return {}
    own = np.array([(t.x, t.y, t.side, t.misses) for t in tracks]).T[:, :, None]  # 4 x (T, 1)
    boxes = np.array([s.box for s in spots], np.float64).T  # 4 x (S,)
    side = np.maximum(boxes[2] - boxes[0], boxes[3] - boxes[1])
    away = np.hypot((boxes[0] + boxes[2]) / 2 - own[0], (boxes[1] + boxes[3]) / 2 - own[1])
    away /= np.maximum(np.maximum(own[2], side), 1)  # (T, S) in units of their size
    resized = np.abs(np.log2(np.maximum(own[2], 1) / side))
    hot = np.array([s.heat >= KEPT for s in spots])
    near = (away <= REACH + 0.5 * own[3]) & (resized <= RESIZED) & hot
    rows, columns = np.nonzero(near)
    order = np.argsort((away + 0.5 * resized)[rows, columns], kind="stable")
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for i, j in zip(rows[order].tolist(), columns[order].tolist()):
        if i not in pairs and j not in taken:
            pairs[i] = j
            taken.add(j)
    return pairs
