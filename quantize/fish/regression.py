"""Masks of rendered fish, whole or hidden in part -> the regressor of `edge/length`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import cv2
import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from calib_data.belts import turned
from calib_data.draw_fish import SPECIES, fish
from edge.length.ends import body
from edge.length.midline import midline
from edge.length.regressor import FEATURES, Layer, Regressor, features_of
from edge.records import F32
from quantize.errors import WorkshopError

F64 = NDArray[np.float64]
Rng = np.random.Generator

STREAM = 0x1E06
WIDE = (48, 24)  # of the hidden layers
LENGTH_PX = (140, 320)  # of the fish that are drawn
HIDDEN = 0.5  # share of them
USUAL_CM = 34.0  # AutoFish's fish are about as long: what int8 costs is told of such a one
MOVED_CM = 0.05  # the most that int8 may move a length, on average
TIPS = 0.75  # of how deep the tail is forked: so far its tips lie behind the fork


class Shapes(msgspec.Struct, frozen=True, eq=False):
    """N masks."""

    features: F64  # (N, FEATURES)
    units: F64  # (N,) px, square roots of their areas
    truth: F64  # (N, 2) px, to the tips and to the fork
    is_hidden: NDArray[np.bool_]  # (N,)


def shapes(seed: int, count: int) -> Shapes:
    """Of `count` fish; those that cannot be read as a body are left out."""
    rows = list(tqdm(_shapes(seed, count), "shapes", count, unit="fish", disable=None))
    features, units, truth, hidden = zip(*[row for row in rows if row is not None], strict=True)
    return Shapes(np.stack(features), np.array(units), np.array(truth), np.array(hidden))


def _shapes(seed: int, count: int) -> Iterator[tuple[F64, float, tuple[float, float], bool] | None]:
    for n in range(count):
        rng = np.random.default_rng([STREAM, seed, n])
        tag = str(rng.choice(list(SPECIES)))
        length = float(rng.uniform(*LENGTH_PX))
        drawn = fish(rng, tag, length, rng.uniform(-0.15, 0.15), rng.uniform(-0.03, 0.03))
        soft = np.pad(turned(drawn, rng.uniform(0, 360)).sprite[..., 3], 24).astype(np.float32)
        is_hidden = rng.random() < HIDDEN
        if is_hidden:
            soft = _hidden(rng, soft)
        soft = cv2.GaussianBlur(soft, (0, 0), rng.uniform(0.4, 1.6)) + rng.uniform(-0.2, 0.2)
        mask = _largest((soft >= 0.5).astype(np.uint8))
        line = midline(mask)
        found = None if line is None else body(np.clip(soft, 0, 1) * mask, line)
        if found is None or found.tips - found.snout < 16:
            yield None
            continue
        features, unit = features_of(mask, found)
        yield features, unit, (length * (1 + TIPS * SPECIES[tag].fork), length), bool(is_hidden)


def _hidden(rng: Rng, soft: F32) -> F32:
    """A band over one end or across a part of it: up to a third of its length is gone."""
    rows, columns = np.nonzero(soft >= 0.5)
    points = np.stack([columns, rows], 1).astype(np.float64)
    middle = points.mean(0)
    _, _, axes = np.linalg.svd(points[:: max(1, len(points) // 500)] - middle)
    turn = rng.normal(0, 0.4)
    axis = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ axes[0]
    along = (points - middle) @ axis * rng.choice([-1, 1])
    cut = np.quantile(along, 1) - rng.uniform(0.03, 0.33) * np.ptp(along)
    out = soft.copy()
    out[rows[along > cut], columns[along > cut]] = 0
    return out


def _largest(mask: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    if len(stats) < 2:
        return mask
    return (labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.uint8)


class Learned(NamedTuple):
    """What a device gets, and by how much its int8 moves the length of a usual fish."""

    regressor: Regressor
    moved_cm: float  # mean over the held-out fish, against the same weights in float


def learned(taught: Shapes, held: Shapes, epochs: int, seed: int) -> Learned:
    """L1 of the logarithm, AdamW; then int8, a scale a row.

    Raises WorkshopError where int8 moves lengths of `held` by more than MOVED_CM on average.
    """
    torch.manual_seed(seed)
    mean, spread = taught.features.mean(0), taught.features.std(0) + 1e-6
    x = torch.from_numpy(np.clip((taught.features - mean) / spread, -4, 4)).float()
    y = torch.from_numpy(np.log(taught.truth / taught.units[:, None])).float()
    sizes = (FEATURES, *WIDE, 2)
    net = [nn.Linear(a, b) for a, b in pairwise(sizes)]
    optimizer = torch.optim.AdamW([p for layer in net for p in layer.parameters()], 3e-3,
                                  weight_decay=1e-3)  # fmt: skip
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    nn.init.constant_(net[-1].bias, float(y.mean()))
    for _ in tqdm(range(epochs), "length", unit="epoch", disable=None):
        for chosen in torch.randperm(len(x)).split(64):
            loss = (_forward(net, x[chosen]) - y[chosen]).abs().mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        schedule.step()
    layers = tuple(quantised(layer.weight.detach().numpy(), layer.bias.detach().numpy())
                   for layer in net)  # fmt: skip
    made = Regressor(1, tuple(mean.tolist()), tuple(spread.tolist()), layers, 0.0, 0.0)
    by_cm = moved_cm(made, exact_shares(net, made, held), held)
    check_moved(by_cm)
    off = errors(made, held)
    told = msgspec.structs.replace(
        made,
        sd_whole=round(_deviation(off[~held.is_hidden]), 5),
        sd_hidden=round(_deviation(off[held.is_hidden]), 5),
        learned_on=f"{len(taught.units)} rendered fish, judged on {len(held.units)} others",
    )
    return Learned(told, by_cm)


def exact_shares(net: list[nn.Linear], made: Regressor, of: Shapes) -> F64:
    """(N, 2) what `Regressor.shares` gives, with weights in float: (N, FEATURES) in."""
    x = np.clip((of.features - np.array(made.mean)) / np.array(made.spread), -4, 4)
    with torch.no_grad():
        return np.exp(_forward(net, torch.from_numpy(x).float()).numpy().astype(np.float64))


def moved_cm(made: Regressor, exactly: F64, of: Shapes) -> float:
    """By how much int8 moves the length of a usual fish, on average; exactly: see above."""
    return float(USUAL_CM * np.abs(made.shares(of.features) / exactly - 1).mean())


def check_moved(by_cm: float) -> None:
    """Raises WorkshopError. The gate of S6."""
    if not by_cm <= MOVED_CM:
        found = f"moves a length of {USUAL_CM:g} cm by {by_cm:.3f} cm on average"
        fix = "more --epochs, or another --seed"
        raise WorkshopError("int8", found, f"{MOVED_CM} cm or less", fix)


def errors(made: Regressor, of: Shapes) -> F64:
    """(N, 2) shares of the length by which it is off."""
    return np.asarray(made.shares(of.features) * of.units[:, None] / of.truth - 1)


def quantised(weights: F32, bias: F32) -> Layer:
    """int8, a scale a row; both as JSON writes them."""
    scales = np.abs(weights).max(1) / 127
    rows = np.round(weights / scales[:, None]).astype(int)
    return Layer(
        tuple(tuple(row) for row in rows.tolist()),
        tuple(round(s, 9) for s in scales.tolist()),
        tuple(round(b, 6) for b in bias.tolist()),
    )


def exact(layer: Layer) -> F64:
    """The weights of a layer as the device has them."""
    return np.array(layer.rows, np.float64) * np.array(layer.scales)[:, None]


def _forward(net: list[nn.Linear], x: Tensor) -> Tensor:
    for layer in net[:-1]:
        x = F.relu(layer(x))
    out: Tensor = net[-1](x)
    return out


def _deviation(off: F64) -> float:
    """As a wild few do not move it."""
    return float(1.4826 * np.median(np.abs(off)))
