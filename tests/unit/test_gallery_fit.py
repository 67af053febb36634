"""What a gallery learns: tags told apart, strangers and negatives left alone, and how surely."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from edge.heads.gallery_fit import RIDGE, Fit, _solved, centred, fit, probabilities
from edge.records import F32
from tests.galleries import negatives, views


def learned(things: int, pictures: int) -> Fit:
    examples = [views(thing, n) for thing in range(things) for n in range(pictures)]
    return fit(examples, [t for t in range(things) for _ in range(pictures)], negatives())


@pytest.mark.parametrize("pictures", [1, 2, 5])
@pytest.mark.parametrize("things", [1, 2, 6])
def test_another_picture_of_a_thing_is_named(things: int, pictures: int) -> None:
    known = learned(things, pictures)
    for thing in range(things):
        row = known.probabilities(views(thing, 99))
        assert (row.argmax(axis=1) == thing).all()


@pytest.mark.parametrize("things", [1, 2, 6])
def test_what_is_none_of_them_is_none(things: int) -> None:
    rows = learned(things, 3).probabilities(views(77, 0, count=20, spread=0.5))
    assert (rows.argmax(axis=1) == things).mean() >= 0.9
    rows = learned(things, 3).probabilities(negatives())
    assert (rows.argmax(axis=1) == things).mean() >= 0.9


def test_what_is_beside_a_thing_is_none_of_it_but_the_thing_once_more_is_not() -> None:
    """Something like thing 0 that is in its pictures, and one of its pictures again."""
    examples = [views(thing, n) for thing in range(2) for n in range(3)]
    tags = [0, 0, 0, 1, 1, 1]
    near = 0.4 * views(0, 50) + 0.6 * views(55, 0)
    near = (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32)
    plain, known = fit(examples, tags, negatives()), fit(examples, tags, negatives(), near)
    assert known.probabilities(near)[:, 0].mean() < plain.probabilities(near)[:, 0].mean()
    again = fit(examples, tags, negatives(), views(0, 50))
    np.testing.assert_allclose(again.weights, plain.weights)
    np.testing.assert_array_equal(known.mean, plain.mean)


def test_a_tag_says_how_often_it_is_known_again_without_its_example() -> None:
    assert learned(3, 3).recalled == (1.0, 1.0, 1.0)
    assert learned(3, 1).recalled == (None, None, None)


def test_one_that_looks_like_another_is_not_known_again() -> None:
    same = [views(0, n) for n in range(6)]
    known = fit(same, [0, 0, 0, 1, 1, 1], negatives())
    assert max(r or 0.0 for r in known.recalled) < 0.9


def test_the_order_of_tags_changes_no_score() -> None:
    examples = [views(thing, n) for thing in range(3) for n in range(2)]
    one = fit(examples, [0, 0, 1, 1, 2, 2], negatives())
    other = fit(examples, [2, 2, 0, 0, 1, 1], negatives())
    np.testing.assert_allclose(one.weights, other.weights[[2, 0, 1]], atol=1e-5)
    assert one.limit == pytest.approx(other.limit)


@given(st.integers(0, 10**6), st.sampled_from([(6, 20), (20, 6)]))
@settings(max_examples=20, deadline=None)
def test_what_it_says_of_what_it_did_not_see_is_what_it_would_have_said(
    seed: int, shape: tuple[int, int]
) -> None:
    """The closed form equals learning again without those rows, in either space."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=shape), rng.normal(size=(shape[0], 2))
    weights, unseen = _solved(x, y)
    rest, out = np.arange(2, shape[0]), np.arange(2)
    again = np.linalg.solve(x[rest].T @ x[rest] + RIDGE * np.eye(shape[1]), x[rest].T @ y[rest])
    np.testing.assert_allclose(unseen(out), x[out] @ again, atol=1e-6)
    whole = np.linalg.solve(x.T @ x + RIDGE * np.eye(shape[1]), x.T @ y)
    np.testing.assert_allclose(weights, whole, atol=1e-6)


SCORES = npst.arrays(np.float32, (4, 3), elements=st.floats(-3, 3, width=32))


@given(SCORES, st.floats(-1, 1), st.floats(1, 60), st.floats(1, 60))
@settings(deadline=None)
def test_probabilities_sum_to_one_and_keep_the_order(
    scores: F32, limit: float, steep: float, sharp: float
) -> None:
    """In 0..1, never NaN; a higher score is never the less likely tag; at the limit it is even."""
    rows = probabilities(scores, limit, steep, sharp)
    assert rows.shape == (4, 4)
    assert ((rows >= 0) & (rows <= 1)).all()
    np.testing.assert_allclose(rows.sum(axis=1), 1, rtol=1e-4)
    for row, given_ in zip(rows, scores):
        assert row[:3][given_.argmax()] == row[:3].max()
        if given_.max() >= limit:
            assert row[3] <= 0.5 + 1e-5


@given(st.integers(1, 50))
@settings(max_examples=10, deadline=None)
def test_none_does_not_depend_on_how_many_tags_there_are(tags: int) -> None:
    scores = np.full((1, tags), -1, np.float32)
    scores[0, 0] = 0.3
    row = probabilities(scores, 0.3, 16, 16)
    assert row[0, -1] == pytest.approx(0.5)


def test_centred_rows_are_of_length_one_and_zeros_stay() -> None:
    rows = centred(views(0, 0), negatives().mean(axis=0))
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-5)
    assert not centred(np.zeros((1, 3), np.float32), np.zeros(3, np.float32)).any()
