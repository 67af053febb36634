"""How long a network would take on a board that is not here. Pure; every number is a prediction.

On a CPU: what a launch, a layer, a byte and a multiplication of each kind cost was fitted to the
machine where `edge-quantize cost` ran. Dense multiplications go by the peaks of the two processors
at that precision; depthwise ones and all else, for which dot products are of no use, by the width
and the clock of their vectors, which is their peak in float. Then comes one factor, learned from
figures that others published. On an accelerator: a launch, its layers, and its share of its peak,
as public figures have them. Neither is ever faster than memory can bring the bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from edge import bounded
from edge.boards import profiles
from edge.boards.profiles import Profile, Roofline
from edge.boards.work import Kind, Network
from edge.errors import BundleError, ConfigError
from edge.strict import read_json

BATCHES = (1, 2, 4, 8)
BYTES = {"int8": 1, "float": 4}
T = TypeVar("T")
MAX_BYTES = 4 << 20  # a network is half a kilobyte
UNCHECKED = 2.0  # nobody published a second network of ours on such a board


class Rates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of one engine at one precision, on one core of the machine where it was fitted."""

    launch_us: float
    layer_us: float
    ns_a_kmac: dict[Kind, float]  # ns for a thousand multiplications
    ns_a_kb: float  # ns for a thousand bytes read or written
    middle_off: float  # share by which a network left out was missed: the median, and the most
    most_off: float


class Costs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`devices/cost/model.json`."""

    machine: str  # where it was fitted
    core_gmac_s: dict[str, float]  # of one core there, by precision
    rates: dict[str, Rates]  # "engine/precision"
    factor: dict[str, float]  # of boards over what their peaks say, by precision: from figures
    within: dict[str, float]  # published figures of a board left out were missed by so much at most


class Prediction(msgspec.Struct, frozen=True):
    """Of a network on a board. It says itself that it is none of ours."""

    device: str
    network: str
    precision: str
    batch_ms: dict[int, float]  # a launch of so many pictures
    within: float  # times or over: by how much it may be wrong
    label: str = "predicted"


def predicted(network: Network, profile: Profile, costs: Costs, precision: str) -> Prediction:
    """At every batch of BATCHES. Raises ConfigError for a profile without a roofline."""
    curve = {n: round(batch_ms(network, profile, costs, precision, n), 4) for n in BATCHES}
    name = f"{network.name}@{network.side_px}"
    return Prediction(profile.name, name, precision, curve, within(profile, costs, precision))


def within(profile: Profile, costs: Costs, precision: str) -> float:
    """The factor by which a prediction may be wrong."""
    return costs.within[precision] if roofline_of(profile).kind == "cpu" else UNCHECKED


def batch_ms(network: Network, profile: Profile, costs: Costs, precision: str, batch: int) -> float:
    """A launch of `batch` pictures, ms."""
    roof = roofline_of(profile)
    if roof.kind == "cpu":
        taken_ms = _cpu_ms(network, profile, costs, precision, batch)
    else:
        gmac = batch * network.macs / 1e9
        taken_ms = roof.launch_ms + network.layers * roof.layer_us / 1e3
        taken_ms += gmac / (roof.share * roof.int8_gmac_s) * 1e3
    if roof.memory_gb_s is None:
        return taken_ms
    moved_b = BYTES[precision] * (network.weights + batch * network.activations)
    return max(taken_ms, moved_b / roof.memory_gb_s / 1e6)


def _cpu_ms(network: Network, profile: Profile, costs: Costs, precision: str, batch: int) -> float:
    roof = roofline_of(profile)
    launch_ms, dense_ms, rest_ms = parts_ms(network, rates_of(profile, costs, precision), precision)
    slower = {kind: costs.core_gmac_s[kind] / _core(roof, kind) for kind in ("float", precision)}
    cores = min(profile.threads or roof.cores, roof.cores)
    work_ms = dense_ms * slower[precision] + rest_ms * slower["float"]
    return costs.factor[precision] * (launch_ms * slower["float"] + batch * work_ms / cores)


def parts_ms(network: Network, rates: Rates, precision: str) -> tuple[float, float, float]:
    """On one core of the machine of the fit: a launch with its layers; of each picture the dense
    multiplications, and the rest.
    """
    fixed_us = rates.launch_us + network.layers * rates.layer_us
    ns = {k: rates.ns_a_kmac.get(k, 0.0) * w.macs / 1e3 for k, w in network.work.items()}
    kilobytes = BYTES[precision] * (network.weights + network.activations) / 1e3
    rest_ns = ns.pop("depthwise", 0.0) + kilobytes * rates.ns_a_kb
    return fixed_us / 1e3, sum(ns.values()) / 1e6, rest_ns / 1e6


def rates_of(profile: Profile, costs: Costs, precision: str) -> Rates:
    """Of the profile's engine; of another where that one was not measured."""
    key = f"{profile.engine}/{precision}"
    return costs.rates.get(key) or costs.rates[f"onnxruntime/{precision}"]


def roofline_of(profile: Profile) -> Roofline:
    """Raises ConfigError."""
    if profile.roofline is None:
        raise ConfigError(
            f"device {profile.name!r} has no roofline: nothing can be predicted of it",
            fix="edge-tag devices",
        )
    return profile.roofline


def _core(roof: Roofline, precision: str) -> float:
    return (roof.gmac_s(precision) or roof.int8_gmac_s / 4) / roof.cores


def read_costs(path: Path | None = None) -> Costs:
    """What `edge-quantize cost` fitted. Raises BundleError."""
    return _read(path or profiles.folder() / "cost" / "model.json", Costs)


def networks() -> list[Network]:
    """Those whose work is known: of the bundle that ships, and of what was measured."""
    return _read(profiles.folder() / "cost" / "networks.json", list[Network])


def find_network(sha256: str, beside: Path) -> Network | None:
    """The network of the artifact whose first file has this hash. None: nobody counted it.

    beside  a file with more networks, as `edge-quantize cost --bundle` writes it
    """
    more = _read(beside, list[Network]) if beside.is_file() else []
    return next((n for n in (*networks(), *more) if sha256 in n.artifacts), None)


def _read(path: Path, kind: type[T]) -> T:
    fix = "install edge-tag again"
    content = bounded.read(path, MAX_BYTES, BundleError, "what networks cost", fix)
    return read_json(content, kind, str(path), fix)
