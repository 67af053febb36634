"""What a network has a device do, counted and not measured: by kind of layer."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["conv", "pointwise", "depthwise", "linear", "other"]
KINDS: tuple[Kind, ...] = ("conv", "pointwise", "depthwise", "linear", "other")


class Work(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All layers of one kind, for one picture."""

    layers: int  # launches of a kernel
    macs: int  # multiplications of weights with inputs
    weights: int  # elements, read once a launch
    activations: int  # elements read and written, for each picture


class Network(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A network at one size of its input."""

    name: str
    side_px: int
    work: dict[Kind, Work]
    artifacts: dict[str, str] = {}  # SHA-256 of an artifact's first file -> "engine/precision"

    @property
    def macs(self) -> int:
        return sum(work.macs for work in self.work.values())

    @property
    def layers(self) -> int:
        return sum(work.layers for work in self.work.values())

    @property
    def weights(self) -> int:
        return sum(work.weights for work in self.work.values())

    @property
    def activations(self) -> int:
        return sum(work.activations for work in self.work.values())
