"""Which looks a frame gets. Pure: the same input gives the same plan.

A candidate is a region that could be looked at; an item is a thing, or a piece of the frame, of
which a look may say something. `sees[c, i]` is the chance that a look at candidate c settles item
i; what a plan is worth is the sum over the items of what settling them is worth, times the chance
that at least one look does. That is submodular: a second look at the same thing brings less. The
greedy choice by gain per ms, beside the best single look, is then within (1 - 1/e) / 2 of the best
plan (Leskovec et al. 2007, KDD), in practice within a few per cent.

The laws, whatever the input (tests/property/test_schedule.py): a plan never costs more than the
budget and holds no more regions than it allows; each candidate at most once; one that is overdue
is never passed over for one that is not, unless it does not fit.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.records import F32, Budget

EXPLORING = 0.10  # of the budget: kept for places that nothing speaks for but time
NOTHING = 1e-4  # gain: less is not worth waking the engine
MOST = 120  # candidates


class Choice(msgspec.Struct, frozen=True):
    """One look of a plan."""

    candidate: int  # its row
    gain: float  # what it adds to the looks before it
    cost_ms: float


class Asked(msgspec.Struct, frozen=True, eq=False):
    """What could be looked at: C candidates, I items."""

    worth: F32  # (I,) of settling each item
    sees: F32  # (C, I) 0..1
    costs_ms: F32  # (C,)
    due: F32  # (C,) s past its time; 0 or less is not overdue
    explores: NDArray[np.bool_]  # (C,) nothing but age speaks for it


def plan(asked: Asked, budget: Budget) -> tuple[Choice, ...]:
    """Looks in the order to make them: the longest overdue, then by gain per ms.

    A tenth of the budget is left to exploration, as long as there is something to explore; what
    one side does not use, the other may. Raises ValueError for arrays that do not fit together.
    """
    _check(asked)
    chosen = _Chosen(asked, budget)
    for c in np.argsort(-asked.due, kind="stable"):
        if asked.due[c] > 0:
            chosen.take(int(c))
    # Greedy is never worse than the best single look, once that look is compared with it.
    best = _best_alone(asked, chosen)
    reserved_ms = EXPLORING * budget.frame_ms if asked.explores.any() else 0.0
    chosen.greedy(~asked.explores, reserved_ms)
    chosen.greedy(asked.explores, 0.0)
    chosen.greedy(~asked.explores, 0.0)
    return chosen.looks if best is None or chosen.gain >= best.gain else best.looks


class _Chosen:
    """A plan in the making: what is spent, and the chance that each item is missed by it."""

    def __init__(self, asked: Asked, budget: Budget) -> None:
        self._asked = asked
        self._left_ms = budget.frame_ms
        self._left = budget.max_regions
        self._missed = np.ones(len(asked.worth), np.float32)  # (I,)
        self._is_free = np.ones(len(asked.costs_ms), bool)  # (C,)
        self._looks: list[Choice] = []

    @property
    def looks(self) -> tuple[Choice, ...]:
        return tuple(self._looks)

    @property
    def gain(self) -> float:
        return sum(look.gain for look in self._looks)

    def fits(self, reserved_ms: float = 0.0) -> NDArray[np.bool_]:
        """(C,) which ones could still be taken."""
        if self._left <= 0:
            return np.zeros(len(self._is_free), bool)
        return self._is_free & (self._asked.costs_ms <= self._left_ms - reserved_ms)

    def gains(self) -> F32:
        """(C,) what each would add to what is chosen."""
        return np.asarray(self._asked.sees @ (self._asked.worth * self._missed), np.float32)

    def take(self, c: int, gain: float | None = None) -> None:
        """Add a candidate, if it fits."""
        cost_ms = float(self._asked.costs_ms[c])
        if self._left <= 0 or not self._is_free[c] or cost_ms > self._left_ms:
            return
        gain = float(self.gains()[c]) if gain is None else gain
        self._looks.append(Choice(c, gain, cost_ms))
        self._left_ms -= cost_ms
        self._left -= 1
        self._is_free[c] = False
        self._missed *= 1 - self._asked.sees[c]

    def greedy(self, among: NDArray[np.bool_], reserved_ms: float) -> None:
        """By gain per ms, until nothing fits or nothing is gained; ties keep the order given."""
        costs = np.maximum(self._asked.costs_ms, 1e-9)  # a free look goes first
        while (open_ := self.fits(reserved_ms) & among).any():
            gains = self.gains()
            c = int(np.where(open_ & (gains > NOTHING), gains / costs, -1.0).argmax())
            if not open_[c] or gains[c] <= NOTHING:
                return
            self.take(c, float(gains[c]))


def _best_alone(asked: Asked, begun: _Chosen) -> _Chosen | None:
    """The one look that brings most, where nothing is overdue."""
    fits = begun.fits()
    if begun.looks or not fits.any():
        return None
    gains = np.where(fits, begun.gains(), -1.0)
    best = int(gains.argmax())
    if gains[best] <= NOTHING:
        return None
    alone = _Chosen(asked, Budget(float(asked.costs_ms[best]), 1))
    alone.take(best)
    return alone


def _check(asked: Asked) -> None:
    candidates, items = asked.sees.shape
    sizes: dict[str, tuple[Any, int]] = {
        "worth": (asked.worth.shape, items),
        "costs_ms": (asked.costs_ms.shape, candidates),
        "due": (asked.due.shape, candidates),
        "explores": (asked.explores.shape, candidates),
    }
    for name, (found, wanted) in sizes.items():
        if found != (wanted,):
            raise ValueError(f"{name} is {found}, expected ({wanted},)")
    if not (asked.costs_ms >= 0).all():  # written so that a NaN fails too
        raise ValueError("a cost is below 0 ms or not a number, expected 0 ms or more")
