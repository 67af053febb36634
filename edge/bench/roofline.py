"""The least that a launch can take, by what a board can compute and move. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from edge.bench.line import Roof


def work(recipe: Mapping[str, object]) -> tuple[int, int] | None:
    """Multiply-accumulates of a launch with one picture, and the activations that layers read and
    write, as `edge-quantize pack` counted them; None: a bundle that does not say.
    """
    macs, activations = recipe.get("macs"), recipe.get("activations")
    if not isinstance(macs, int) or not isinstance(activations, int):
        return None
    return macs, activations


def roof(
    macs: int, moved_bytes: int, gmac_s: float, memory_gb_s: float | None, measured_ms: float
) -> Roof:
    """moved_bytes: weights and activations, each read or written once."""
    compute_ms = macs / gmac_s / 1e6
    moving_ms = 0.0 if memory_gb_s is None else moved_bytes / memory_gb_s / 1e6
    bound: Literal["compute", "bandwidth"] = "compute" if compute_ms >= moving_ms else "bandwidth"
    least_ms = max(compute_ms, moving_ms)
    return Roof(round(least_ms, 4), round(least_ms / measured_ms, 4), bound)
