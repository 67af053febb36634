"""The laws of evidence, whatever the looks say."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edge.bundle.manifest import Head, StoredFile
from edge.memory.evidence import (
    NOTHING,
    PATIENCE,
    REPEATED,
    SETTLED,
    VIEWS,
    Evidence,
    add,
    probabilities,
    reopened,
    weight,
)
from edge.records import F32

TAGS, EMBEDDING = 5, 4
KIND = Head("kind", "softmax", StoredFile("a", 1, "0"), 1.0, (0.5,), has_none=True)
SURE_KIND = Head("sure", "softmax", StoredFile("a", 1, "0"), 1.0, (0.9,))
HUES = Head("hues", "multilabel", StoredFile("b", 1, "0"), 1.0, (0.5, 0.3, 0.8, 0.999, 0.01))
HEADS = (KIND, SURE_KIND, HUES)

Look = tuple[dict[str, F32], F32]  # scores, embedding


def unit(row: F32) -> F32:
    return np.asarray(row / max(1e-6, float(np.linalg.norm(row))), np.float32)


def softmax(z: F32) -> F32:
    e = np.exp(z - z.max())
    return np.asarray(e / e.sum(), np.float32)


@st.composite
def looks(draw: Any) -> Look:
    """From no idea to certainty, of anything."""
    sharp = draw(st.floats(0, 12))
    z = [draw(arrays(np.float32, n, elements=st.floats(-1, 1, width=32))) for n in (6, 5, 5, 4)]
    scores = {
        "kind": softmax(sharp * z[0]),
        "sure": softmax(sharp * z[1]),
        "hues": np.asarray(1 / (1 + np.exp(-sharp * z[2])), np.float32),
    }
    return scores, unit(z[3] + np.float32(1e-3))


def after(evidence: Evidence, look: Look) -> Evidence:
    return add(evidence, HEADS, *look)


@given(st.lists(looks(), max_size=20))
def test_what_was_taken_back_is_not_told_again(seen: list[Look]) -> None:
    """Not A, B, A; nor A, nothing, A; for heads of one tag and of several."""
    evidence = Evidence()
    told: dict[tuple[str, int], list[bool]] = {}
    for look in seen:
        evidence = after(evidence, look)
        for head in HEADS:
            for tag in range(TAGS):
                told.setdefault((head.name, tag), []).append(tag in evidence.shown[head.name])
    for history in told.values():
        begun = history[history.index(True) :] if True in history else []
        assert begun == sorted(begun, reverse=True)


@given(st.lists(looks(), min_size=1, max_size=20), st.integers(0, 19))
def test_it_may_be_told_again_once_the_thing_was_reopened(seen: list[Look], at: int) -> None:
    evidence = Evidence()
    for n, look in enumerate(seen):
        if n == at:
            shown = evidence.shown
            evidence = reopened(evidence)
            assert (evidence.shown, evidence.left, evidence.state) == (shown, {}, "open")
        evidence = after(evidence, look)


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_a_trembling_look_leaves_the_label_as_it_is(seed: int, noise: float) -> None:
    """One tag is likelier than the others, and each look is off by some noise."""
    rng = np.random.default_rng(seed)
    truth = np.array([3, 0, 0, 0, 0, 0], np.float32)
    evidence, told = Evidence(), []
    for _ in range(12):
        z = truth + noise * rng.standard_normal(6).astype(np.float32)
        view = unit(rng.standard_normal(EMBEDDING).astype(np.float32))
        evidence = add(evidence, [KIND], {"kind": softmax(z)}, view)
        told.append(evidence.shown["kind"])
    changes = sum(a != b for a, b in pairwise(told))
    assert changes <= 2  # from nothing to a wrong one to the right one
    assert told[-1] in ((0,), ())


@given(st.lists(looks(), min_size=1, max_size=20))
def test_a_thing_is_settled_when_it_is_sure_and_unsure_when_it_will_not_be(seen) -> None:
    evidence = Evidence()
    for n, look in enumerate(seen, 1):
        evidence = after(evidence, look)
        tops = {h.name: probabilities(h, evidence.logs[h.name]) for h in (KIND, SURE_KIND)}
        named = max(float(tops["kind"][:-1].max()), float(tops["sure"].max()))
        if evidence.state == "settled":
            assert named >= SETTLED or float(tops["kind"][-1]) >= NOTHING
        else:
            assert named < SETTLED
            assert evidence.state == ("unsure" if n >= evidence.patience else "open")
            assert evidence.state == "open" or n > PATIENCE / 2


@given(looks(), st.integers(1, 12))
def test_the_same_view_again_counts_for_little(look: Look, times: int) -> None:
    """However often: less than so many new views, and never all of it at once."""
    same = new = Evidence()
    for n in range(times):
        same = after(same, look)
        turned = np.roll(np.eye(EMBEDDING, dtype=np.float32)[0], n % EMBEDDING)
        new = after(new, (look[0], turned))
    assert weight((look[1],), look[1]) == REPEATED
    assert same.sure <= new.sure + 1e-5 or named(same) != named(new)


def named(evidence: Evidence) -> bool:
    """Does a tag lead a head, or is "none" all there is?"""
    return bool(evidence.logs["kind"].argmax() < TAGS)


@given(st.integers(1, 60))
def test_what_was_believed_for_long_can_be_unlearned(times: int) -> None:
    """Four clear looks from new sides, after any number that said something else."""
    clear = np.eye(6, dtype=np.float32) * 0.98 + 0.004
    evidence = Evidence()
    for n in range(times):
        view = np.eye(EMBEDDING, dtype=np.float32)[n % 2]
        evidence = add(evidence, [KIND], {"kind": clear[0] / clear[0].sum()}, view)
    assert evidence.shown["kind"] == (0,)
    evidence = reopened(evidence)
    for n in range(4):
        view = -np.eye(EMBEDDING, dtype=np.float32)[n]
        evidence = add(evidence, [KIND], {"kind": clear[1] / clear[1].sum()}, view)
    assert evidence.shown["kind"] == (1,)


@given(st.lists(looks(), max_size=30))
def test_it_stays_small_and_finite(seen: list[Look]) -> None:
    evidence = Evidence()
    for look in seen:
        evidence = after(evidence, look)
        assert len(evidence.views) <= VIEWS
        assert all(np.isfinite(row).all() for row in evidence.logs.values())
        assert 0 <= evidence.sure <= 1 + 1e-6
    assert evidence.looks == len(seen)
