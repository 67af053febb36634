"""Why a frame has its tags: one picture for people, from what the way of the frame left behind."""

from __future__ import annotations

import cv2
import numpy as np

from edge.explain.column import BACK, MUTED
from edge.explain.ink import Ink, dashes, fill, outline
from edge.explain.map import COLOURS, WHY, badge, cross, explained_map, glow_of
from edge.explain.panel import panel
from edge.pictures import pixels
from edge.records import U8, FrameTags
from edge.seen import Seen

SHORTEST, LONGEST = 1280, 1600  # px: the frame's longer side as drawn lies between them
LETTERS = 84  # along that side
CROP = 6.5  # letters: the side of a crop in the strip of them
LEAST = 0.3  # of it: a frame thinner than that gets room beside it


def explained(picture: U8, result: FrameTags, seen: Seen) -> U8:
    """(H, W, 3) RGB -> the frame with what was seen on it, and beside it why. Fresh.

    The frame's longer side comes out as SHORTEST to LONGEST px, so that letters can be read on
    small frames and files of large ones stay small.
    """
    frame, zoom = _resized(picture)
    canvas = _with_room(frame)
    ink = Ink(max(canvas.shape[:2]) / LETTERS)
    explained_map(canvas, frame.shape[1], zoom, result.tags, seen, ink)
    width = canvas.shape[1]
    left = np.vstack([canvas, _legend(width, ink, seen), _crops(picture, width, ink, seen)])
    right = panel(result, seen, ink, left.shape[0])
    missing = right.shape[0] - left.shape[0]
    if missing > 0:
        rest = np.full((missing, left.shape[1], 3), BACK, np.uint8)
        left = np.vstack([left, rest])
    return np.hstack([left, right])


def _resized(picture: U8) -> tuple[U8, float]:
    """A copy at the size it is drawn in, and how many times as large that is."""
    height, width = picture.shape[:2]
    longer = max(height, width)
    zoom = min(max(longer, SHORTEST), LONGEST) / longer
    size = max(1, round(width * zoom)), max(1, round(height * zoom))
    how = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
    return np.array(cv2.resize(picture, size, interpolation=how), np.uint8), zoom


def _with_room(frame: U8) -> U8:
    """Never thinner than LEAST: black beside the frame."""
    missing = round(LEAST * max(frame.shape[:2])) - frame.shape[1]
    return np.pad(frame, ((0, 0), (0, missing), (0, 0))) if missing > 0 else frame


def _crops(picture: U8, width: int, ink: Ink, seen: Seen) -> U8:
    """What the closer looks saw, the first ones side by side, (h, width, 3).

    As high without any, so that a camera's pictures are alike; nothing where one look shows all.
    """
    closer = [look for look in seen.looks if look.is_closer]
    side, gap = round(ink.size_px * CROP), round(ink.size_px * 0.5)
    strip: U8 = np.full((0 if seen.ages_s is None else side + gap, width, 3), BACK, np.uint8)
    shown = closer if len(strip) else []
    for n, look in enumerate(shown[: max(0, (width - gap) // (side + gap))]):
        x = gap + n * (side + gap)
        crop = pixels.cut(picture, look.region)
        how = cv2.INTER_AREA if min(crop.shape[:2]) > side else cv2.INTER_CUBIC
        strip[:side, x : x + side] = cv2.resize(crop, (side, side), interpolation=how)
        box = x, 0, x + side, side
        outline(strip, box, COLOURS[look.why], max(2, round(ink.size_px / 9)))
        badge(strip, box, n + 1, look, ink)
    return strip


def _legend(width: int, ink: Ink, seen: Seen) -> U8:
    """What the marks on the frame mean, in a strip below it."""
    side, gap = round(ink.size_px * 0.75), round(ink.size_px * 0.5)
    strip: U8 = np.full((round(ink.line_px * 1.4), width, 3), BACK, np.uint8)
    y = strip.shape[0] // 2
    x = gap
    if seen.heat is not None:
        wide = 4 * side
        ramp = glow_of(np.linspace(0, 1, wide, dtype=np.float32)[None]).astype(np.uint8)
        end = min(x + wide, width)
        strip[y - side // 2 : y + side // 2, x:end] = ramp[:, : end - x]
        x = ink.write(strip, "heat", x + wide + gap, y - ink.line_px // 2, MUTED, 0.8) + 2 * gap
    for why in ("heat", "track", "moved", "aged"):
        outline(strip, (x, y - side // 2, x + side, y + side // 2), COLOURS[why], max(2, side // 7))
        x = ink.write(strip, WHY[why], x + side + gap, y - ink.line_px // 2, MUTED, 0.8) + 2 * gap
    box = x, y - side // 2, x + side, y + side // 2
    fill(strip, box, BACK)
    dashes(strip, box, MUTED, max(1, side // 8), max(2, side // 5))
    cross(strip, x + side // 4, y - side // 4, side // 2, max(2, side // 8))
    ink.write(strip, "skipped", x + side + gap, y - ink.line_px // 2, MUTED, 0.8)
    return strip
