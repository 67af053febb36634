"""One look at one fish: its length in the plane, how sure that is, and whether all of it shows."""

from __future__ import annotations

import msgspec
import numpy as np

from edge.length.ends import FISH, Body, body
from edge.length.mask import Piece, fish_outline
from edge.length.midline import midline
from edge.length.plane import Plane, length_mm
from edge.length.regressor import features_of, read_regressor
from edge.pictures.regions import clip
from edge.records import F64, Box

LOW, HIGH = 0.3, 0.7  # of a pixel: where else its edge may be drawn
LINE_SHARE = 0.008  # deviation of a midline's length that the shape of a fish makes
UNLIKE = 0.22  # how far from it a fish may be, root mean square
APART = 0.08  # by which both ways may differ: more, and it is no outline of one whole fish
STRANGE = 0.3  # by which they may, for the regressor to be asked: more, and it is no fish's shape
DENIED = 0.28  # of its score is left where an outliner sees no fish: told only where none else is
HIDDEN = 0.15  # least deviation where a part may be hidden, or the mask is of more than one fish
GUESSED = 0.3  # deviation of such a length
BELIEVED = 1.0  # of what both ways differ by, where an outliner knows it for a fish
BLURRED = 2.0  # how much more than its soft edge says a mask is off, on photographs
NEAR_END, TAKEN = 0.15, 0.05  # of its length: so near an end, so wide, and the rim takes it
WHOLE = 0.62  # least share of its hull that a fish fills when nothing hides it


class Look(msgspec.Struct, frozen=True, eq=False):
    """What one look says."""

    cm: float  # along the midline; by the regressor, where that is longer and the frame cuts it
    midline_cm: float
    shape_cm: float  # by the regressor
    edge_cm: float  # deviation for what differs from look to look: the edges of the mask
    bias_cm: float  # deviation for what every look shares: plane and shape
    is_occluded: bool  # something hides a part of it, or the frame ends
    score: float  # how much it is a fish by its shape, 0..1
    box: Box  # about it, frame px
    line: F64  # (N, 2) midline in the frame, snout first
    outline: F64  # (M, 2) in the frame

    @property
    def sd_cm(self) -> float:
        """Of this look alone."""
        return float(np.hypot(self.edge_cm, self.bias_cm))


def measure(piece: Piece, plane: Plane, frame: tuple[int, int], to_fork: bool) -> Look | None:
    """The length of a piece; None where it is nothing long.

    frame    its width and height, px
    to_fork  to the fork of the tail; else to where the midline meets the line between its tips
    """
    line = midline(piece.mask)
    found = None if line is None else body(piece.soft, line)
    if line is None or found is None:
        return None
    length = _cm(found, piece, plane, to_fork)
    if not length > 0:
        return None
    shape, hidden_share = by_shape(found, piece, length, to_fork)
    outline, full = fish_outline(piece)
    box = _box(outline, frame)
    is_cut = _is_cut(box, frame, piece.scale)
    apart = abs(shape / length - 1)
    is_odd = apart > (APART if not piece.sure else STRANGE)
    is_occluded = is_cut or piece.is_crowded or full < WHOLE or is_odd
    points = piece.to_frame(found.part(found.snout, found.fork if to_fork else found.tips))
    is_short = is_cut and _is_short(outline, points, frame, piece.scale)
    best = _best(length, shape, piece, is_short=is_short)
    unsure = _unsure(piece, hidden_share if is_occluded else 0.0, apart)
    return Look(
        cm=best,
        midline_cm=length,
        shape_cm=shape,
        edge_cm=_edge_cm(piece, line, plane, to_fork) * (BLURRED if piece.sure else 1.0),
        bias_cm=float(best * np.hypot(plane.sd_share, unsure)),
        is_occluded=bool(is_occluded),
        score=score(found, piece.sure),
        box=box,
        line=points,
        outline=outline,
    )


def _best(length: float, shape: float, piece: Piece, *, is_short: bool) -> float:
    """Of both lengths. is_short: the frame's edge cuts off a part of the fish"""
    apart = abs(shape / length - 1)
    if is_short and apart < STRANGE:
        return max(length, shape)
    if APART < apart < STRANGE and not piece.is_crowded and not piece.sure:
        return (length + shape) / 2  # a tail that colours did not find, or too much found
    return length


