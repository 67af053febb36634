"""Which layers hurt: one part of one rounded at a time, the others in float, worst first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import msgspec
import torch
from torch import Tensor
from tqdm import tqdm

from edge.records import F32
from quantize.int8.fake import faked, only
from quantize.int8.layers import INPUT
from quantize.int8.score import Kind, distances
from quantize.students import Network, normalise

PICTURES = 8
Part = Literal["input", "kernel"]


class Hurt(msgspec.Struct, frozen=True):
    """A part of a layer, and how little signal is left when it alone is rounded."""

    layer: str  # its name in torch
    part: Part  # what it reads; or what it weighs that with, its bias included
    sqnr_db: float  # of the head that suffers most
    head: str  # that head

    @property
    def unit(self) -> str:
        """What has to stay in float to mend it, in the words of `layers.in_float`."""
        return INPUT + self.layer if self.part == "input" else self.layer


@torch.no_grad()
def sensitivity(student: Network, pixels: Tensor, kinds: Mapping[str, Kind]) -> list[Hurt]:
    """Both parts of every layer of a folded student, the one that hurts most first.

    pixels: (N, H, W, 3) uint8, of which PICTURES are used. Acted out in torch: no engine is asked.
    """
    x = normalise(pixels[:PICTURES])
    rough, grids = faked(student.eval(), x)
    only(grids, ())
    exact = _logits(rough, x)
    found = []
    for name in tqdm(grids, "sensitivity", disable=None, leave=False):
        for part in get_args(Part):
            only(grids, (name,), reads=part == "input", weighs=part == "kernel")
            found.append(_hurt(name, part, exact, _logits(rough, x), kinds))
    return sorted(found, key=lambda hurt: hurt.sqnr_db)


def _hurt(
    layer: str,
    part: Part,
    exact: Mapping[str, F32],
    rough: Mapping[str, F32],
    kinds: Mapping[str, Kind],
) -> Hurt:
    by_head = {head: d.sqnr_db for head, d in distances(exact, rough, kinds).items()}
    worst = min(by_head, key=by_head.__getitem__)
    return Hurt(layer, part, by_head[worst], worst)


def _logits(student: Network, x: Tensor) -> dict[str, F32]:
    return {name: out.numpy() for name, out in student(x).items()}
