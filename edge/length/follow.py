"""Fish followed over the frames of a source, and what many looks at one say together. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
import numpy as np
from msgspec.structs import replace

from edge.length.measure import Look

KEPT = 40  # looks at one fish, the newest
MOST = 60  # fish
REACH = 0.5  # of its length: how far from where it should be a fish may turn up
RESIZED = 1.4  # how much longer or shorter it may look, its boxes' diagonals compared
GONE_S = 3.0  # without being seen
SETTLED = 5  # whole looks, that agree
AGREE = 0.02  # of the length, deviation


class Known(msgspec.Struct, frozen=True, eq=False):
    """One fish. Places in frame px, speeds in px/s."""

    id: int
    x: float
    y: float
    side: float  # diagonal of its box
    seen_s: float
    looks: tuple[Look, ...]
    dx: float = 0.0
    dy: float = 0.0
    count: int = 1  # looks ever

    @property
    def state(self) -> Literal["open", "settled", "unsure"]:
        """As in a tag."""
        whole = [look.cm for look in self.looks if not look.is_occluded]
        if len(whole) < SETTLED:
            return "open"
        return "settled" if _spread(whole) <= AGREE * float(np.median(whole)) else "unsure"


class Fused(msgspec.Struct, frozen=True):
    """What its looks say together."""

    cm: float
    sd_cm: float
    is_occluded: bool  # at every look
    score: float


def fused(looks: Sequence[Look]) -> Fused:
    """The median of the looks that show all of it; of all looks, where none does.

    What looks share, like the scale of the plane, is as uncertain as in one of them. `looks` holds
    one at least.
    """
    whole = [look for look in looks if not look.is_occluded]
    told = whole or looks
    lengths = [look.cm for look in told]
    middle = float(np.median(lengths))
    apart = max(_spread(lengths), float(np.median([look.edge_cm for look in told])))
    bias = float(np.median([look.bias_cm for look in told]))
    sd = float(np.hypot(bias, apart * (1.2533 if len(told) > 1 else 1) / np.sqrt(len(told))))
    return Fused(middle, sd, not whole, float(np.median([look.score for look in told])))


def follow(
    known: Sequence[Known], looks: Sequence[Look], at_s: float, new_id: Callable[[], int]
) -> tuple[tuple[Known, ...], tuple[Known, ...]]:
    """All fish that are still known after `looks` of one frame, and those of them that it shows.

    new_id  asked for each that is new
    """
    alive = [k for k in known if 0 <= at_s - k.seen_s <= GONE_S]
    pairs = _pairs(alive, looks, at_s)
    shown = tuple(
        _seen(alive[pairs[n]], look, at_s) if n in pairs else _born(new_id(), look, at_s)
        for n, look in enumerate(looks)
    )
    taken = set(pairs.values())
    missed = [k for n, k in enumerate(alive) if n not in taken]
    return (*shown, *missed)[:MOST], shown


def moved(fish: Known, at_s: float) -> tuple[int, int]:
    """How far it should have moved since it was seen, px; not at all, as far as one look says."""
    dt = at_s - fish.seen_s
    return round(fish.dx * dt), round(fish.dy * dt)


def is_near(fish: Known, x: float, y: float, at_s: float) -> bool:
    """Could what lies there be this fish?"""
    dx, dy = moved(fish, at_s)
    return float(np.hypot(x - fish.x - dx, y - fish.y - dy)) <= REACH * fish.side


def _pairs(known: Sequence[Known], looks: Sequence[Look], at_s: float) -> dict[int, int]:
    """Look -> fish, nearest first."""
    near = []
    for n, look in enumerate(looks):
        x, y, side = _place(look)
        for m, fish in enumerate(known):
            dt = at_s - fish.seen_s
            away = np.hypot(x - fish.x - fish.dx * dt, y - fish.y - fish.dy * dt)
            if away <= REACH * fish.side and 1 / RESIZED <= side / fish.side <= RESIZED:
                near.append((away / fish.side, n, m))
    pairs: dict[int, int] = {}
    for _, n, m in sorted(near):
        if n not in pairs and m not in pairs.values():
            pairs[n] = m
    return pairs


def _place(look: Look) -> tuple[float, float, float]:
    x0, y0, x1, y1 = look.box
    return (x0 + x1) / 2, (y0 + y1) / 2, float(np.hypot(x1 - x0, y1 - y0))


def _born(number: int, look: Look, at_s: float) -> Known:
    x, y, side = _place(look)
    return Known(number, x, y, side, at_s, (look,))


def _seen(fish: Known, look: Look, at_s: float) -> Known:
    x, y, side = _place(look)
    dt = max(at_s - fish.seen_s, 1e-3)
    return replace(
        fish,
        x=x,
        y=y,
        side=side,
        seen_s=at_s,
        looks=(*fish.looks, look)[-KEPT:],
        dx=(x - fish.x) / dt,
        dy=(y - fish.y) / dt,
        count=fish.count + 1,
    )


def _spread(values: Sequence[float]) -> float:
    """A standard deviation that a few wild ones do not move."""
    return float(1.4826 * np.median(np.abs(np.array(values) - np.median(values))))
