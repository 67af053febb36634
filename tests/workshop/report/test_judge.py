"""Scores of a head, on answers whose truth is known."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from edge.heads.scores import softmax
from edge.records import F32
from quantize.report.judge import ENOUGH, Judged, against, judge
from quantize.report.models import HeadSpec
from quantize.report.records import Kind
from quantize.report.truth import Truth

TAGS = ("apple", "lemon", "lime")
FRUIT = HeadSpec("fruit", TAGS, (None, "citrus", "citrus"))
SURE = np.full(3, 0.5, np.float32)


def people(labels: np.ndarray) -> Truth:
    wanted = np.eye(3, dtype=np.float32)[labels]
    return Truth("labels", np.arange(len(labels)), wanted, SURE, labels)


def drawn(count: int, scale: float, seed: int = 0) -> tuple[F32, np.ndarray]:
    """(count, 4) logits `scale` times as sure as they may be, and labels drawn from them."""
    draw = np.random.default_rng(seed)
    honest = draw.normal(0, 2, (count, 3)).astype(np.float32)
    odds = softmax(honest).astype(np.float64)
    labels = np.array([draw.choice(3, p=p / p.sum()) for p in odds])
    none = np.full((count, 1), -30, np.float32)
    return np.hstack([honest * scale, none]), labels


def judged(
    logits: F32, truth: Truth | None, head: HeadSpec = FRUIT, kind: Kind = "softmax"
) -> Judged:
    half = np.arange(len(logits)) % 2 == 0
    return judge(head, kind, logits, truth, None, half)


def test_a_temperature_is_fitted_on_the_other_half_and_helps() -> None:
    logits, labels = drawn(2000, 3.0)
    score = judged(logits, people(labels)).score
    assert score.calibration is not None
    assert score.calibration.temperature == pytest.approx(3.0, rel=0.15)
    assert score.calibration.after is not None
    assert score.calibration.after < score.calibration.before / 3


def test_what_a_temperature_was_fitted_on_does_not_flatter_it() -> None:
    """Half one is 8 times too sure, half two right: each is judged at the other's temperature."""
    logits, labels = drawn(2000, 1.0)
    logits[::2] *= 8
    score = judged(logits, people(labels)).score
    assert score.calibration is not None
    assert score.calibration.after is not None
    # at one's own temperature the error would be that of honest scores, about 0.02
    assert score.calibration.after > 0.1


def test_the_bundles_temperature_is_used_as_it_is() -> None:
    logits, labels = drawn(2000, 3.0)
    head = msgspec.structs.replace(FRUIT, temperature=3.0)
    score = judged(logits, people(labels), head).score
    assert score.calibration is not None
    assert score.calibration.temperature == 3.0
    assert score.calibration.after is not None
    assert score.calibration.after < 0.04


def test_few_pictures_fit_nothing() -> None:
    logits, labels = drawn(2 * ENOUGH - 2, 3.0)
    score = judged(logits, people(labels)).score
    assert score.calibration is not None
    assert (score.calibration.temperature, score.calibration.after) == (None, None)


def test_none_of_them_is_never_the_best_tag() -> None:
    logits = np.array([[1, 2, 0, 9]], np.float32)
    assert judged(logits, people(np.array([1]))).best.tolist() == [1]


def test_accuracy_by_tag_and_group() -> None:
    logits = np.array([[4, 0, 0, 0], [0, 4, 0, 0], [0, 4, 0, 0], [0, 0, 4, 0]], np.float32)
    score = judged(logits, people(np.array([0, 1, 2, 0]))).score
    assert score.top1 is not None
    assert score.group is not None
    assert (score.top1.right, score.group.right) == (2, 3)  # lemon for lime is still citrus
    assert {tag: (s.right, s.count) for tag, s in score.by_tag.items()} == {
        "apple": (1, 2),
        "lemon": (1, 1),
        "lime": (0, 1),
    }
    assert [(c.label, c.tag) for c in score.confused] == [("lime", "lemon"), ("apple", "lime")]


def test_f1_of_the_tags_at_the_bundles_thresholds() -> None:
    head = msgspec.structs.replace(FRUIT, temperature=1.0, thresholds=(0.5, 0.5, 0.9))
    logits = np.array([[2, 2, -2], [-2, 2, 2]], np.float32)  # 2 is a score of 0.88
    wanted = np.array([[1, 0, 0], [0, 1, 1]], np.float32)
    truth = Truth("labels", np.arange(2), wanted, SURE, wanted.argmax(1))
    score = judged(logits, truth, head, "multilabel").score
    assert score.f1 == pytest.approx(2 * 2 / (3 + 3), abs=1e-4)
    assert score.by_tag["lime"].right == 0  # scored 0.88, its threshold is 0.9


def logit(score: np.ndarray) -> F32:
    return np.log(score / (1 - score)).astype(np.float32)


def test_thresholds_are_fitted_on_the_other_half() -> None:
    """Each half has a threshold that parts it cleanly, and it is no good for the other half."""
    head = msgspec.structs.replace(FRUIT, temperature=1.0)
    wanted = (np.random.default_rng(1).random((400, 3)) < 0.4).astype(np.float32)
    truth = Truth("labels", np.arange(400), wanted, SURE, wanted.argmax(1))
    one = np.where(wanted > 0, 0.9, 0.6)
    other = np.where(wanted > 0, 0.5, 0.3)
    assert judged(logit(one), truth, head, "multilabel").score.f1 == 1
    first = np.arange(400)[:, None] % 2 == 0
    f1 = judged(logit(np.where(first, one, other)), truth, head, "multilabel").score.f1
    assert f1 is not None
    assert f1 < 0.6


def test_after_the_teacher_its_best_tag_is_right() -> None:
    wanted = np.array([[0.2, 0.7, 0.1], [0.6, 0.3, 0.1]], np.float32)
    truth = Truth("teacher", np.array([0, 2]), wanted, SURE, wanted.argmax(1))
    logits = np.array([[0, 3, 0], [9, 9, 9], [0, 3, 0]], np.float32)
    score = judge(FRUIT, "multilabel", logits, truth, truth, np.array([True, False, True])).score
    assert score.top1 is not None
    assert (score.top1.right, score.top1.count) == (1, 2)
    assert score.teacher == score.top1
    assert score.by_tag == {}


def test_where_nobody_said_only_agreement_is_known() -> None:
    logits = np.array([[0, 3, 0, 0], [3, 0, 0, 0]], np.float32)
    one, other = judged(logits, None), judged(logits[::-1], None)
    score = against(one, other)
    assert (score.top1, score.loss) == (None, None)
    assert score.agreement is not None
    assert (score.agreement.right, score.agreement.count) == (0, 2)


def test_int8_is_set_against_float_on_the_same_pictures() -> None:
    labels = np.array([0, 1, 2, 2])
    before = np.eye(4, dtype=np.float32)[labels] * 5
    after = before.copy()
    after[3] = [0, 5, 0, 0]
    score = against(judged(after, people(labels)), judged(before, people(labels)))
    assert score.loss is not None
    assert score.agreement is not None
    assert (score.loss.value, score.agreement.value) == (0.25, 0.75)
