"""F5: R@k both ways, full and among 101 candidates; products of many pictures."""

from __future__ import annotations

import numpy as np
import pytest

from quantize.errors import WorkshopError
from quantize.fashion.candidates import Queries
from quantize.fashion.recall import among, both_ways, ranks, recalls, summary, tied


def by_hand(scores, right) -> list[int]:
    """One query after the other: how many wrong ones lie above the best right one."""
    found = []
    for row, columns in zip(scores, right):
        best = max(row[c] for c in columns)
        found.append(sum(1 for c, score in enumerate(row) if score > best and c not in columns))
    return found


@pytest.mark.parametrize("seed", range(5))
def test_ranks_equal_a_count_by_hand(seed):
    """F5: random similarities, products of 1 to 4 pictures."""
    draw = np.random.default_rng(seed)
    owner = np.repeat(np.arange(9), draw.integers(1, 5, 9))
    cosines = draw.normal(size=(len(owner), 9)).astype(np.float32)
    own = [[int(t)] for t in owner]
    assert ranks(cosines, own).tolist() == by_hand(cosines, own)
    pictures = [np.flatnonzero(owner == t).tolist() for t in range(9)]
    assert ranks(cosines.T, pictures).tolist() == by_hand(cosines.T, pictures)
    found = both_ways(cosines, owner.tolist())
    wanted = by_hand(cosines.T, pictures)
    for k in (1, 5, 10):
        share = 100 * sum(r < k for r in wanted) / 9
        assert found["text to image"][k] == pytest.approx(share)


def test_the_best_picture_of_a_product_counts():
    """F5"""
    cosines = np.array([[0.9, 0.1], [0.2, 0.8], [0.1, 0.95]], np.float32)
    found = both_ways(cosines, [0, 0, 1])
    assert found["text to image"] == {1: 100.0, 5: 100.0, 10: 100.0}
    assert found["image to text"][1] == pytest.approx(200 / 3)  # the second picture likes the other
    assert summary(found)["mean R@1"] == pytest.approx((100 + 200 / 3) / 2)


def test_of_equal_scores_the_later_comes_first():
    """F5: a sort turned around, as published."""
    assert ranks(np.zeros((3, 3), np.float32), [[0], [1], [2]]).tolist() == [2, 1, 0]


def test_scores_that_are_no_numbers_find_nothing():
    """F5, F7: a sort turned around puts NaN first, and so a broken network had R@1 of 100 %."""
    scores = np.full((2, 101), np.nan, np.float32)
    with pytest.raises(WorkshopError, match="2 of 2 queries have scores that are no numbers"):
        among(scores, np.arange(2), np.arange(101)[None].repeat(2, 0))
    with pytest.raises(WorkshopError, match="1 of 3 queries"):
        ranks(np.array([[1, 2], [np.inf, 0], [0, 1]], np.float32), [[0], [0], [0]])


def test_no_queries_have_no_recall():
    """F5, F7"""
    with pytest.raises(WorkshopError, match="scores of shape"):
        ranks(np.zeros((0, 4), np.float32), [])


def test_recalls_are_per_cent():
    assert recalls(np.array([0, 4, 9, 10])) == {1: 25.0, 5: 50.0, 10: 75.0}


def drawn_queries(queries=30, wrong=8) -> tuple[Queries, list[list[int]], list[str]]:
    pictures = [[2 * p, 2 * p + 1] for p in range(40)]
    kinds = ["dress"] * 20 + ["shoe"] * 5 + ["hat"] * 15
    return Queries(pictures, kinds, queries, wrong), pictures, kinds


def test_candidates_are_of_the_own_sub_category_first():
    """F5: 100 wrong ones and the right one last; here 8."""
    drawn, pictures, kinds = drawn_queries()
    queries, texts = drawn.image_to_text()
    assert texts.shape == (30, 9)
    for picture, row in zip(queries, texts):
        right = row[-1]
        assert picture in pictures[right]
        assert len(set(row)) == 9
        if kinds[right] != "shoe":  # others have enough of their own
            assert {kinds[t] for t in row} == {kinds[right]}
        else:
            assert len({kinds[t] for t in row}) > 1


def test_candidates_from_texts_are_pictures_of_other_products():
    """F5"""
    drawn, pictures, _ = drawn_queries()
    queries, shown = drawn.text_to_image()
    for text, row in zip(queries, shown):
        assert row[-1] in pictures[text]
        assert not {*row[:-1]} & {*pictures[text]}
        assert len({picture // 2 for picture in row}) == 9


def test_perfect_vectors_find_everything_and_random_ones_a_ninth():
    """F5"""
    drawn, _, _ = drawn_queries(queries=40)
    cosines = np.repeat(np.eye(40, dtype=np.float32), 2, axis=0)  # (pictures, texts)
    assert among(cosines, *drawn.image_to_text())[1] == 100.0
    noise = np.random.default_rng(0).normal(size=cosines.shape).astype(np.float32)
    assert among(noise, *drawn.image_to_text())[1] < 40


def test_how_often_a_tie_gave_the_answer_is_told():
    """F5: the right one is last, and of equal scores the later comes first, as published: a network
    that tells nothing apart has R@1 of 100 %, and so the ties are told beside it.
    """
    drawn, _, _ = drawn_queries(queries=40)
    given = drawn.image_to_text()
    nothing = np.ones((80, 40), np.float32)
    assert (among(nothing, *given)[1], tied(nothing, *given)) == (100.0, 100.0)
    noise = np.random.default_rng(0).normal(size=nothing.shape).astype(np.float32)
    assert tied(noise, *given) == 0.0
    noise[given[0][0], given[1][0, 3]] = noise[given[0][0], given[1][0, -1]]
    assert tied(noise, *given) == pytest.approx(100 / 40)


def test_too_few_products_are_refused():
    """F5"""
    with pytest.raises(WorkshopError, match="more than 100"):
        Queries([[0], [1]], ["dress", "dress"])
