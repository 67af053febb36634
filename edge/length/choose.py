"""Which looks at a frame are told: each fish once, and a whole fish before a scrap. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from msgspec.structs import replace

from edge.length.measure import HIDDEN, STRANGE, Look
from edge.records import F64, NDArray

DRAWN_PX = 256  # longer side of what outlines are compared on
SAME = 0.5  # of the smaller outline, in the larger one: so much, and both are of one fish
AGREES = 0.15  # by which both ways may differ and the look is worth a third
BESIDE = 0.15  # of its length from a fish: what lies so near may lie on it
MISSING = 0.05  # by which the regressor has it longer than what shows, and something hides an end
WHOLE = 0.5  # of the longest likely fish: a shorter one may be a scrap, and counts for less


def chosen(
    looks: Sequence[Look], likely: float, least: float, beside_cm: float = 0.0
) -> list[Look]:
    """The looks that are likely to be of fish, best first; where none is, the best from `least` on.

    beside_cm  of the longest fish that is known beside them
    Of looks at the same fish stays the one that is a fish and large: what covers a part of a fish
    is as much like one, what covers a fish and its shadow or its board is less.
    """
    kept = _apart(looks)
    long = max([beside_cm, *(look.midline_cm for look in kept if look.score >= likely)])
    if long:
        kept = [replace(look, score=look.score * _share(look, long)) for look in kept]
    best = sorted(kept, key=lambda look: -look.score)
    told = under([look for look in best if look.score >= likely])
    return told or [look for look in best[:1] if look.score >= least]


def under(looks: Sequence[Look]) -> list[Look]:
    """Those that another of them lies on are flagged, and as long as the regressor says: what shows
    of a fish under another is too short (AutoFish: by 1.8 cm on average), the regressor is not.
    """
    return [
        _hidden(look)
        if any(_lies_on(other, look) for other in looks if other is not look)
        else look
        for look in looks
    ]


def _lies_on(other: Look, look: Look) -> bool:
    apart = look.shape_cm / look.midline_cm - 1
    if not MISSING < apart < STRANGE:
        return False
    reach = BESIDE * float(np.hypot(*(look.line[-1] - look.line[0])))
    around = other.outline.astype(np.float32)
    far = (cv2.pointPolygonTest(around, (float(x), float(y)), True) for x, y in look.outline)
    return max(far, default=-np.inf) > -reach


def _hidden(look: Look) -> Look:
    sd_cm = float(np.hypot(look.bias_cm, HIDDEN * look.shape_cm))
    return replace(look, cm=look.shape_cm, bias_cm=sd_cm, is_occluded=True)


def _share(look: Look, long: float) -> float:
    return float(np.sqrt(min(1.0, look.midline_cm / (WHOLE * long))))


def _apart(looks: Sequence[Look]) -> list[Look]:
    """Without those that are of the same fish as a better one."""
    drawn = _drawn([look.outline for look in looks])
    areas = [max(1, int(mask.sum())) for mask in drawn]
    worth = [look.score * area**0.5 * _whole(look) for look, area in zip(looks, areas)]
    kept: list[int] = []
    for n in sorted(range(len(looks)), key=lambda n: -worth[n]):
        shared = (int((drawn[n] & drawn[m]).sum()) / min(areas[n], areas[m]) for m in kept)
        if all(share < SAME for share in shared):
            kept.append(n)
    return [looks[n] for n in kept]


def _whole(look: Look) -> float:
    """How much both of its lengths agree, 0..1: of a fish without its tail they do not."""
    return float(np.exp(-(((look.shape_cm / look.midline_cm - 1) / AGREES) ** 2)))


def _drawn(outlines: Sequence[F64]) -> list[NDArray[np.bool_]]:
    """Each filled, on one small canvas."""
    if not outlines:
        return []
    corner = np.min([line.min(0) for line in outlines], axis=0)
    size = np.max([line.max(0) for line in outlines], axis=0) - corner
    shrink = DRAWN_PX / max(float(size.max()), 1.0)
    canvas = np.zeros((len(outlines), *(np.ceil(size * shrink).astype(int) + 1)[::-1]), np.uint8)
    for mask, line in zip(canvas, outlines):
        cv2.fillPoly(mask, [((line - corner) * shrink).round().astype(np.int32)], 1)
    return [mask > 0 for mask in canvas]
