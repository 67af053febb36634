"""What looks at one thing say together, by example."""

from __future__ import annotations

import numpy as np
import pytest

from edge.bundle.manifest import Head, StoredFile
from edge.memory.evidence import (
    DOUBTED,
    MARGIN,
    PATIENCE,
    REPEATED,
    Evidence,
    add,
    reopened,
    weight,
    without,
)

FISH = Head("fish", "softmax", StoredFile("a", 1, "0"), 1.0, (0.5,), has_none=True)
WORDS = Head("words", "multilabel", StoredFile("b", 1, "0"), 1.0, (0.5,))
VIEWS = np.eye(16, dtype=np.float32)  # each as unlike the others as can be


def looked(*rows: list[float], views=VIEWS, start: Evidence | None = None) -> Evidence:
    """After looks at a thing that may be a bream, a nase, or none of these."""
    evidence = start or Evidence()
    for row, view in zip(rows, views):
        evidence = add(evidence, [FISH], {"fish": np.array(row, np.float32)}, view)
    return evidence


def test_one_clear_look_settles_it():
    evidence = looked([0.985, 0.01, 0.005])
    assert (evidence.state, evidence.shown["fish"]) == ("settled", (0,))
    assert evidence.sure == pytest.approx(0.985, abs=1e-3)


def test_looks_from_different_sides_add_up():
    """0.75 against 0.2 and 0.05: two looks say 0.93, three 0.98."""
    look = [0.75, 0.2, 0.05]
    assert [looked(*[look] * n).state for n in (1, 2, 3, 4)] == [
        "open",
        "open",
        "settled",
        "settled",
    ]
    assert looked(look, look).sure == pytest.approx(
        0.75**2 / (0.75**2 + 0.2**2 + 0.05**2), abs=1e-3
    )


def test_looks_from_the_same_side_do_not():
    look = [0.75, 0.2, 0.05]
    evidence = looked(*[look] * 3, views=VIEWS[[0, 0, 0]])
    assert evidence.state == "open"
    assert evidence.sure < 0.9


def test_none_of_these_is_an_answer():
    evidence = looked([0.04, 0.01, 0.95])
    assert (evidence.state, evidence.shown["fish"]) == ("settled", ())


def test_who_cannot_tell_after_some_looks_says_so():
    evidence = looked(*[[0.45, 0.45, 0.1]] * PATIENCE)
    assert evidence.state == "unsure"


def test_what_is_reopened_gets_as_much_patience_again():
    evidence = reopened(looked(*[[0.45, 0.45, 0.1]] * PATIENCE))
    assert evidence.state == "open"
    assert reopened(looked([0.99, 0.005, 0.005])).sure == DOUBTED
    states = []
    for n in range(PATIENCE):
        evidence = looked([0.45, 0.45, 0.1], views=VIEWS[[n]], start=evidence)
        states.append(evidence.state)
    assert states == ["open"] * (PATIENCE - 1) + ["unsure"]


def test_a_label_gives_way_when_another_one_leads_by_far():
    first = looked([0.6, 0.3, 0.1])
    assert first.shown["fish"] == (0,)
    trembling = looked([0.3, 0.6, 0.1], views=VIEWS[1:], start=first)
    assert trembling.shown["fish"] == (0,)
    turned = looked([0.15, 0.8, 0.05], views=VIEWS[2:], start=trembling)
    assert turned.logs["fish"][1] - turned.logs["fish"][0] > MARGIN
    assert turned.shown["fish"] == (1,)


def test_a_label_that_was_taken_back_comes_again_only_after_a_reopening():
    turned = looked([0.6, 0.3, 0.1], [0.06, 0.9, 0.04])
    assert (turned.shown["fish"], turned.left["fish"]) == ((1,), (0,))
    back = [[0.97, 0.02, 0.01]] * 2
    assert looked(*back, views=VIEWS[4:], start=turned).shown["fish"] == ()
    assert looked(*back, views=VIEWS[4:], start=reopened(turned)).shown["fish"] == (0,)


def test_of_several_tags_each_trembles_for_itself():
    """0.5 is the threshold; 0.3 is not yet far below it."""
    evidence, told = Evidence(), []
    for n, row in enumerate([[0.6, 0.4], [0.3, 0.45], [0.7, 0.9], [0.01, 0.9], [0.9, 0.9]]):
        for view in VIEWS[[n, n + 6]]:
            evidence = add(evidence, [WORDS], {"words": np.array(row, np.float32)}, view)
        told.append(evidence.shown["words"])
    assert told == [(0,), (0,), (1, 0), (1,), (1,)]


def test_a_new_side_counts_in_full_and_the_same_one_hardly():
    assert weight([], VIEWS[0]) == 1
    assert weight([VIEWS[0]], VIEWS[1]) == 1
    assert weight([VIEWS[1], VIEWS[0]], VIEWS[0]) == REPEATED
    near = np.array([0.9, np.sqrt(1 - 0.81)] + [0] * 14, np.float32)
    assert weight([VIEWS[0]], near) == pytest.approx(0.4, abs=1e-3)


def test_a_head_with_other_tags_begins_anew_and_the_others_stay():
    before = add(looked([0.985, 0.01, 0.005]), [WORDS], {"words": np.array([0.9])}, VIEWS[1])
    before = add(before, [FISH], {"fish": np.array([0.985, 0.01, 0.005])}, VIEWS[2])
    after = without(before, "fish")
    assert (after.state, after.names, "fish" in after.logs, "fish" in after.shown) == (
        "open", (), False, False,
    )  # fmt: skip
    again = add(after, [FISH], {"fish": np.array([0.1, 0.1, 0.79, 0.01])}, VIEWS[3])
    assert again.shown["fish"] == (2,)
    assert looked([0.985, 0.01, 0.005]).names == (("fish", 0),)