def by_shape(found: Body, piece: Piece, length: float, to_fork: bool) -> tuple[float, float]:
    """The regressor's length, in the unit of `length`, which is along the midline; and its
    deviation where a part of the fish is hidden, as a share.
    """
    made = read_regressor()
    features, unit = features_of(piece.mask, found)
    share = float(made.shares(features[None])[0, int(to_fork)])
    along = (found.fork if to_fork else found.tips) - found.snout
    return share * unit * length / max(along, 1e-9), made.sd_hidden


def _unsure(piece: Piece, hidden_share: float, apart: float) -> float:
    """Deviation of a length for what its shape leaves open, as a share."""
    if piece.sure == 0:
        return GUESSED  # an outliner sees no fish there
    if hidden_share:
        return float(np.hypot(max(hidden_share, HIDDEN), apart))
    return float(np.hypot(LINE_SHARE, BELIEVED * apart if piece.sure else 0.0))


def score(found: Body, sure: float | None) -> float:
    """By its widths alone, or by them and by what an outliner says. 0..1"""
    shaped = fish_score(found)
    if sure is None:
        return shaped
    return (shaped + sure) / 2 if sure else DENIED * shaped


def fish_score(found: Body) -> float:
    """How much a body is a fish, by its widths along it. 0..1"""
    long = found.tips - found.snout
    widest = float(found.widths.max())
    if long <= 0 or widest <= 0:
        return 0.0
    off = float(np.sqrt(((found.widths / widest - FISH) ** 2).mean()))
    plump = np.interp(widest / long, [0.05, 0.12, 0.5, 0.8], [0, 1, 1, 0])
    return float(np.exp(-((off / UNLIKE) ** 2)) * plump)


def _cm(found: Body, piece: Piece, plane: Plane, to_fork: bool) -> float:
    points = found.part(found.snout, found.fork if to_fork else found.tips)
    return length_mm(piece.to_frame(points), plane) / 10


def _edge_cm(piece: Piece, line: F64, plane: Plane, to_fork: bool) -> float:
    """Half of what the length changes when the edge is drawn farther out and farther in."""
    lengths = []
    for share in (LOW, HIGH):
        drawn = np.clip(piece.soft + (0.5 - share), 0, 1)
        found = body(drawn.astype(np.float32), line)
        lengths.append(0.0 if found is None else _cm(found, piece, plane, to_fork))
    one_px = line[:2] / max(1e-9, np.hypot(*(line[1] - line[0])))
    px_mm = length_mm(piece.to_frame(one_px), plane)
    return max(abs(lengths[0] - lengths[1]) / 2, 0.05 * px_mm)  # half a pixel, in cm


def _box(outline: F64, frame: tuple[int, int]) -> Box:
    low, high = np.floor(outline.min(0)), np.ceil(outline.max(0)) + 1
    (x0, y0), (x1, y1) = low.astype(int).tolist(), high.astype(int).tolist()
    return clip((x0, y0, x1, y1), *frame)


def _is_cut(box: Box, frame: tuple[int, int], scale: float) -> bool:
    """Does it reach the rim of the frame, as far as a mask of that scale can tell?"""
    rim = 1 + scale
    return min(box[:2]) <= rim or box[2] >= frame[0] - rim or box[3] >= frame[1] - rim


def _is_short(outline: F64, line: F64, frame: tuple[int, int], scale: float) -> bool:
    """Does the rim of the frame take an end of it? A fin or a flank that reaches it takes nothing.

    outline, line  in the frame
    """
    far = np.minimum(outline, np.array(frame) - 1 - outline).min(1)
    at_rim = outline[far <= 1 + scale]
    if not len(at_rim):
        return False
    long = float(np.hypot(*(line[-1] - line[0])))
    ends = min(np.hypot(*(at_rim.mean(0) - end)) for end in (line[0], line[-1]))
    return bool(ends < NEAR_END * long and np.ptp(at_rim, axis=0).max() > TAKEN * long)
