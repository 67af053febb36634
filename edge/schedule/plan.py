"""Which looks a frame gets. Pure: the same input gives the same plan.

A candidate is a region that could be looked at; an item is a thing, or a piece of the frame, of
which a look may say something. `sees[c, i]` is the chance that a look at candidate c settles item
i; what a plan is worth is the sum over the items of what settling them is worth, times the chance
that at least one look does. That is submodular: a second look at the same thing brings less. The
greedy choice by gain per ms, beside the best single look, is then within (1 - 1/e) / 2 of the best
plan (Leskovec et al. 2007, KDD), in practice within a few per cent.

The laws, whatever the input (tests/property/test_schedule.py): a plan never costs more than the
budget and holds no more regions than it allows; each candidate at most once; one that is overdue
is never passed over for one that is not, unless it does not fit; exploration has its share.
"""

from __future__ import annotations

from math import inf, isfinite
from typing import Any

import msgspec
import numpy as np

from edge.records import F32, Budget, NDArray

EXPLORING = 0.10  # of the budget: kept for places that nothing speaks for but time
NOTHING = 1e-4  # gain: less is not worth waking the engine
MOST = 120  # candidates


class Choice(msgspec.Struct, frozen=True):
    """One look of a plan."""

    candidate: int  # its row
    gain: float  # what it adds to the looks before it
    cost_ms: float


class Question(msgspec.Struct, frozen=True, eq=False):
    """What could be looked at: C candidates, I items."""

    worth: F32  # (I,) of settling each item
    sees: F32  # (C, I) 0..1
    costs_ms: F32  # (C,)
    due: F32  # (C,) s past its time; 0 or less is not overdue
    explores: NDArray[np.bool_]  # (C,) nothing but age speaks for it


def plan(
    question: Question, budget: Budget, exploring_ms: float | None = None
) -> tuple[Choice, ...]:
    """Looks in the order to make them: the longest overdue, then exploration, then by gain per ms.

    Exploration has `exploring_ms` of the budget, a tenth when not given, to itself; what it does
    not use the others may. Raises ValueError for arrays that do not fit together.
    """
    _check(question)
    if not question.costs_ms.size:
        return ()
    chosen = _Chosen(question, budget)
    late = np.nonzero(question.due > 0)[0]
    for c in late[np.argsort(-question.due[late], kind="stable")]:
        chosen.take(int(c))
    if question.explores.any() and isfinite(budget.frame_ms):
        tenth_ms = EXPLORING * budget.frame_ms
        chosen.greedy(question.explores, tenth_ms if exploring_ms is None else exploring_ms)
    # Greedy is never worse than the best single look, once that look is compared with it.
    best = None if chosen.looks else _best_alone(question, budget)
    chosen.greedy()
    return chosen.looks if best is None or chosen.gain >= best.gain else (best,)


class _Chosen:
    """A plan in the making: what is spent, and the chance that each item is missed by it."""

    def __init__(self, question: Question, budget: Budget) -> None:
        self._all_ms, self._costs = question.costs_ms, question.costs_ms.tolist()  # (C,)
        self._left_ms = budget.frame_ms
        self._left = budget.max_regions
        self._worths = np.asarray(question.sees * question.worth, np.float32)  # (C, I)
        self._misses = list(np.asarray(1 - question.sees, np.float32))  # C of (I,)
        self._missed = np.ones(len(question.worth), np.float32)  # (I,)
        # A free look goes first; one that is taken has a rate of 0 from then on.
        self._per_ms = np.asarray(1 / np.maximum(question.costs_ms, 1e-9), np.float32)  # (C,)
        self._looks: list[Choice] = []

    @property
    def looks(self) -> tuple[Choice, ...]:
        return tuple(self._looks)

    @property
    def gain(self) -> float:
        return sum(look.gain for look in self._looks)

    def take(self, c: int, gain: float | None = None) -> None:
        """Add a candidate, if it fits."""
        cost_ms = self._costs[c]
        if self._left <= 0 or cost_ms > self._left_ms:
            return
        gain = float(self._worths[c].dot(self._missed)) if gain is None else gain
        self._looks.append(Choice(c, gain, cost_ms))
        self._left_ms -= cost_ms
        self._left -= 1
        self._per_ms[c] = 0
        self._missed *= self._misses[c]

    def greedy(self, among: NDArray[np.bool_] | None = None, most_ms: float = inf) -> None:
        """By gain per ms, until nothing fits or nothing is gained; ties keep the order given.

        among    (C,) who may be taken; None: everybody
        most_ms  of the budget, for all of them together
        """
        per_ms = self._per_ms.copy() if among is None else self._per_ms * among
        gains, rates = np.empty((2, per_ms.size), np.float32)
        costs, worths, missed = self._costs, self._worths, self._missed
        kept_ms = max(0.0, self._left_ms - most_ms) if isfinite(most_ms) else 0.0
        while self._left > 0:
            worths.dot(missed, out=gains)
            np.multiply(gains, per_ms, out=rates)
            c = int(rates.argmax())
            if rates.item(c) <= 0:
                return
            gain = gains.item(c)
            if gain <= NOTHING:  # and what brings as little will never bring more
                per_ms[gains <= NOTHING] = 0
            elif costs[c] > self._left_ms - kept_ms:
                per_ms[self._all_ms > self._left_ms - kept_ms] = 0
            else:
                self.take(c, gain)
            per_ms[c] = 0


def _best_alone(question: Question, budget: Budget) -> Choice | None:
    """The one look that brings most."""
    if budget.max_regions <= 0:
        return None
    # dot, not `@`, which once warned of an invalid value where all are finite: BLAS left a flag.
    every = question.sees.dot(question.worth)
    gains = np.where(question.costs_ms <= budget.frame_ms, every, 0)
    c = int(gains.argmax())
    gain = float(gains[c])
    return Choice(c, gain, float(question.costs_ms[c])) if gain > NOTHING else None


def _check(question: Question) -> None:
    candidates, items = question.sees.shape
    sizes: dict[str, tuple[Any, int]] = {
        "worth": (question.worth.shape, items),
        "costs_ms": (question.costs_ms.shape, candidates),
        "due": (question.due.shape, candidates),
        "explores": (question.explores.shape, candidates),
    }
    for name, (found, wanted) in sizes.items():
        if found != (wanted,):
            raise ValueError(f"{name} is {found}, expected ({wanted},)")
    if not (question.costs_ms >= 0).all():  # written so that a NaN fails too
        raise ValueError("a cost is below 0 ms or not a number, expected 0 ms or more")
