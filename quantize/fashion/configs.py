"""Sizes of the networks, as data, and the published one by name."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["pretrain", "retrieval", "category", "tgir"]

HEAD_WIDTH = 64  # of attention, in both towers; no tensor tells it
EPS_IMAGE, EPS_TEXT = 1e-6, 1e-12  # of LayerNorm


class Vit(msgspec.Struct, frozen=True):
    """The image tower."""

    side: int = 256  # px, a multiple of the patch
    patch: int = 16  # px
    width: int = 768
    depth: int = 12  # blocks
    heads: int = 12
    inner: int = 3072  # width between the two matrices of the feed-forward part

    @property
    def tokens(self) -> int:
        """Patches, and one that stands for the picture."""
        return (self.side // self.patch) ** 2 + 1


class Bert(msgspec.Struct, frozen=True):
    """The text tower, and on top of it the one that looks at the picture as well."""

    vocabulary: int = 30522
    positions: int = 512
    width: int = 768
    layers: int = 12
    fused_from: int = 6  # layers from here on look at the picture
    heads: int = 12
    inner: int = 3072
    seen: int = 768  # width of the picture's tokens


class FashionConfig(msgspec.Struct, frozen=True):
    """A whole network."""

    kind: Kind
    vit: Vit = Vit()
    bert: Bert = Bert()
    joint: int = 256  # numbers of a vector that pictures and texts are compared by
    classes: int = 0  # of a category network: 48 or 121
    replaced: int = 2  # answers of pre-training's question whether a token was replaced


TOKENS = {"pretrain": 180, "retrieval": 180, "category": 75, "tgir": 79}  # of a text, at most
