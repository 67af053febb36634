"""The least that a launch can take, by what a board can compute and move. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from edge.bench.line import Roof

OPS = 2  # a multiplication and an addition


class Roofline(msgspec.Struct, frozen=True):
    """What a board can do at most, all cores or the accelerator together."""

    int8_gops: float  # two operations a MAC
    bandwidth_gbs: float

    def gops(self, precision: str) -> float | None:
        """The peak at a precision; None where nobody said."""
        return self.int8_gops if precision == "int8" else None


def work(recipe: Mapping[str, object]) -> tuple[int, int] | None:
    """Multiply-accumulates of a launch with one picture, and the activations that layers read and
    write, as `edge-quantize pack` counted them; None: a bundle that does not say.
    """
    macs, activations = recipe.get("macs"), recipe.get("activations")
    if not isinstance(macs, int) or not isinstance(activations, int):
        return None
    return macs, activations


def roof(
    macs: int, moved_bytes: int, gops: float, bandwidth_gbs: float, measured_ms: float
) -> Roof:
    """moved_bytes: weights and activations, each read or written once."""
    compute_ms = OPS * macs / gops / 1e6
    bandwidth_ms = moved_bytes / bandwidth_gbs / 1e6
    least_ms = max(compute_ms, bandwidth_ms)
    bound: Literal["compute", "bandwidth"] = (
        "compute" if compute_ms >= bandwidth_ms else "bandwidth"
    )
    return Roof(round(least_ms, 4), round(least_ms / measured_ms, 4), bound)
