"""What a camera could have seen instead: random views of a training picture.

They surround `pixels.fit` and never replace it.
"""

from __future__ import annotations

import cv2
import numpy as np

from edge.bundle import InputSpec
from edge.pictures import pixels
from edge.records import F32, U8

SMALLEST_AREA = 0.4  # of the picture: less of a shirt is an undershirt


def view(rgb: U8, spec: InputSpec, draw: np.random.Generator, light: float = 0.0) -> U8:
    """(H, W, 3) -> (spec.height, spec.width, 3): a random part, turned, lit, blurred.

    light   of lamps and skies, see `_illuminant`; 0: none, and nothing is drawn for it
    """
    seen = pixels.fit(_part(rgb, draw), spec)
    if draw.random() < 0.5:
        seen = np.ascontiguousarray(seen[:, ::-1])
    if draw.random() < 0.4:
        seen = _turned(seen, draw.uniform(-20, 20))
    if draw.random() < 0.25:
        seen = _far_away(seen, draw)
    return _lit(seen, draw, light)


def _part(rgb: U8, draw: np.random.Generator) -> U8:
    height, width = rgb.shape[:2]
    area, stretch = draw.uniform(SMALLEST_AREA, 1.0), np.exp(draw.uniform(-0.28, 0.28))
    h = max(1, min(height, round(height * np.sqrt(area) * stretch)))
    w = max(1, min(width, round(width * np.sqrt(area) / stretch)))
    y, x = draw.integers(0, height - h + 1), draw.integers(0, width - w + 1)
    return rgb[y : y + h, x : x + w]


def _turned(seen: U8, degrees: float) -> U8:
    height, width = seen.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    return cv2.warpAffine(seen, matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101)


def _far_away(seen: U8, draw: np.random.Generator) -> U8:
    """Fewer pixels, as when the thing fills a small part of a tile."""
    height, width = seen.shape[:2]
    side = int(draw.uniform(48, 140))
    small = cv2.resize(seen, (side, side), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def _lit(seen: U8, draw: np.random.Generator, light: float) -> U8:
    """Brightness, contrast, saturation, a slight cast, sensor noise.

    Hue stays: it tells a lime from a lemon.
    """
    x = seen.astype(np.float32)
    grey = x.mean(2, keepdims=True)
    x = grey + (x - grey) * draw.uniform(0.7, 1.3)
    x = (x - x.mean()) * draw.uniform(0.7, 1.3) + x.mean() * draw.uniform(0.7, 1.3)
    x *= draw.uniform(0.94, 1.06, 3).astype(np.float32)
    if light and draw.random() < 0.5:
        x *= _illuminant(light, draw)
    if draw.random() < 0.3:
        x += draw.standard_normal(x.shape, np.float32) * draw.uniform(2, 10)
    return np.clip(x, 0, 255).astype(np.uint8)


def _illuminant(light: float, draw: np.random.Generator) -> F32:
    """(3,) gains of red, green and blue, whose product is 1: dusk to bulb, as far as the white
    balance of a camera leaves it. log(red / blue) spreads by `light`, green against both by a
    quarter of it.
    """
    warm, green = draw.normal(0, light), draw.normal(0, light / 4)
    return np.exp([warm / 2 - green / 3, green * 2 / 3, -warm / 2 - green / 3]).astype(np.float32)
