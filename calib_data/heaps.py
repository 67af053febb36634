"""Heaps of one product, as they lie in a shop crate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from calib_data import draw_fruit, draw_vegetables
from calib_data.paint import F32, blank, darken, lay, soft_shadow, trim, turn
from calib_data.solid import light_at

Piece = Callable[[np.random.Generator, int, F32], F32]

PIECES: dict[str, Piece] = {
    "Granny-Smith": draw_fruit.granny_smith,
    "Red-Delicious": draw_fruit.red_delicious,
    "Golden-Delicious": draw_fruit.golden_delicious,
    "Banana": draw_fruit.banana,
    "Lemon": draw_fruit.lemon,
    "Lime": draw_fruit.lime,
    "Orange": draw_fruit.orange,
    "Kiwi": draw_fruit.kiwi,
    "Watermelon": draw_fruit.watermelon,
    "Pineapple": draw_fruit.pineapple,
    "Plum": draw_fruit.plum,
    "Carrots": draw_vegetables.carrots,
    "Cucumber": draw_vegetables.cucumber,
    "Aubergine": draw_vegetables.aubergine,
    "Yellow-Onion": draw_vegetables.yellow_onion,
    "Red-Bell-Pepper": draw_vegetables.red_bell_pepper,
    "Yellow-Bell-Pepper": draw_vegetables.yellow_bell_pepper,
    "Green-Bell-Pepper": draw_vegetables.green_bell_pepper,
    "Regular-Tomato": draw_vegetables.regular_tomato,
    "Vine-Tomato": draw_vegetables.vine_tomato,
    "Conference": draw_fruit.conference,
    "Garlic": draw_vegetables.garlic,
    "Leek": draw_vegetables.leek,
    "Avocado": draw_fruit.avocado,
}
LONG = {"Carrots", "Cucumber", "Leek", "Aubergine", "Banana", "Conference"}
UPRIGHT = {"Pineapple", "Watermelon", "Vine-Tomato"}


def _angle(rng: np.random.Generator, tag: str, lean: float) -> float:
    if tag in LONG:
        return lean + rng.uniform(-12, 12)
    return rng.uniform(-14, 14) if tag in UPRIGHT else rng.uniform(-75, 75)


def piece(rng: np.random.Generator, tag: str, size: int, angle: float) -> F32:
    """One piece, turned by `angle` degrees, lit from the top left, trimmed."""
    return trim(turn(PIECES[tag](rng, max(size, 24), light_at(angle)), angle))


def heap(
    rng: np.random.Generator,
    tag: str,
    width: int,
    height: int,
    piece_px: int,
    kinds: int = 4,
    mound: float = 0.0,
) -> F32:
    """A sprite (height, width, 4) covered by overlapping pieces, back ones first.

    `mound` is the share by which the back row is narrower than the front row.
    """
    lean = rng.uniform(-90, 90) if rng.random() < 0.5 else rng.choice([0.0, 90.0])
    models = [piece(rng, tag, piece_px, _angle(rng, tag, lean)) for _ in range(kinds)]
    ready = [(_toned(rng, m), soft_shadow(m[..., 3])) for m in models for _ in range(2)]
    sprite = blank(height, width)
    pieces = max(1, round(1.45 * width * height / np.mean([m[..., 3].sum() for m in models])))
    for x, y in _places(rng, width, height, pieces, models[0].shape):
        model, shadow = ready[rng.integers(len(ready))]
        x = width / 2 + (x - width / 2) * (1 - mound * (1 - y / height))
        x, y = _inside(x, model.shape[1], width), _inside(y, model.shape[0], height)
        at = int(x - model.shape[1] / 2), int(y - model.shape[0] / 2)
        darken(sprite, shadow, *at, 0.5)
        lay(sprite, model, *at)
    return sprite


def _toned(rng: np.random.Generator, sprite: F32) -> F32:
    """The sprite a little lighter or darker."""
    tone = np.array([*[rng.uniform(0.86, 1.06)] * 3, 1], np.float32)
    return np.clip(sprite * tone, 0, 1)


def _inside(middle: float, length: int, room: int) -> float:
    """The middle moved so that a piece of this length stays inside, where it fits at all."""
    return min(max(middle, length / 2), room - length / 2) if length < room else room / 2


def _places(
    rng: np.random.Generator, width: int, height: int, pieces: int, shape: tuple[int, ...]
) -> list[tuple[float, float]]:
    """About `pieces` middles, on a shaken grid over a rectangle, top row first."""
    tall, wide = min(shape[0], height), min(shape[1], width)
    rows = max(1, round(np.sqrt(pieces * (height / tall) / (width / wide))))
    columns = max(1, round(pieces / rows))
    places = []
    for row in range(rows):
        y = tall / 2 + (height - tall) * (row / (rows - 1) if rows > 1 else 0.5)
        for column in rng.permutation(columns):
            x = wide / 2 + (width - wide) * (column / (columns - 1) if columns > 1 else 0.5)
            shake = rng.uniform(-0.12, 0.12, 2) - (-0.15 * (row % 2), 0)
            places.append((x + shake[0] * width / columns, y + shake[1] * height / rows))
    return places
