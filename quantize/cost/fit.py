"""What a launch, a layer, a multiplication and a byte cost, from networks that were measured.

A network's time is a sum of counts times costs, none of them below 0. Each measurement counts by
its share, not by its ms: a tenth off is as bad for a small network as for a large one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.boards.predict import BYTES, Rates, parts_ms
from edge.boards.work import KINDS, Network

MULTIPLYING = KINDS[:-1]  # "other" multiplies nothing
ROUNDS = 20_000  # of the solver: six unknowns settle long before
Array = NDArray[np.float64]


class Measured(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One artifact on one thread of this machine."""

    network: str  # as in networks.json, with its side: mobilenet_v2@224
    engine: str
    precision: str
    ms: float


class Missed(msgspec.Struct, frozen=True):
    """A network that the costs had not seen."""

    network: str
    ms: float
    predicted_ms: float

    @property
    def off(self) -> float:
        """-0.2: a fifth too low."""
        return self.predicted_ms / self.ms - 1


def fitted(pairs: Sequence[tuple[Network, float]], precision: str) -> Rates:
    """Costs from (network, ms) pairs. Raises ValueError for fewer than three."""
    if len(pairs) < 3:
        raise ValueError(f"{len(pairs)} networks were measured, expected 3 or more")
    counts = np.array([_counts(network, precision) for network, _ in pairs])
    us = np.array([ms * 1e3 for _, ms in pairs])
    launch, layer, *kinds, byte = _least_squares(counts / us[:, None], np.ones(len(us)))
    # a count is of thousands, a cost in us: ns for one is the same number times a thousand
    by_kind = {kind: round(cost * 1e3, 5) for kind, cost in zip(MULTIPLYING, kinds)}
    return Rates(round(launch, 3), round(layer, 4), by_kind, round(byte * 1e3, 5), 0.0, 0.0)


def left_out(pairs: Sequence[tuple[Network, float]], precision: str) -> list[Missed]:
    """Each network predicted from the others: all its sizes are left out together."""
    missed = []
    for name in dict.fromkeys(network.name for network, _ in pairs):
        rates = fitted([pair for pair in pairs if pair[0].name != name], precision)
        for network, ms in pairs:
            if network.name == name:
                ours = sum(parts_ms(network, rates, precision))
                missed.append(Missed(f"{name}@{network.side_px}", ms, ours))
    return missed


def rates_by_engine(
    measured: Sequence[Measured], networks: Mapping[str, Network]
) -> dict[str, tuple[Rates, list[Missed]]]:
    """ "engine/precision" -> costs that know how far off they are, and each network left out."""
    found = {}
    for key in dict.fromkeys((m.engine, m.precision) for m in measured):
        pairs = [(networks[m.network], m.ms) for m in measured if (m.engine, m.precision) == key]
        if len({network.name for network, _ in pairs}) < 4:
            continue  # without one there must be three
        missed = left_out(pairs, key[1])
        offs = np.abs([m.off for m in missed])
        middle, most = round(float(np.median(offs)), 4), round(float(offs.max()), 4)
        rates = fitted(pairs, key[1])
        found["/".join(key)] = (
            msgspec.structs.replace(rates, middle_off=middle, most_off=most),
            missed,
        )
    return found


def _counts(network: Network, precision: str) -> list[float]:
    """Launches, layers, thousands of multiplications by kind, thousands of bytes."""
    kmacs = [network.work[k].macs / 1e3 if k in network.work else 0.0 for k in MULTIPLYING]
    kilobytes = BYTES[precision] * (network.weights + network.activations) / 1e3
    return [1.0, float(network.layers), *kmacs, kilobytes]


def _least_squares(a: Array, b: Array) -> list[float]:
    """x >= 0 with the least |a x - b|, by coordinates (Franc et al. 2005, CAIP)."""
    scale = np.sqrt((a * a).sum(0)) + 1e-12  # counts differ by six orders of magnitude
    scaled = a / scale
    square, fixed = scaled.T @ scaled, -scaled.T @ b
    x, gradient = np.zeros(a.shape[1]), fixed.copy()
    for _ in range(ROUNDS):
        before = x.copy()
        for k in range(len(x)):
            step = max(0.0, x[k] - gradient[k] / max(square[k, k], 1e-12)) - x[k]
            x[k] += step
            gradient += step * square[:, k]
        if np.abs(x - before).max() < 1e-12:
            break
    return [float(cost) for cost in x / scale]
