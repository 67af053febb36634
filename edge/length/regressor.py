"""The second way to a length: a small regressor on the shape of a mask, learned on rendered fish.

It sees no scale: what goes in are shares of the square root of the mask's area, what comes out is
the logarithm of the length over that. So it knows how long a fish is of which the tail is hidden,
as far as the shape of the rest tells. Weights are int8, a scale a row: `edge-quantize length`.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
import msgspec
import numpy as np

from edge import bounded
from edge.errors import BundleError
from edge.length.ends import PROFILE, Body
from edge.records import F64, U8
from edge.strict import read_json

FILE = Path(__file__).with_name("regressor.json")
FEATURES = PROFILE + 7
MAX_BYTES = 1 << 20
AGAIN = "pip install edge-tag again"
ENDS = ("tips", "fork")  # in the order of the outputs


class Layer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """y = W x + b; W is `rows` times `scales`."""

    rows: tuple[tuple[int, ...], ...]  # -127..127
    scales: tuple[float, ...]  # of each row
    bias: tuple[float, ...]


class Regressor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file."""

    schema: int
    mean: tuple[float, ...]  # of each feature
    spread: tuple[float, ...]
    layers: tuple[Layer, ...]
    sd_whole: float  # share of the length: deviation on held-out fish that nothing hid
    sd_hidden: float  # and on those that something hid
    learned_on: str = ""

    def shares(self, features: F64) -> F64:
        """(N, FEATURES) -> (N, 2): length to the tips and to the fork, over sqrt(area)."""
        x = (features - np.array(self.mean)) / np.array(self.spread)
        x = np.clip(x, -4, 4)
        for n, layer in enumerate(self.layers):
            weights = np.array(layer.rows, np.float64) * np.array(layer.scales)[:, None]
            x = x @ weights.T + np.array(layer.bias)
            if n + 1 < len(self.layers):
                x = np.maximum(x, 0)
        return np.asarray(np.exp(np.clip(x, -2, 4)))


def features_of(mask: U8, body: Body) -> tuple[F64, float]:
    """Of a mask (H, W; 0 or 1) and the body in it: (FEATURES,), and the square root of its area.

    Head first, as the body has it.
    """
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(outlines, key=cv2.contourArea)
    area = max(float(cv2.contourArea(outline)), 1.0)
    unit = float(np.sqrt(area))
    hull = max(cv2.contourArea(cv2.convexHull(outline)), 1.0)
    _, sides, _ = cv2.minAreaRect(outline)
    straight = body.part(body.snout, body.tips)
    chord = float(np.hypot(*(straight[-1] - straight[0])))
    long = body.tips - body.snout
    told = [
        long / unit,
        (body.fork - body.snout) / unit,
        chord / max(long, 1e-6),
        max(sides) / unit,
        min(sides) / unit,
        area / hull,
        cv2.arcLength(outline, True) / unit,
    ]
    return np.concatenate([told, body.widths / unit]), unit


@lru_cache(maxsize=4)
def read_regressor(file: Path = FILE) -> Regressor:
    """The one that ships, or another. Raises BundleError."""
    data = bounded.read(file, MAX_BYTES, BundleError, "a regressor", AGAIN)
    made = read_json(data, Regressor, str(file), AGAIN)
    _check(made, file)
    return made


def _check(made: Regressor, file: Path) -> None:
    sizes = [FEATURES, *(len(layer.rows) for layer in made.layers)]
    fits = made.schema == 1 and sizes[-1] == len(ENDS)
    fits = fits and len(made.mean) == len(made.spread) == FEATURES and min(made.spread) > 0
    for size, layer in zip(sizes, made.layers):
        fits = fits and len(layer.rows) == len(layer.scales) == len(layer.bias)
        fits = fits and all(len(row) == size for row in layer.rows)
    if not fits:
        raise BundleError(
            f"{file}: layers are {sizes}, expected {FEATURES} features to {len(ENDS)} lengths",
            fix=AGAIN,
        )
