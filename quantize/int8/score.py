"""How far int8 outputs are from float ones, without anybody's label. numpy alone.

N pictures, T tags. Softmax heads are compared with each row's mean taken off: a constant added to
all logits of a picture changes no answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.records import F32

Kind = Literal["softmax", "multilabel"]

CONFIDENCE = 0.8  # a flat head is sharpened to this mean confidence before its belief is asked
TAGS_A_PICTURE = 3  # where nobody gave thresholds
TEMPERATURES = np.geomspace(1.0, 1e-6, 121)


class Distance(msgspec.Struct, frozen=True):
    """One head, int8 against float."""

    sqnr_db: float  # signal to quantisation noise of the logits; more is better
    agreement: float  # 0..1: same best tag; of a multilabel head F1 of the tags given
    loss: float  # points (of F1 x 100) that the float's own belief expects int8 to lose


def distance(kind: Kind, exact: F32, rough: F32, limits: F32 | None = None) -> Distance:
    """exact, rough (N, T) logits; `limits` of a multilabel head, (T,) or (1,) logits.

    Outputs that are no numbers are as far as can be.
    """
    if not np.isfinite(rough).all():
        return Distance(-999.0, 0.0, 100.0)
    if kind == "multilabel":
        cut = thresholds(exact) if limits is None else limits
        given, other = exact > cut, rough > cut
        return Distance(sqnr(exact, rough), f1(other, given), 100 * _f1_loss(exact - cut, other))
    centred = (z - z.mean(1, keepdims=True) for z in (exact, rough))
    same = exact.argmax(1) == rough.argmax(1)
    return Distance(sqnr(*centred), float(same.mean()), 100 * _top1_loss(exact, rough))


def sqnr(exact: NDArray[Any], rough: NDArray[Any]) -> float:
    """Signal to noise in dB, at most 120."""
    signal = float(np.square(exact, dtype=np.float64).sum())
    noise = float(np.square(exact.astype(np.float64) - rough).sum())
    return round(float(10 * np.log10(max(signal, 1e-30) / max(noise, 1e-12 * signal, 1e-42))), 2)


def off(exact: NDArray[Any], rough: NDArray[Any]) -> float:
    """How far rows are from the exact ones, in shares of their length, all rows together."""
    length = float(np.square(exact, dtype=np.float64).sum())
    noise = float(np.square(exact.astype(np.float64) - rough).sum())
    return float(np.sqrt(noise / max(length, 1e-30)))


def f1(given: NDArray[np.bool_], right: NDArray[np.bool_]) -> float:
    """F1 over all pictures and tags together; 1 where there is nothing to give and none given."""
    all_of_both = int(given.sum()) + int(right.sum())
    return 2 * int((given & right).sum()) / all_of_both if all_of_both else 1.0


def thresholds(exact: F32) -> F32:
    """(1,) the logit that gives TAGS_A_PICTURE on average."""
    share = min(0.5, TAGS_A_PICTURE / exact.shape[1])
    return np.asarray(np.quantile(exact, [1 - share]), np.float32)


def sure(exact: F32) -> NDArray[np.bool_]:
    """(N,) the half of the pictures whose best logit leads by most."""
    if exact.shape[1] < 2:
        return np.ones(len(exact), np.bool_)
    top = np.sort(exact, axis=1)
    lead = top[:, -1] - top[:, -2]
    return np.asarray(lead >= np.median(lead))


def _top1_loss(exact: F32, rough: F32) -> float:
    """What the float would bet it loses: its belief in its own answer less that in the other's."""
    if exact.shape[1] < 2:
        return 0.0
    belief = _softmax(exact, _temperature(exact))
    mine, other = exact.argmax(1)[:, None], rough.argmax(1)[:, None]
    bet = np.take_along_axis(belief, mine, 1) - np.take_along_axis(belief, other, 1)
    return float(bet.mean())


def _temperature(exact: F32) -> float:
    """1, or what makes a flat head sure enough: a coin's toss could not be lost by any int8."""
    for temperature in TEMPERATURES:
        if float(_softmax(exact, float(temperature)).max(1).mean()) >= CONFIDENCE:
            return float(temperature)
    return float(TEMPERATURES[-1])


def _softmax(logits: F32, temperature: float) -> NDArray[np.float64]:
    z = logits.astype(np.float64) / temperature
    z = np.exp(z - z.max(1, keepdims=True))
    return np.asarray(z / z.sum(1, keepdims=True))


def _f1_loss(over: F32, other: NDArray[np.bool_]) -> float:
    """1 - F1, each flip weighted by how sure float was. `over` (N, T): its logits less thresholds.

    At the threshold, where float itself tosses a coin, a flip weighs nothing; far from it, 1.
    """
    given = over > 0
    typical = float(over[given].mean()) if given.any() else 1.0
    sharp = over.astype(np.float64) / min(1.0, max(typical, 1e-6))
    flips = np.tanh(np.abs(sharp[given != other]) / 2).sum()  # = |2 sigmoid - 1|
    return float(flips) / max(1, int(given.sum()) + int(other.sum()))


def distances(
    exact: Mapping[str, F32],
    rough: Mapping[str, F32],
    kinds: Mapping[str, Kind],
    limits: Mapping[str, F32] | None = None,
) -> dict[str, Distance]:
    """`distance` of every head in `kinds`."""
    cuts = limits or {}
    return {
        head: distance(kind, exact[head], rough[head], cuts.get(head))
        for head, kind in kinds.items()
    }
