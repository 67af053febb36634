"""Sizes of the networks, as data, and the published ones by name."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["ram", "ram++", "tag2text"]

PATCH = 4  # px a side of the first convolution
SHRINK = 32  # px of the picture to a token of the last stage: patch 4, then three merges by 2


class Swin(msgspec.Struct, frozen=True):
    """The picture encoder. Its last stage is one window, so `window` follows from `side`."""

    side: int  # px, a multiple of 32
    width: int  # channels after the first convolution; doubled by every merge
    depths: tuple[int, ...]  # blocks a stage
    heads: tuple[int, ...]  # attention heads a stage
    window: int  # tokens a side

    @property
    def channels(self) -> int:
        """Channels of the last stage."""
        return self.width << (len(self.depths) - 1)

    def resolution(self, stage: int) -> int:
        """Tokens a side."""
        return (self.side // PATCH) >> stage

    def window_at(self, stage: int) -> int:
        """A window is never larger than its map."""
        return min(self.window, self.resolution(stage))

    def shift_at(self, stage: int, block: int) -> int:
        """Odd blocks are shifted by half a window, unless the map is one window."""
        is_odd = block % 2 == 1 and self.resolution(stage) > self.window
        return self.window // 2 if is_odd else 0


class TaggerConfig(msgspec.Struct, frozen=True):
    """Encoder, projection and tag decoder; the number of tags is no part of it."""

    kind: Kind
    swin: Swin
    projected: int = 512  # width of a picture token for the decoder, and of a label row; 0: none
    hidden: int = 768
    inner: int = 3072  # width between the two matrices of the decoder's feed-forward part
    layers: int = 2
    heads: int = 4  # of the tag decoder; no tensor tells it

    @property
    def token(self) -> int:
        """Width of what the decoder attends to, and of the embedding that is returned."""
        return self.projected or self.swin.channels


def swin_b(side: int) -> Swin:
    """Swin-B: window 7 at 224 px, 12 at 384 px."""
    return Swin(side, 128, (2, 2, 18, 2), (4, 8, 16, 32), side // SHRINK)


def swin_l(side: int) -> Swin:
    """Swin-L: window 7 at 224 px, 12 at 384 px."""
    return Swin(side, 192, (2, 2, 18, 2), (6, 12, 24, 48), side // SHRINK)


RAM_SWIN_L_384 = TaggerConfig("ram", swin_l(384))
RAM_SWIN_L_224 = TaggerConfig("ram", swin_l(224))
RAM_SWIN_B_384 = TaggerConfig("ram", swin_b(384))
RAM_PLUS_SWIN_L_384 = TaggerConfig("ram++", swin_l(384))
TAG2TEXT_SWIN_B_384 = TaggerConfig("tag2text", swin_b(384), projected=0)

ROWS_A_TAG = 51  # descriptions a tag in the published RAM++ file
EPS_SWIN, EPS_DECODER = 1e-5, 1e-12  # of LayerNorm; they do differ
