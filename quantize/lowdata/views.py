"""The three views of AD-Net's low-data recipe, and the one view a picture is judged by.

Geometry is that of ../shared/reference/seeds.md, 2.2 and 2.3, which a side other than 224 px
scales: the method keeps the middle 90 % of a picture, squashes it to 256 px and cuts 224 px out of
that. A vanilla run keeps all of the picture. Leaving the 90 % out costs a little accuracy and says
nothing, so what a run did is recorded beside its weights (`Preprocessing`).
"""

from __future__ import annotations

from typing import Literal

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edge.bundle import InputSpec
from edge.pictures import pixels
from edge.records import U8, Region

MIDDLE = 0.9  # of width and height: what the method looks at
STRONG, WEAK = (0.1, 0.8), (0.8, 0.9)  # a crop's height and width / the picture's
JITTER = 0.4  # brightness, contrast and saturation: 0.6 to 1.4 times

Resize = Literal["device", "bilinear"]


class Preprocessing(msgspec.Struct, frozen=True):
    """How a picture becomes an input. `Preprocessing(224, 0.9)` is AD-Net's, (224) vanilla's."""

    side: int  # px of the input
    middle: float = 1.0  # share of width and height that is kept first
    resize: Resize = (
        "device"  # as pictures.pixels does it; "bilinear" as Pillow, for published weights
    )

    @property
    def squashed(self) -> int:
        """Side in px to squash to, before the middle of it is cut out: 256 for 224."""
        return self.side * 256 // 224


def evaluation_view(rgb: U8, how: Preprocessing) -> U8:
    """What the network sees of a picture when it is judged: (side, side, 3) RGB."""
    whole = squash(middle(rgb, how.middle), how.squashed, how.resize)
    at = round((how.squashed - how.side) / 2)
    return whole[at : at + how.side, at : at + how.side]


def middle(rgb: U8, share: float) -> U8:
    """The middle `share` of height and width, a view; edges are cut at whole pixels, downwards."""
    if share == 1:
        return rgb
    edge = (1 - share) / 2
    height, width = rgb.shape[:2]
    # 0.95 x 20 is 18.999 in binary and would lose a pixel more
    top, left = int(height * edge + 1e-9), int(width * edge + 1e-9)
    below, right = int(height * (1 - edge) + 1e-9), int(width * (1 - edge) + 1e-9)
    return rgb[top : max(below, top + 1), left : max(right, left + 1)]


def main_view(rgb: U8, side: int, draw: np.random.Generator) -> U8:
    """(H, W, 3) -> (side, side, 3): nearly all of it; what cross-entropy learns from."""
    large = Preprocessing(side).squashed
    whole = squash(rgb, large)
    y, x = draw.integers(0, large - side + 1, 2)
    return flipped(lit(whole[y : y + side, x : x + side], draw), draw)


def crop_view(rgb: U8, side: int, sizes: tuple[float, float], draw: np.random.Generator) -> U8:
    """(H, W, 3) -> (side, side, 3): a random part; `sizes` is STRONG or WEAK."""
    part = pixels.cut(rgb, window(rgb.shape[0], rgb.shape[1], sizes, draw))
    return flipped(lit(squash(part, side), draw), draw)


def window(
    height: int, width: int, sizes: tuple[float, float], draw: np.random.Generator
) -> Region:
    """A part with the picture's own proportions, anywhere in it; at least a pixel."""
    share = draw.uniform(*sizes)
    h, w = max(1, int(height * share)), max(1, int(width * share))
    y, x = (int(draw.integers(0, room + 1)) for room in (height - h, width - w))
    return Region(x, y, x + w, y + h)


def squash(rgb: U8, side: int, resize: Resize = "device") -> U8:
    """(H, W, 3) -> (side, side, 3), aspect given up."""
    if resize == "bilinear":  # a grey level or two from what devices do
        small = Image.fromarray(rgb).resize((side, side), Image.Resampling.BILINEAR)
        return np.asarray(small)
    return pixels.fit(rgb, InputSpec(height=side, width=side))


def lit(rgb: U8, draw: np.random.Generator) -> U8:
    """Brightness, contrast and saturation, each by a random factor, in a random order."""
    x = rgb.astype(np.float32)
    factors = draw.uniform(1 - JITTER, 1 + JITTER, 3).astype(np.float32)
    for which in draw.permutation(3):
        x = np.clip(factors[which] * x + (1 - factors[which]) * _grey(x, which), 0, 255)
    return np.asarray(x.round(), np.uint8)


def _grey(x: NDArray[np.float32], which: int) -> NDArray[np.float32] | float:
    """What a factor of nought would leave: black, even grey, the picture without its colours."""
    if which == 0:
        return 0.0
    grey = cv2.cvtColor(x, cv2.COLOR_RGB2GRAY)[:, :, None]  # (H, W, 1)
    return float(grey.mean()) if which == 1 else np.asarray(grey, np.float32)


def flipped(rgb: U8, draw: np.random.Generator) -> U8:
    """Left and right changed, every other time."""
    return rgb[:, ::-1] if draw.random() < 0.5 else rgb
