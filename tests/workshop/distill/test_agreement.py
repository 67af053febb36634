"""How agreement with a teacher is counted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantize.distill.agreement import OfTag, agreement, average_precision

rows = st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=1, max_size=30)


def test_average_precision_by_hand() -> None:
    """Hits at ranks 1, 3 and 4 of 5; and a tag that nothing has."""
    scores = np.array([[0.9, 0], [0.8, 0], [0.7, 0], [0.6, 0], [0.1, 0]], np.float32)
    present = np.array([[1, 0], [0, 0], [1, 0], [1, 0], [0, 0]], bool)
    found = average_precision(scores, present)
    assert found[0] == pytest.approx((1 / 1 + 2 / 3 + 3 / 4) / 3)
    assert np.isnan(found[1])


def test_the_same_score_for_every_picture_is_chance() -> None:
    present = np.array([[1], [0], [0], [1]], bool)
    assert average_precision(np.ones((4, 1), np.float32), present)[0] == 0.5


@settings(deadline=None, max_examples=100)
@given(rows)
def test_it_is_between_0_and_1_and_does_not_depend_on_the_order(
    pairs: list[tuple[int, bool]],
) -> None:
    scores = np.array([[float(s)] for s, _ in pairs], np.float32)
    present = np.array([[p] for _, p in pairs])
    (found,) = average_precision(scores, present)
    (turned,) = average_precision(scores[::-1], present[::-1])
    if present.any():
        assert 0 < found <= 1
        assert found == pytest.approx(turned)
        assert average_precision(present.astype(np.float32), present)[0] == 1
    else:
        assert np.isnan(found)


def test_agreement_judges_tags_that_are_there_and_not_everywhere() -> None:
    present = np.array([[1, 1, 0, 1], [0, 1, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0]], bool)
    scores = np.array([[4, 0, 0, 1], [3, 0, 0, 4], [2, 0, 0, 3], [1, 0, 0, 2]], np.float32)
    found = agreement(scores, present, ("best", "everywhere", "never", "worst"))
    assert found.tags == {"best": OfTag(1.0, 1), "worst": OfTag(0.25, 1)}
    assert (found.pictures, found.judged) == (4, 2)
    assert (found.mean_ap, found.chance) == (0.625, 0.25)


def test_no_pictures_agree_in_nothing() -> None:
    found = agreement(np.zeros((0, 2), np.float32), np.zeros((0, 2), bool), ("a", "b"))
    assert (found.pictures, found.judged, found.mean_ap, found.tags) == (0, 0, 0.0, {})
