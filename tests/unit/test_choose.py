"""S3: each fish once, and no scrap before a whole one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from edge.length.choose import chosen
from edge.length.measure import Look

LIKELY, LEAST = 0.3, 0.08


def look(x: float, y: float, long: float, score: float) -> Look:
    """A body four times as long as it is high, from (x, y)."""
    outline = np.array([[x, y], [x + long, y], [x + long, y + long / 4], [x, y + long / 4]])
    box = (int(x), int(y), int(x + long), int(y + long / 4))
    cm = long / 10
    return Look(cm, cm, cm, 0.1, 0.1, False, score, box, outline[:2], outline)


def told(*looks: Look) -> list[tuple[float, float]]:
    return [(one.cm, round(one.score, 2)) for one in chosen(looks, LIKELY, LEAST)]


def test_a_scrap_of_a_fish_goes_however_sure_it_is() -> None:
    assert told(look(0, 0, 400, 0.7), look(100, 20, 120, 0.9)) == [(40.0, 0.7)]


def test_a_board_about_a_fish_goes() -> None:
    board = Look(80, 80, 80, 0.1, 0.1, False, 0.2, (0, 0, 800, 500), np.zeros((2, 2)),
                 np.array([[0, 0], [800, 0], [800, 500], [0, 500.0]]))  # fmt: skip
    assert told(board, look(200, 150, 400, 0.8)) == [(40.0, 0.8)]


def test_a_scrap_elsewhere_comes_after_a_whole_fish() -> None:
    (first, _), (second, score) = told(look(0, 0, 400, 0.7), look(600, 600, 80, 0.9))
    assert (first, second) == (40.0, 8.0)
    assert score == pytest.approx(0.57, abs=0.01)


def test_fish_of_about_one_length_keep_their_scores() -> None:
    assert told(look(0, 0, 300, 0.6), look(0, 300, 400, 0.8)) == [(40.0, 0.8), (30.0, 0.6)]


def test_where_nothing_is_likely_the_best_is_told_and_no_other() -> None:
    assert told(look(0, 0, 300, 0.1), look(0, 300, 300, 0.2)) == [(30.0, 0.2)]
    assert told(look(0, 0, 300, 0.05)) == []
    assert told() == []


ANY = st.tuples(*[st.floats(0, 900)] * 2, st.floats(1, 500), st.floats(0, 1))


@given(st.lists(ANY, max_size=12))
def test_nothing_is_made_up_and_the_best_comes_first(values: list[tuple[float, ...]]) -> None:
    looks = [look(*value) for value in values]
    found = chosen(looks, LIKELY, LEAST)
    scores = [one.score for one in found]
    assert scores == sorted(scores, reverse=True)
    assert {one.box for one in found} <= {one.box for one in looks}
    assert found or not any(one.score >= LIKELY for one in looks)


def test_of_two_drawings_of_a_fish_the_one_whose_lengths_agree_is_told() -> None:
    """Along its midline and by its shape: without its tail, or with a shadow, they do not."""
    whole, shadowed = look(0, 0, 400, 0.8), look(0, 0, 440, 0.8)
    shadowed = replace(shadowed, shape_cm=1.2 * shadowed.midline_cm)
    assert told(shadowed, whole) == [(40.0, 0.8)]


def under(shape: float = 1.12, away: float = 40.0) -> list[Look]:
    """A fish whose right end shows not, and one that lies across it."""
    first = look(0, 200, 400, 0.8)
    short = replace(first, shape_cm=shape * first.midline_cm, line=first.outline[:2])
    return chosen([short, look(400 + away, 200, 300, 0.9)], LIKELY, LEAST)


def test_s7_a_fish_under_another_has_the_regressors_length_and_is_flagged() -> None:
    """What shows of it is too short: AutoFish's SKL was by 1.8 cm."""
    over, it = under()
    assert (it.cm, it.midline_cm, it.is_occluded) == (pytest.approx(44.8), 40.0, True)
    assert it.sd_cm > 0.15 * it.cm
    assert (over.cm, over.is_occluded) == (30.0, False)


@pytest.mark.parametrize(("shape", "away"), [(1.12, 100.0), (1.02, 40.0), (0.9, 40.0), (1.5, 40.0)])
def test_s7_a_fish_beside_another_is_not(shape: float, away: float) -> None:
    """Far from it, or as long as the regressor says, or shorter; or no fish's shape at all."""
    it = min(under(shape, away), key=lambda one: one.box[0])
    assert (it.cm, it.is_occluded) == (40.0, False)
