"""Logits to scores to tags."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from edge.bundle import Head, StoredFile
from edge.heads.scores import among, none_for, scores, tags_for
from edge.records import F32

BOX = (1, 2, 3, 4)
NAMES = (("red", "warm"), ("green", None), ("blue", "cold"))


def head(kind: str = "softmax", thresholds: tuple[float, ...] = (0.5,), **more: object) -> Head:
    given = {"name": "h", "kind": kind, "tags": StoredFile("h.txt", 0, ""), "temperature": 1.0}
    return Head(**(given | {"thresholds": thresholds} | more))  # type: ignore[arg-type]


def row(*values: float) -> F32:
    return np.array(values, np.float32)


def words(*args: object, **more: object) -> list[str]:
    return [tag.tag for tag in tags_for(*args, **more)]  # type: ignore[arg-type]


def test_softmax_is_that_of_the_textbook() -> None:
    got = scores(head(), row(1, 2, 3)[None])
    np.testing.assert_allclose(got, [[0.09003057, 0.24472847, 0.66524096]], rtol=1e-6)
    assert got.dtype == np.float32


def test_multilabel_scores_do_not_know_of_each_other() -> None:
    got = scores(head("multilabel"), row(-1, 0, 1)[None])
    np.testing.assert_allclose(got, [[0.26894142, 0.5, 0.73105858]], rtol=1e-6)


@pytest.mark.parametrize("kind", ["softmax", "multilabel"])
def test_temperature_divides_the_logits(kind: str) -> None:
    np.testing.assert_allclose(
        scores(head(kind, temperature=4.0), row(4, 8, -2)[None]),
        scores(head(kind), row(1, 2, -0.5)[None]),
    )


@given(
    npst.arrays(
        np.float32,
        (3, 5),
        elements=st.floats(-(2.0**100), 2.0**100, width=32, allow_subnormal=False),
    ),
    st.sampled_from(["softmax", "multilabel"]),
    st.floats(0.05, 20),
)
def test_scores_are_probabilities_for_any_logits(
    logits: F32, kind: str, temperature: float
) -> None:
    """In 0..1, never NaN, no warning; a softmax row sums to 1."""
    got = scores(head(kind, temperature=temperature), logits)
    assert got.shape == (3, 5)
    assert ((got >= 0) & (got <= 1)).all()
    if kind == "softmax":
        np.testing.assert_allclose(got.sum(1), 1, rtol=1e-5)


def test_softmax_gives_its_best_tag_with_its_group_and_box() -> None:
    (tag,) = tags_for(head(), NAMES, row(0.1, 0.2, 0.7), BOX)
    assert (tag.head, tag.tag, tag.group, tag.box) == ("h", "blue", "cold", BOX)
    assert tag.score == pytest.approx(0.7)


def test_a_score_at_its_threshold_is_enough() -> None:
    assert words(head(thresholds=(0.5,)), NAMES, row(0.5, 0.25, 0.25), BOX) == ["red"]
    assert words(head(thresholds=(0.5,)), NAMES, row(0.499, 0.25, 0.25), BOX) == []
    assert words(head("multilabel", (0.3,)), NAMES, row(0.3, 0.29, 0.31), BOX) == ["blue", "red"]


def test_each_tag_may_have_its_own_threshold() -> None:
    own = (0.9, 0.1, 0.5)
    assert words(head(thresholds=own), NAMES, row(0.6, 0.2, 0.2), BOX) == []
    assert words(head("multilabel", own), NAMES, row(0.6, 0.2, 0.6), BOX) == ["blue", "green"]


def test_none_wins_when_it_is_at_least_as_likely() -> None:
    calm = head(thresholds=(0.2,), has_none=True)
    assert words(calm, NAMES, row(0.1, 0.3, 0.1, 0.5), BOX) == []
    assert words(calm, NAMES, row(0.1, 0.4, 0.1, 0.4), BOX) == []
    assert words(calm, NAMES, row(0.1, 0.5, 0.1, 0.3), BOX) == ["green"]
    assert (
        words(
            head(thresholds=(0.1, 0.5, 0.1), has_none=True), NAMES, row(0.1, 0.45, 0.1, 0.35), BOX
        )
        == []
    )


def test_multilabel_gives_all_that_reach_theirs_best_first() -> None:
    assert words(head("multilabel"), NAMES, row(0.6, 0.1, 0.9), BOX) == ["blue", "red"]


def test_equal_scores_keep_the_order_of_the_tags() -> None:
    assert words(head("multilabel"), NAMES, row(0.7, 0.9, 0.7), BOX) == ["green", "red", "blue"]
    assert words(head(thresholds=(0.1,)), NAMES, row(0.4, 0.2, 0.4), BOX) == ["red"]


@pytest.mark.parametrize("kind", ["softmax", "multilabel"])
def test_top_k_ignores_thresholds_and_leaves_none_out(kind: str) -> None:
    strict = head(kind, (1.0,), has_none=kind == "softmax")
    values = row(0.1, 0.2, 0.05, 0.65) if kind == "softmax" else row(0.1, 0.2, 0.05)
    assert words(strict, NAMES, values, BOX, top_k=2) == ["green", "red"]
    assert words(strict, NAMES, values, BOX, top_k=99) == ["green", "red", "blue"]
    assert words(strict, NAMES, values, BOX, top_k=0) == []


def test_scores_are_python_floats_that_json_can_hold() -> None:
    (tag,) = tags_for(head(), NAMES, row(0, 1, 0), BOX)
    assert type(tag.score) is float


# groups, none, places

PRODUCTS = (("Gala", "Apple"), ("Fuji", "Apple"), ("Lime", "Lime"), ("Corn", None))


def tag_of(*values: float, **more: object) -> list[tuple[str, str | None, str]]:
    found = tags_for(head(has_none=True, **more), PRODUCTS, row(*values), BOX)  # type: ignore[arg-type]
    return [(tag.tag, tag.group, tag.level) for tag in found]


def test_unsure_of_a_product_its_group_is_said() -> None:
    assert tag_of(0.4, 0.35, 0.1, 0.05, 0.1) == [("Apple", "Apple", "group")]
    [tag] = tags_for(head(has_none=True), PRODUCTS, row(0.4, 0.35, 0.1, 0.05, 0.1), BOX)
    assert (tag.score, tag.box) == (pytest.approx(0.75), BOX)


def test_a_sure_product_is_said_and_not_its_group() -> None:
    assert tag_of(0.6, 0.35, 0.05, 0, 0) == [("Gala", "Apple", "tag")]


@pytest.mark.parametrize(
    "values",
    [
        (0.3, 0.25, 0.05, 0.0, 0.4),  # the group is not sure either
        (0.2, 0.28, 0.02, 0.0, 0.5),  # none wins
        (0.05, 0.05, 0.45, 0.4, 0.05),  # a group of one tag tells no more than the tag
    ],
)
def test_a_group_is_not_said_when(values: tuple[float, ...]) -> None:
    assert tag_of(*values) == []


def test_a_group_reaches_the_thresholds_of_its_tags() -> None:
    assert tag_of(0.4, 0.35, 0.1, 0.05, 0.1, thresholds=(0.9, 0.5, 0.5, 0.5)) == []


def test_top_k_gives_tags_only() -> None:
    found = tags_for(head(has_none=True), PRODUCTS, row(0.4, 0.35, 0.1, 0.05, 0.1), BOX, top_k=2)
    assert [(tag.tag, tag.level) for tag in found] == [("Gala", "tag"), ("Fuji", "tag")]


def test_none_is_said_when_every_head_that_knows_it_says_so() -> None:
    both = [
        head(has_none=True, name="a"),
        head(has_none=True, name="b"),
        head("multilabel", name="m"),
    ]
    sure, other = row(0.1, 0.2, 0.7), row(0.6, 0.1, 0.3)
    rows = {"a": sure, "b": sure, "m": row(0.9)}
    assert none_for(both, rows) == {"a": pytest.approx(0.7), "b": pytest.approx(0.7)}
    assert none_for(both, rows | {"b": other}) == {}
    assert none_for([head("multilabel")], {"h": row(0.1)}) == {}


@given(npst.arrays(np.float32, 4, elements=st.floats(0.015625, 1, width=32)), st.floats(1, 200))
def test_one_of_many_places_is_less_likely_to_show_a_tag(given_: F32, places: float) -> None:
    """Still probabilities, the same order of tags, and "none" gains."""
    one = given_ / given_.sum()
    got = among(one, places)
    np.testing.assert_allclose(got.sum(), 1, rtol=1e-4)
    assert got[-1] >= one[-1] - 1e-6
    assert got[:-1].argmax() == one[:-1].argmax()
    np.testing.assert_allclose(among(one, 1.0), one, rtol=1e-5)
