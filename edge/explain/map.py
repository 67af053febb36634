"""The frame with where was looked, where not, and what was found: the left of an explanation.

What no closer look saw is dimmed; heat glows. A look has a solid edge and its number, in the colour
of the reason for it; one that would have paid and was not made is dashed; others are thin.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from edge.explain.ink import Colour, Ink, dashes, disc, fill, outline
from edge.explain.lettering import draw_outline
from edge.pictures.regions import shared_px
from edge.records import F32, U8, Box, Tag
from edge.seen import Looked, Seen

COLOURS: dict[str, Colour] = {  # by why there was, or would have been, a look
    "glance": (235, 238, 243),
    "track": (86, 200, 255),
    "heat": (255, 178, 62),
    "moved": (240, 120, 220),
    "part": (120, 225, 170),
    "aged": (160, 176, 205),
}
WHY = {  # in words
    "glance": "whole frame",
    "track": "a known thing",
    "heat": "a hot spot",
    "moved": "it moved",
    "part": "glance at a part",
    "aged": "not seen for long",
}
DARK, WHITE = (16, 18, 23), (245, 247, 250)
TAG = (24, 120, 78)  # behind what was found
SKIPPED = (255, 92, 92)
GLOW = np.array([(90, 20, 110), (214, 60, 80), (255, 150, 40), (255, 236, 140)], np.float32)
DIM = 0.62  # of the brightness, where no closer look saw the frame
MOST_TAGS = 40  # with a label on the frame


def explained_map(
    canvas: U8, wide_px: int, zoom: float, tags: Sequence[Tag], seen: Seen, ink: Ink
) -> None:
    """Draw on the frame, `zoom` times as large as it is: the left `wide_px` of `canvas`. Words may
    stand in the room beside it.
    """
    frame = canvas[:, :wide_px]
    whole = 0, 0, wide_px, canvas.shape[0]
    closer = [look for look in seen.looks if look.is_closer]
    looked = [_zoomed(look.region.box, zoom) for look in closer]
    if seen.ages_s is not None:
        _dim(frame, looked)
    if seen.heat is not None:
        _glow(frame, seen.heat.any)
    thick = max(2, round(ink.size_px / 9))
    _not_looked(canvas, zoom, seen, ink, thick)
    for look, box in zip(closer, looked, strict=True):
        outline(canvas, box, COLOURS[look.why], thick)
    taken = [
        badge(canvas, box, n, look, ink) for n, (look, box) in enumerate(zip(closer, looked), 1)
    ]
    boxed = [tag for tag in tags if _zoomed(tag.box, zoom) != whole]
    for tag in boxed[:MOST_TAGS]:
        draw_outline(canvas, tag, zoom, WHITE, thick)
        _label(canvas, tag, _zoomed(tag.box, zoom), taken, ink)


def _not_looked(canvas: U8, zoom: float, seen: Seen, ink: Ink, thick: int) -> None:
    """Places that only time speaks for have no cross: there may be a whole grid of them."""
    chosen = {look.region.box for look in seen.looks} | {s.region.box for s in seen.skipped}
    for candidate in seen.candidates:
        if candidate.region.box not in chosen:
            why = seen.items[candidate.item].why
            outline(canvas, _zoomed(candidate.region.box, zoom), COLOURS[why], 1, 0.55)
    side = round(ink.size_px * 0.55)
    for skip in sorted(seen.skipped, key=lambda skip: skip.why != "aged"):
        box, is_aged = _zoomed(skip.region.box, zoom), skip.why == "aged"
        opacity = 0.4 if is_aged else 1.0
        dashes(canvas, box, COLOURS[skip.why], max(1, thick // 2), 4 * thick, opacity)
        if not is_aged:
            cross(canvas, box[2] - 2 * thick - side, box[1] + 2 * thick, side, thick)


def glow_of(heat: F32) -> F32:
    """0..1 of any shape -> colours, the same shape x 3."""
    steps = np.linspace(0, 1, len(GLOW))
    return np.stack([np.interp(heat, steps, GLOW[:, c]) for c in range(3)], -1).astype(np.float32)


def _zoomed(box: Box, zoom: float) -> Box:
    x0, y0, x1, y1 = (round(edge_px * zoom) for edge_px in box)
    return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)


def _dim(canvas: U8, looked: Sequence[Box]) -> None:
    """All but what was looked at: darker, and with less colour."""
    kept = [canvas[y0:y1, x0:x1].copy() for x0, y0, x1, y1 in looked]
    grey = cv2.cvtColor(canvas, cv2.COLOR_RGB2GRAY)[..., None]
    canvas[:] = (0.55 * canvas + 0.45 * grey) * DIM
    for (x0, y0, x1, y1), part in zip(looked, kept, strict=True):
        canvas[y0:y1, x0:x1] = part


def _glow(canvas: U8, heat: F32) -> None:
    """Hot cells shine through; cold ones leave the frame as it is."""
    height, width = canvas.shape[:2]
    smooth = cv2.resize(heat, (width, height), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    opacity = (0.62 * smooth**0.7 * (smooth > 0.04))[..., None]
    canvas[:] = canvas * (1 - opacity) + glow_of(smooth) * opacity


def cross(canvas: U8, x: int, y: int, side: int, thick: int) -> None:
    """The mark of a look that was not made, its upper left corner at (x, y)."""
    for colour, wide in ((DARK, 3 * thick), (SKIPPED, thick)):
        cv2.line(canvas, (x, y), (x + side, y + side), colour, wide, cv2.LINE_AA)
        cv2.line(canvas, (x, y + side), (x + side, y), colour, wide, cv2.LINE_AA)


def badge(canvas: U8, box: Box, number: int, look: Looked, ink: Ink) -> Box:
    """The look's number in a disc at the upper left corner of `box`; what the disc covers."""
    radius = round(ink.size_px * 0.72)
    x = min(max(box[0], radius), canvas.shape[1] - radius - 1)
    y = min(max(box[1], radius), canvas.shape[0] - radius - 1)
    disc(canvas, x, y, radius + max(1, radius // 8), DARK)
    disc(canvas, x, y, radius, COLOURS[look.why])
    words = str(number)
    scale = 0.85 if len(words) < 3 else 0.65
    left = x - ink.width(words, scale) // 2
    ink.write(canvas, words, left, y - ink.line_px // 2, DARK, scale)
    return x - radius, y - radius, x + radius, y + radius


def _label(canvas: U8, tag: Tag, box: Box, taken: list[Box], ink: Ink) -> None:
    """What was found, at the thing, where no other label or number stands."""
    words, pad = f"{tag.tag} {tag.score:.0%}", round(ink.size_px * 0.4)
    wide, tall = ink.width(words, 0.9) + 2 * pad, ink.line_px
    height, width = canvas.shape[:2]
    outline(canvas, box, TAG, max(1, round(ink.size_px / 12)))
    x = min(max(0, box[0]), max(0, width - wide))
    for y in (box[3], box[1] - tall, box[3] - tall, box[1]):
        plate = x, y, x + wide, y + tall
        if 0 <= y <= height - tall and not any(shared_px(plate, other) for other in taken):
            fill(canvas, plate, TAG, 0.92)
            ink.write(canvas, words, x + pad, y, WHITE, 0.9)
            taken.append(plate)
            return
