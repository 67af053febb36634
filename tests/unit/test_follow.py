"""S8: many looks at one fish: the median, and how sure that is; fish followed over frames."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest

from edge.length.follow import KEPT, MOST, follow, fused
from edge.length.measure import Look

NOWHERE = np.zeros((2, 2))


def look(
    cm: float = 40.0, x: float = 100.0, occluded: bool = False, edge: float = 0.2, bias: float = 0.1
) -> Look:
    box = int(x) - 50, 100, int(x) + 50, 140
    return Look(cm, cm, cm, edge, bias, occluded, 0.9, box, NOWHERE, NOWHERE)


def test_s8_the_error_falls_with_the_number_of_looks() -> None:
    rng = np.random.default_rng(0)

    def error(shots: int) -> float:
        made = [[look(40 + rng.normal(0, 0.8)) for _ in range(shots)] for _ in range(300)]
        return float(np.mean([abs(fused(looks).cm - 40) for looks in made]))

    assert error(1) > 1.6 * error(5) > 2.4 * error(25)


def test_s8_a_wild_look_among_many_moves_nothing() -> None:
    assert fused([look(40.1), look(39.9), look(40.0), look(12.0), look(40.2)]).cm == 40.0


def test_s8_what_all_looks_share_does_not_average_out() -> None:
    many = [look(40 + 0.01 * n, bias=0.5) for n in range(30)]
    assert 0.5 <= fused(many).sd_cm < 0.55
    assert fused([look(edge=0.6, bias=0.5)]).sd_cm == pytest.approx(np.hypot(0.6, 0.5))


def test_looks_that_disagree_are_less_sure() -> None:
    calm, wild = [look(40 + d) for d in (-0.1, 0, 0.1)], [look(40 + d) for d in (-4, 0, 4)]
    assert fused(wild).sd_cm > 3 * fused(calm).sd_cm


def test_s7_looks_that_show_all_of_it_count_where_there_are_any() -> None:
    some = [look(30.0, occluded=True)] * 5 + [look(40.0)]
    assert (fused(some).cm, fused(some).is_occluded) == (40.0, False)
    assert fused([look(30.0, occluded=True)]).is_occluded


def test_a_fish_on_a_belt_keeps_its_number() -> None:
    ids, known = count(1), ()
    for n in range(8):
        known, shown = follow(known, [look(x=100.0 + 30 * n)], n / 4, lambda: next(ids))
    [fish] = shown
    assert (fish.id, fish.count, len(fish.looks)) == (1, 8, 8)
    assert fish.dx == pytest.approx(120)


def test_two_fish_are_not_swapped() -> None:
    ids = count(1)
    known, _ = follow((), [look(x=100), look(x=260)], 0.0, lambda: next(ids))
    known, shown = follow(known, [look(x=265), look(x=105)], 0.1, lambda: next(ids))
    assert [fish.id for fish in shown] == [2, 1]


def test_one_that_is_gone_is_forgotten_and_its_number_too() -> None:
    ids = count(1)
    known, _ = follow((), [look()], 0.0, lambda: next(ids))
    known, shown = follow(known, [], 1.0, lambda: next(ids))
    assert (len(known), shown) == (1, ())
    known, shown = follow(known, [look()], 9.0, lambda: next(ids))
    assert [fish.id for fish in known] == [2]


def test_memory_is_bounded() -> None:
    ids, known = count(1), ()
    for n in range(3 * KEPT):
        many = [look(x=400.0 * k) for k in range(MOST + 20)]
        known, _ = follow(known, many[: MOST + 20 if n == 0 else 1], n * 0.01, lambda: next(ids))
    assert len(known) <= MOST
    assert max(len(fish.looks) for fish in known) == KEPT


def test_a_fish_is_settled_when_five_looks_agree() -> None:
    ids, known = count(1), ()
    states = []
    for n in range(6):
        known, shown = follow(known, [look(40 + 0.1 * (n % 2))], n / 4, lambda: next(ids))
        states.append(shown[0].state)
    assert states[3:] == ["open", "settled", "settled"]
