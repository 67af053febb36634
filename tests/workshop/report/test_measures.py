"""The arithmetic of the report, against numbers worked out by hand, and its laws for any input."""

from __future__ import annotations

from math import isclose, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from quantize.pictures import groups_of
from quantize.report import measures

FLAGS = arrays(np.bool_, st.integers(1, 60))


@pytest.mark.parametrize(
    ("right", "count", "low", "high"),
    [
        (8, 10, 0.4902, 0.9433),  # the textbook's own example
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (1, 1, 0.2065, 1.0),
        (0, 0, 0.0, 1.0),
        (861, 1000, 0.8382, 0.8811),
    ],
)
def test_wilson_is_the_published_interval(right: int, count: int, low: float, high: float) -> None:
    assert measures.wilson(right, count) == (
        pytest.approx(low, abs=1e-4),
        pytest.approx(high, abs=1e-4),
    )


@given(st.integers(1, 5000), st.data())
def test_wilson_ends_where_the_share_is_just_believable(count: int, data: st.DataObject) -> None:
    """Each end p solves |share - p| = Z sqrt(p (1 - p) / count): what the interval is made of."""
    right = data.draw(st.integers(0, count))
    low, high = measures.wilson(right, count)
    share = right / count
    assert 0 <= low <= share + 1e-12
    assert share - 1e-12 <= high <= 1
    for end in (low, high):
        if 0 < end < 1 - 1e-12:
            apart = measures.Z * sqrt(end * (1 - end) / count)
            assert isclose(abs(share - end), apart, abs_tol=1e-7)


@pytest.mark.parametrize(("right", "count"), [(-1, 3), (4, 3)])
def test_wilson_refuses_more_right_than_there_are(right: int, count: int) -> None:
    with pytest.raises(ValueError, match="expected 0 to 3"):
        measures.wilson(right, count)


def test_share_counts_and_rounds() -> None:
    share = measures.share_of(np.array([True, True, False]))
    assert (share.right, share.count, share.value) == (2, 3, 0.6667)
    assert share.low < share.value < share.high


def test_loss_is_float_less_int8_with_the_interval_of_agresti_and_min() -> None:
    before = np.array([True] * 30 + [False] * 10)
    after = before.copy()
    after[:5] = False  # 5 lost
    after[-2:] = True  # 2 gained
    loss = measures.loss_of(before, after)
    assert loss.value == pytest.approx(3 / 40)
    b, c, n = 5.5, 2.5, 42
    half = 1.959964 * sqrt(b + c - (b - c) ** 2 / n) / n
    assert (loss.low, loss.high) == (
        pytest.approx((b - c) / n - half, abs=1e-4),
        pytest.approx((b - c) / n + half, abs=1e-4),
    )


@given(FLAGS, st.integers(0, 2**32 - 1))
def test_loss_turns_round_when_the_sides_do(before: np.ndarray, seed: int) -> None:
    after = np.random.default_rng(seed).permutation(before)
    one, other = measures.loss_of(before, after), measures.loss_of(after, before)
    assert one.value == -other.value
    assert (one.low, one.high) == (-other.high, -other.low)
    assert -1 <= one.low <= one.high <= 1


def test_f1_of_a_table_worked_by_hand() -> None:
    given_ = np.array([[1, 1, 0], [0, 1, 0]], bool)
    present = np.array([[1, 0, 0], [0, 1, 1]], bool)
    assert measures.f1(given_, present) == pytest.approx(2 * 2 / (3 + 3))


@given(st.data(), st.integers(1, 12), st.integers(1, 6))
def test_f1_is_the_harmonic_mean_of_precision_and_recall(
    data: st.DataObject, pictures: int, tags: int
) -> None:
    shape = (pictures, tags)
    one, other = (data.draw(arrays(np.bool_, shape)) for _ in range(2))
    score, hits = measures.f1(one, other), int((one & other).sum())
    assert score == measures.f1(other, one)
    if not one.any() and not other.any():
        assert score == 1
    elif hits == 0:
        assert score == 0
    else:
        precision, recall = hits / one.sum(), hits / other.sum()
        assert isclose(score, 2 * precision * recall / (precision + recall))


