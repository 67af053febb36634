"""FashionSAP's networks: pictures and texts to vectors, to a category, to a word at a mask.

Source: FashionSAP (arXiv 2304.05051). The keys of `state_dict` are those of the published files
without their momentum twins and queues, which only training needs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from quantize.fashion.bert import TextTower
from quantize.fashion.configs import EPS_TEXT, FashionConfig
from quantize.fashion.vit import ImageTower


class FashionNet(nn.Module):
    """Which parts there are depends on `config.kind`; asking for another raises AttributeError."""

    def __init__(self, config: FashionConfig) -> None:
        super().__init__()
        self.config = config
        width, joint = config.bert.width, config.joint
        self.visual_encoder = ImageTower(config.vit)
        self.text_encoder = TextTower(config.bert)
        if config.kind == "category":
            self.catemap_layer = nn.Sequential(
                nn.Linear(width, width),
                nn.LayerNorm(width, eps=EPS_TEXT),
                nn.Linear(width, config.classes),
            )
            return
        self.temp = nn.Parameter(torch.tensor(0.07))
        self.vision_proj = nn.Linear(config.vit.width, joint)
        self.text_proj = nn.Linear(width, joint)
        self.combine_vision_proj = nn.Linear(joint, joint)
        self.combine_text_proj = nn.Linear(joint, joint)
        if config.kind != "tgir":
            self.itm_head = nn.Linear(width, 2)
        if config.kind == "pretrain":
            self.decoder_layer = nn.ModuleDict({"predictions": WordHead(config)})
            self.replace_predict_layer = ReplacedHead(config)

    def image_vectors(self, image: Tensor) -> Tensor:
        """(B, 3, side, side) normalised -> (B, joint) of length 1"""
        return self.project_image(self.visual_encoder(image)[:, 0])

    def text_vectors(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(B, L) -> (B, joint) of length 1"""
        return self.project_text(self.text_encoder.read(ids, mask)[:, 0])

    def query_vectors(self, image: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
        """Of a picture and of what should change in it: (B, joint) of length 1"""
        return self.project_text(self.fused(image, ids, mask)[:, 0])

    def matching(self, image: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
        """(B, 2) logits: does the text belong to the picture? The second says yes."""
        out: Tensor = self.itm_head(self.fused(image, ids, mask)[:, 0])
        return out

    def categories(self, image: Tensor, ids: Tensor, mask: Tensor, at: Tensor) -> Tensor:
        """(B, classes) logits from the state at the places `at` (B,): 0, or that of a [MASK]."""
        state = self.fused(image, ids, mask)
        out: Tensor = self.catemap_layer(state[torch.arange(len(state)), at])
        return out

    def words(self, image: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
        """(B, L, vocabulary) logits: which token stands, or is hidden, at each place."""
        out: Tensor = self.decoder_layer["predictions"](self.fused(image, ids, mask))
        return out

    def fused(self, image: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
        """(B, L, width): the text's state after it looked at the picture."""
        text = self.text_encoder.read(ids, mask)
        return self.text_encoder.fuse(text, mask, self.visual_encoder(image))

    def project_image(self, state: Tensor) -> Tensor:
        return F.normalize(self.combine_vision_proj(self.vision_proj(state)), dim=-1)

    def project_text(self, state: Tensor) -> Tensor:
        return F.normalize(self.combine_text_proj(self.text_proj(state)), dim=-1)


class WordHead(nn.Module):
    """BERT's: a layer, then the vocabulary."""

    def __init__(self, config: FashionConfig) -> None:
        super().__init__()
        width, vocabulary = config.bert.width, config.bert.vocabulary
        self.transform = nn.ModuleDict(
            {"dense": nn.Linear(width, width), "LayerNorm": nn.LayerNorm(width, eps=EPS_TEXT)}
        )
        self.decoder = nn.Linear(width, vocabulary)
        self.bias = self.decoder.bias  # stored twice in the published files, one tensor

    def forward(self, x: Tensor) -> Tensor:
        x = self.transform["LayerNorm"](F.gelu(self.transform["dense"](x)))
        out: Tensor = self.decoder(x)
        return out


class ReplacedHead(nn.Module):
    """Was this token replaced?"""

    def __init__(self, config: FashionConfig) -> None:
        super().__init__()
        width = config.bert.width
        self.dense_layer = nn.Linear(width, width)
        self.norm_layer = nn.LayerNorm(width, eps=EPS_TEXT)
        self.predict_layer = nn.Linear(width, config.replaced)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.predict_layer(self.norm_layer(F.gelu(self.dense_layer(x))))
        return out
