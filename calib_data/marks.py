"""Made-up brand marks: a word, a sign or both on a plain ground. For a glance to learn what a mark
looks like; nobody's real mark is among them.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from edge.records import U8

Rng = np.random.Generator
Colour = tuple[int, int, int]

STREAM = 0x3A2C5
TALL = 160  # px, before it is shrunk
FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
)
SOUNDS = (
    "bru",
    "cle",
    "dwi",
    "fro",
    "glu",
    "kyp",
    "mup",
    "nef",
    "pliv",
    "qua",
    "trem",
    "yib",
    "zol",
)
PLAIN = 0.45  # of the marks are on white or black


def mark(seed: int) -> U8:
    """(H, W, 3) RGB, H and W up to 480 px; the same for the same seed."""
    draw = np.random.default_rng([STREAM, seed])
    ground, ink, second = _colours(draw)
    kind = draw.random()
    word = _word(draw, ground, ink) if kind < 0.75 else None
    sign = _sign(draw, ground, second if draw.random() < 0.5 else ink) if kind > 0.35 else None
    parts = [part for part in (sign, word) if part is not None]
    if len(parts) == 2 and draw.random() < 0.5:
        return _framed(_stacked(parts, ground), ground, ink, draw)
    return _framed(_beside(parts), ground, ink, draw)


def _colours(draw: Rng) -> tuple[Colour, Colour, Colour]:
    """A ground and two inks that stand out from it."""
    while True:
        found = [_colour(draw) for _ in range(3)]
        if draw.random() < PLAIN:
            found[0] = (250, 250, 250) if draw.random() < 0.7 else (12, 12, 12)
        light = [0.3 * r + 0.59 * g + 0.11 * b for r, g, b in found]
        if min(abs(light[0] - light[1]), abs(light[0] - light[2])) > 70:
            return found[0], found[1], found[2]


def _colour(draw: Rng) -> Colour:
    """Mostly strong ones."""
    hue, strength = int(draw.integers(180)), int(draw.choice((20, 180, 230, 255)))
    hsv = np.array([[[hue, strength, draw.integers(30, 256)]]], np.uint8)
    r, g, b = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0]
    return int(r), int(g), int(b)


def _word(draw: Rng, ground: Colour, ink: Colour) -> U8:
    """One to three made-up syllables, upright or slanted."""
    text = "".join(draw.choice(SOUNDS, int(draw.integers(1, 4))))
    text = (text.upper(), text.title(), text)[int(draw.integers(3))]
    font = FONTS[int(draw.integers(len(FONTS)))] | (cv2.FONT_ITALIC if draw.random() < 0.3 else 0)
    thick = int(draw.integers(4, 14))
    (width, height), below = cv2.getTextSize(text, font, 3.0, thick)
    sheet = np.full((height + below + 24, width + 24, 3), ground, np.uint8)
    cv2.putText(sheet, text, (12, height + 12), font, 3.0, ink, thick, cv2.LINE_AA)
    return _tall(sheet)


def _sign(draw: Rng, ground: Colour, ink: Colour) -> U8:
    sheet = np.full((TALL, TALL, 3), ground, np.uint8)
    SIGNS[int(draw.integers(len(SIGNS)))](sheet, draw, ink, ground)
    return sheet


def _star(sheet: U8, draw: Rng, ink: Colour, ground: Colour) -> None:
    """Of five to nine points, or a polygon."""
    count, inner = int(draw.integers(3, 10)), float(draw.choice((0.4, 0.6, 1.0)))
    angles = np.arange(2 * count) * np.pi / count - np.pi / 2
    far = np.where(np.arange(2 * count) % 2, inner, 1.0) * TALL * 0.46
    _fill(sheet, np.stack([np.cos(angles), np.sin(angles)], 1) * far[:, None] + TALL / 2, ink)


def _ring(sheet: U8, draw: Rng, ink: Colour, ground: Colour) -> None:
    """One to three, side by side or one in the other."""
    for n in range(int(draw.integers(1, 4))):
        radius = int(TALL * 0.42) - 24 * n
        cv2.circle(sheet, (TALL // 2,) * 2, radius, ink, int(draw.integers(6, 16)), cv2.LINE_AA)


def _disc(sheet: U8, draw: Rng, ink: Colour, ground: Colour) -> None:
    """With a letter cut out."""
    cv2.circle(sheet, (TALL // 2,) * 2, int(TALL * 0.46), ink, -1, cv2.LINE_AA)
    letter = chr(int(draw.integers(ord("A"), ord("Z") + 1)))
    (width, height), _ = cv2.getTextSize(letter, FONTS[1], 3.0, 12)
    at = (TALL - width) // 2, (TALL + height) // 2
    cv2.putText(sheet, letter, at, FONTS[1], 3.0, ground, 12, cv2.LINE_AA)


def _stripes(sheet: U8, draw: Rng, ink: Colour, ground: Colour) -> None:
    """Slanted bars, each longer than the one before."""
    count = int(draw.integers(2, 5))
    wide = TALL / (count * 1.6)
    for n in range(count):
        x, top = TALL * 0.08 + n * wide * 1.5, TALL * (0.6 - 0.5 * n / count)
        corners = [(x, TALL * 0.9), (x + wide, TALL * 0.9), (x + wide, top), (x, top + wide / 2)]
        _fill(sheet, np.array(corners), ink)


def _swoosh(sheet: U8, draw: Rng, ink: Colour, ground: Colour) -> None:
    """A bow that gets thinner."""
    t = np.linspace(0, 1, 24)
    bend, fat = draw.uniform(0.2, 0.5), draw.uniform(0.1, 0.3)
    x, y = t * 0.9 + 0.05, 0.7 - bend * np.sin(np.pi * t * draw.uniform(0.6, 1.0))
    below = np.stack([x, y + fat * np.sin(np.pi * t) * (1 - t)], 1)[::-1]
    _fill(sheet, np.concatenate([np.stack([x, y], 1), below]) * TALL, ink)


def _shield(sheet: U8, draw: Rng, ink: Colour, ground: Colour) -> None:
    """With a band across."""
    points = np.array([(0.1, 0.1), (0.9, 0.1), (0.9, 0.5), (0.5, 0.95), (0.1, 0.5)])
    _fill(sheet, points * TALL, ink)
    y = int(TALL * draw.uniform(0.2, 0.45))
    cv2.rectangle(sheet, (0, y), (TALL, y + int(draw.integers(10, 30))), ground, -1)


SIGNS: tuple[Callable[[U8, Rng, Colour, Colour], None], ...] = (
    _star,
    _ring,
    _disc,
    _stripes,
    _swoosh,
    _shield,
)


def _fill(sheet: U8, points: np.ndarray, ink: Colour) -> None:  # type: ignore[type-arg]
    cv2.fillPoly(sheet, [np.round(points * 16).astype(np.int32)], ink, cv2.LINE_AA, 4)


def _tall(sheet: U8) -> U8:
    """TALL px high, at most three times as wide."""
    width = min(3 * TALL, round(sheet.shape[1] * TALL / sheet.shape[0]))
    return np.asarray(cv2.resize(sheet, (width, TALL), interpolation=cv2.INTER_AREA), np.uint8)


def _beside(parts: list[U8]) -> U8:
    return np.concatenate(parts, 1)


def _stacked(parts: list[U8], ground: Colour) -> U8:
    """One above the other, in the middle."""
    wide = max(part.shape[1] for part in parts)
    rows = []
    for part in parts:
        left = (wide - part.shape[1]) // 2
        right = wide - part.shape[1] - left
        rows.append(cv2.copyMakeBorder(part, 0, 0, left, right, cv2.BORDER_CONSTANT, value=ground))
    return np.concatenate(rows)


def _framed(sheet: U8, ground: Colour, ink: Colour, draw: Rng) -> U8:
    """With some ground around it, and sometimes a line; (H, W) at most 480 px."""
    pad = int(draw.integers(4, 30))
    wide = cv2.copyMakeBorder(sheet, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=ground)
    if draw.random() < 0.25:
        wide = cv2.copyMakeBorder(wide, 8, 8, 8, 8, cv2.BORDER_CONSTANT, value=ink)
    scale = min(1.0, 480 / max(wide.shape[:2]))
    size = max(1, round(wide.shape[1] * scale)), max(1, round(wide.shape[0] * scale))
    return np.asarray(cv2.resize(wide, size, interpolation=cv2.INTER_AREA), np.uint8)