def test_the_group_of_the_summed_scores_may_not_be_the_best_tags() -> None:
    group = groups_of(("gala", "pink", "lime"), ("apple", "apple", None))
    scores = np.array([[0.3, 0.3, 0.4], [0.1, 0.1, 0.8]], np.float32)
    assert measures.best_group(scores, group).tolist() == [group[0], group[2]]


def test_a_tag_without_a_group_stands_alone_even_when_a_group_has_its_name() -> None:
    group = groups_of(("lemon", "lime", "citron"), (None, None, "lemon"))
    assert len(set(group.tolist())) == 3


def test_the_logit_for_none_counts_for_no_group() -> None:
    scores = np.array([[0.1, 0.2, 0.7]], np.float32)  # two tags, and none of them
    assert measures.best_group(scores, groups_of(("a", "b"), ("x", "y"))).tolist() == [1]


@given(
    st.integers(1, 8).flatmap(
        lambda tags: st.tuples(
            arrays(np.float32, st.tuples(st.integers(1, 6), st.just(tags)),
                   elements=st.floats(0, 1, width=32)),
            st.lists(st.sampled_from([None, "x", "y"]), min_size=tags, max_size=tags),
        )
    )
)  # fmt: skip
def test_the_best_group_holds_the_largest_sum(found: tuple[np.ndarray, list[str | None]]) -> None:
    scores, groups = found
    group = groups_of([f"tag {i}" for i in range(len(groups))], groups)
    for row, best in zip(scores, measures.best_group(scores, group)):
        sums = [row[group == g].sum() for g in range(int(group.max()) + 1)]
        assert isclose(sums[best], max(sums), rel_tol=1e-5)


def test_ece_of_two_bins_worked_by_hand() -> None:
    """Three pictures at 0.9 of which two are right, one at 0.35 that is wrong."""
    bins = measures.reliability(
        np.array([0.9, 0.9, 0.9, 0.35], np.float32), np.array([1, 1, 0, 0], np.float32)
    )
    assert measures.ece(bins) == pytest.approx(3 / 4 * (0.9 - 2 / 3) + 1 / 4 * 0.35, abs=1e-4)


def test_a_score_on_the_edge_of_two_bins_is_in_the_lower_one() -> None:
    bins = measures.reliability(np.array([0.5, 0.0, 1.0]), np.ones(3), bins=2)
    assert [b.count for b in bins] == [2, 1]


@given(st.integers(1, 200), st.integers(0, 2**32 - 1))
def test_ece_is_small_where_scores_are_the_odds(count: int, seed: int) -> None:
    """Bins keep every picture, and what is exactly as right as it says has no error."""
    score = np.random.default_rng(seed).random(count)
    bins = measures.reliability(score, score)
    assert sum(b.count for b in bins) == count
    assert measures.ece(bins) <= 1e-4
    assert 0 <= measures.ece(measures.reliability(score, np.zeros(count))) <= 1


def test_ece_of_no_picture_is_0() -> None:
    assert measures.ece(()) == 0


def test_confusions_are_ordered_by_count_then_by_share() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 2, 2])
    best = np.array([1, 1, 0, 0, 0, 1, 1, 2, 0])
    found = measures.confusions(labels, best, ("a", "b", "c"))
    assert [(c.label, c.tag, c.count, c.of) for c in found] == [
        ("a", "b", 2, 3),
        ("b", "a", 2, 4),
        ("c", "a", 1, 2),
    ]


@given(st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), min_size=1, max_size=80))
def test_confusions_never_hold_what_is_right_and_never_grow(pairs: list[tuple[int, int]]) -> None:
    labels, best = np.array(pairs).T
    found = measures.confusions(labels, best, [str(i) for i in range(20)])
    assert len(found) <= measures.CONFUSED
    assert all(c.label != c.tag and 1 <= c.count <= c.of for c in found)


def test_distance_is_total_variation_or_the_largest_difference() -> None:
    one = np.array([[0.7, 0.2, 0.1]], np.float32)
    other = np.array([[0.4, 0.4, 0.2]], np.float32)
    assert measures.distances("softmax", one, other) == pytest.approx([0.3])
    assert measures.distances("multilabel", one, other) == pytest.approx([0.3])
    other = np.array([[0.5, 0.2, 0.3]], np.float32)
    assert measures.distances("softmax", one, other) == pytest.approx([0.2])
