"""What a picture costs before anything is run: multiply-accumulates and bytes of weights.

Matrix products alone are counted, as the published 162.4 GMAC are: norms, softmax and additions
are left out. MAC = one multiplication and one addition; twice that in FLOP.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from quantize.ram.configs import PATCH, Swin, TaggerConfig

Precision = Literal["float32", "float16", "bfloat16", "int8"]
BYTES = {"float32": 4, "float16": 2, "bfloat16": 2, "int8": 1}


class Cost(msgspec.Struct, frozen=True):
    """Of one picture. A prediction, not a measurement."""

    encoder_gmac: float
    projection_gmac: float
    labels_gmac: float  # rows to queries; 0 when folded to a constant. RAM++: also the mixing
    decoder_gmac: float
    weight_bytes: int  # everything stored, the label matrix once
    label_bytes: int  # of which label rows

    @property
    def gmac(self) -> float:
        parts = (self.encoder_gmac, self.projection_gmac, self.labels_gmac, self.decoder_gmac)
        return sum(parts)


def cost(
    config: TaggerConfig,
    counts: Sequence[int],
    precision: Precision = "float32",
    *,
    folded: bool = False,
) -> Cost:
    """`counts`: label rows a tag, one entry a tag. `folded`: RAM's queries are a constant."""
    size = BYTES[precision]
    has_rows = config.kind != "tag2text"
    tokens = 1 + config.swin.resolution(len(config.swin.depths) - 1) ** 2
    projection = tokens * config.swin.channels * config.projected
    label_weights = sum(counts) * (config.projected if has_rows else config.hidden)
    weights = encoder_weights(config.swin) + _head_weights(config, len(counts)) + label_weights
    return Cost(
        encoder_gmac=encoder_macs(config.swin) / 1e9,
        projection_gmac=projection / 1e9,
        labels_gmac=_label_macs(config, counts, folded=folded) / 1e9,
        decoder_gmac=_decoder_macs(config, len(counts), tokens, folded=folded) / 1e9,
        weight_bytes=weights * size,
        label_bytes=label_weights * size,
    )


def encoder_macs(plan: Swin) -> int:
    """Swin: a convolution, then attention, feed-forward and merges by stage."""
    total = plan.resolution(0) ** 2 * plan.width * 3 * PATCH**2
    for stage, depth in enumerate(plan.depths):
        width, tokens = plan.width << stage, plan.resolution(stage) ** 2
        attention = 4 * width**2 + 2 * width * plan.window_at(stage) ** 2  # qkv, proj; two products
        total += depth * tokens * (attention + 8 * width**2)
        if stage + 1 < len(plan.depths):
            total += tokens // 4 * 8 * width**2
    return total


def encoder_weights(plan: Swin) -> int:
    """Numbers stored for Swin, position tables included."""
    total = plan.width * (3 * PATCH**2 + 3) + 2 * plan.channels
    for stage, depth in enumerate(plan.depths):
        width = plan.width << stage
        table = (2 * plan.window_at(stage) - 1) ** 2 * plan.heads[stage]
        total += depth * (12 * width**2 + 13 * width + table)
        if stage + 1 < len(plan.depths):
            total += 8 * width**2 + 8 * width
    return total


def _label_macs(config: TaggerConfig, counts: Sequence[int], *, folded: bool) -> int:
    if config.kind == "tag2text" or (folded and config.kind == "ram"):
        return 0
    mixing = 2 * sum(counts) * config.projected if config.kind == "ram++" else 0
    return len(counts) * config.projected * config.hidden + mixing


def _decoder_macs(config: TaggerConfig, tags: int, tokens: int, *, folded: bool) -> int:
    """Linear in the tags, but for the keys and values of the picture."""
    square, hidden = config.hidden**2, config.hidden
    a_tag = 2 * square + 2 * tokens * hidden + 2 * hidden * config.inner
    keys_and_values = 2 * tokens * config.token * hidden
    spared = tags * square if folded and config.kind == "ram" else 0
    return config.layers * (tags * a_tag + keys_and_values) - spared + tags * hidden


def _head_weights(config: TaggerConfig, tags: int) -> int:
    """Everything but the encoder and the label rows."""
    hidden, inner, token = config.hidden, config.inner, config.token
    attention = 2 * (hidden**2 + hidden) + 2 * (token * hidden + hidden) + 2 * hidden
    feed_forward = hidden * inner + inner + inner * hidden + hidden + 2 * hidden
    layers = config.layers * (attention + feed_forward)
    if config.kind == "tag2text":
        return layers + tags * (hidden + 1)
    image = config.swin.channels * config.projected + config.projected
    words = config.projected * hidden + hidden
    return layers + image + words + hidden + 1 + (config.kind == "ram++")
