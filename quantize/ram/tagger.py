"""RAM, RAM++ and the tagging half of Tag2Text: pictures in, a logit a tag out.

Sources: Recognize Anything (arXiv 2306.03514), RAM++ (arXiv 2310.15200), Tag2Text (arXiv
2303.05657). The keys of `state_dict` are those of the published files; what a published file holds
besides (masks, indices, the captioner) is left out by `load_state_dict`, so it loads as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from quantize.ram.configs import TaggerConfig
from quantize.ram.decoder import TagDecoder
from quantize.ram.layout import sorted_out
from quantize.ram.swin import SwinEncoder


class Tagger(nn.Module):
    """What the three have in common. `counts`: label rows a tag, in the order of the tags."""

    def __init__(self, config: TaggerConfig, counts: Sequence[int]) -> None:
        super().__init__()
        self.config = config
        self.counts = tuple(int(c) for c in counts)
        self.visual_encoder = SwinEncoder(config.swin)
        self.tagging_head = TagDecoder(config)
        self.register_load_state_dict_pre_hook(leave_out)  # type: ignore[no-untyped-call]

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, side, side) normalised -> logits (B, T), embedding (B, token).

        The embedding is the average picture token after projection, not normalised.
        """
        tokens = self.tokens(image)  # (B, 1 + L, token)
        embedding = tokens[:, 0]
        queries, first = self.queries(embedding)
        return self.logits(self.tagging_head(queries, tokens, first)), embedding

    def tokens(self, image: Tensor) -> Tensor:
        """(B, 1 + L, token)"""
        out: Tensor = self.visual_encoder(image)
        return out

    def queries(self, embedding: Tensor) -> tuple[Tensor, Tensor | None]:
        """(B or 1, T, hidden), and the first layer's projection of it where that is known."""
        raise NotImplementedError

    def logits(self, decoded: Tensor) -> Tensor:
        """(B, T, hidden) -> (B, T)"""
        raise NotImplementedError

    def fold(self) -> None:
        """Compute now what does not depend on the picture. Weights must not change afterwards."""


class RamTagger(Tagger):
    """One text embedding a tag, the same for every picture."""

    known: Tensor | None
    known_first: Tensor | None

    def __init__(self, config: TaggerConfig, counts: Sequence[int]) -> None:
        super().__init__(config, counts)
        if set(self.counts) - {1}:
            raise ValueError(f"RAM has one label row a tag, found up to {max(self.counts)}")
        self._add_projections(sum(self.counts))
        self.register_buffer("known", None, persistent=False)
        self.register_buffer("known_first", None, persistent=False)

    def _add_projections(self, rows: int) -> None:
        plan = self.config
        self.label_embed = nn.Parameter(torch.zeros(rows, plan.projected))
        self.wordvec_proj = nn.Linear(plan.projected, plan.hidden)
        self.fc = nn.Linear(plan.hidden, 1)
        self.image_proj = nn.Linear(plan.swin.channels, plan.projected)

    def tokens(self, image: Tensor) -> Tensor:
        out: Tensor = self.image_proj(self.visual_encoder(image))
        return out

    def queries(self, embedding: Tensor) -> tuple[Tensor, Tensor | None]:
        if self.known is not None:
            return self.known, self.known_first
        return F.relu(self.wordvec_proj(self.label_embed))[None], None

    def logits(self, decoded: Tensor) -> Tensor:
        out: Tensor = self.fc(decoded).squeeze(-1)
        return out

    @torch.no_grad()
    def fold(self) -> None:
        self.known = self.known_first = None
        queries, _ = self.queries(self.label_embed)
        self.known_first = self.tagging_head.layer(0).crossattention.project(queries)
        self.known = queries


class RamPlusTagger(RamTagger):
    """Several descriptions a tag, mixed anew for every picture by how well they fit it.

    Tags may have any number of descriptions each. `label_embed` holds tags of one count next to
    each other, so that each such block is a view (tags, count, D) of the one stored matrix;
    `order` leads back to the tags' own order. Equal counts, as published, change nothing.
    """

    order: Tensor | None

    def __init__(self, config: TaggerConfig, counts: Sequence[int]) -> None:
        Tagger.__init__(self, config, counts)
        self._add_projections(sum(self.counts))
        self.reweight_scale = nn.Parameter(torch.zeros(()))
        by_count = np.argsort(self.counts, kind="stable")
        is_sorted = bool((np.diff(by_count) == 1).all())
        order = None if is_sorted else torch.from_numpy(np.argsort(by_count))
        self.register_buffer("order", order, persistent=False)

    def queries(self, embedding: Tensor) -> tuple[Tensor, Tensor | None]:
        unit = embedding / embedding.norm(dim=-1, keepdim=True)  # (B, D)
        probe = (self.reweight_scale.exp() * unit).T  # (D, B)
        mixed = torch.cat([mix(block, probe) for block in self.blocks()])  # (T, B, D)
        if self.order is not None:
            mixed = mixed.index_select(0, self.order)
        return F.relu(self.wordvec_proj(mixed.transpose(0, 1))), None

    def blocks(self) -> Iterator[Tensor]:
        """Views (tags, count, D) of the label matrix, one a distinct count."""
        start = 0
        for count in sorted(set(self.counts)):
            end = start + count * self.counts.count(count)
            yield self.label_embed[start:end].reshape(-1, count, self.label_embed.shape[1])
            start = end

    def fold(self) -> None:
        """Nothing: its queries depend on the picture."""


class Tag2TextTagger(Tagger):
    """Learnt queries and a row of weights a tag; the captioner is no part of this."""

    def __init__(self, config: TaggerConfig, counts: Sequence[int]) -> None:
        super().__init__(config, counts)
        self.label_embed = nn.Embedding(len(self.counts), config.hidden)
        self.fc = RowWise(len(self.counts), config.hidden)

    def queries(self, embedding: Tensor) -> tuple[Tensor, Tensor | None]:
        return self.label_embed.weight[None], None

    def logits(self, decoded: Tensor) -> Tensor:
        out: Tensor = self.fc(decoded)
        return out


class RowWise(nn.Module):
    """(B, T, hidden) -> (B, T): tag t has its own weights."""

    def __init__(self, tags: int, hidden: int) -> None:
        super().__init__()
        self.W = nn.Parameter(torch.zeros(1, tags, hidden))
        self.b = nn.Parameter(torch.zeros(1, tags))

    def forward(self, x: Tensor) -> Tensor:
        return (self.W * x).sum(-1) + self.b


KINDS: dict[str, type[Tagger]] = {
    "ram": RamTagger,
    "ram++": RamPlusTagger,
    "tag2text": Tag2TextTagger,
}


def build(config: TaggerConfig, counts: Sequence[int]) -> Tagger:
    """A tagger with weights yet to be loaded, in evaluation mode."""
    return KINDS[config.kind](config, counts).eval()


def mix(rows: Tensor, probe: Tensor) -> Tensor:
    """(tags, count, D) descriptions and (D, B) pictures -> (tags, B, D).

    Softmax over a tag's descriptions, in single precision whatever the weights are in, then the
    weighted sum of the descriptions as they were, before any projection. `rows` is read as it
    lies, never transposed: a transposed copy would be stored a second time in an export.
    """
    weights = (rows @ probe).softmax(1, dtype=torch.float32).to(rows.dtype)  # (tags, count, B)
    return weights.transpose(1, 2) @ rows


def leave_out(
    module: nn.Module, state: dict[str, Any], prefix: str, *_: object, **__: object
) -> None:
    """Take out of `state` what a published file holds and a tagger rebuilds or never needs."""
    if prefix:
        return  # part of a larger module, whose keys are its own affair
    kept, _dropped, _renamed = sorted_out(state)
    state.clear()
    state.update(kept)


def relabelled(tagger: Tagger, parts: Mapping[str, Tensor], counts: Sequence[int]) -> Tagger:
    """Another tagger with the same encoder and decoder tensors (shared) and other label tensors."""
    with torch.device("meta"):
        fresh = build(tagger.config, counts)
    fresh.load_state_dict({**tagger.state_dict(), **parts}, assign=True)
    like = next(tagger.parameters())
    return fresh.to(like.device, like.dtype).requires_grad_(False).eval()
