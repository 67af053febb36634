"""The gate: what may be lost, said row by row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from edge.engines.processor import has_vnni, lacks_vnni  # noqa: E402
from edge.records import F32  # noqa: E402
from quantize.errors import WorkshopError  # noqa: E402
from quantize.int8 import tables  # noqa: E402
from quantize.int8.gate import (  # noqa: E402
    EMBEDDING,
    Cost,
    Limits,
    Row,
    Truth,
    Verdict,
    judge,
    together,
)
from quantize.int8.score import distance, sqnr  # noqa: E402
from quantize.int8.tables import refuse, table  # noqa: E402

COUNT, TAGS = 400, 10


def logits(seed: int = 0, spread: float = 4.0) -> F32:
    return np.random.default_rng(seed).normal(0, spread, (COUNT, TAGS)).astype(np.float32)


def swapped(exact: F32, count: int) -> F32:
    """The best two tags of `count` pictures change places."""
    rough = exact.copy()
    for i in range(count):
        first, second = np.argsort(-exact[i])[:2]
        rough[i, [first, second]] = exact[i, [second, first]]
    return rough


def by_measure(verdict: Verdict) -> dict[str, Row]:
    return {row.measure: row for row in verdict.rows}


def test_equal_outputs_of_a_smaller_faster_file_pass() -> None:
    exact = {"h": logits(), "t": logits(1)}
    truths = {"h": Truth(), "t": Truth("multilabel")}
    verdict = judge("onnxruntime", exact, exact, truths, (Cost(100, 2.0), Cost(30, 1.0)))
    assert verdict.passed
    assert [row.measure for row in verdict.rows] == [
        "belief %", "same where sure %", "belief F1", "ms",
    ]  # fmt: skip
    refuse(verdict, "x")  # raises nothing


@pytest.mark.parametrize(("count", "passed"), [(0, True), (2, True), (3, False), (40, False)])
def test_labels_are_counted_in_points(count: int, passed: bool) -> None:
    exact = logits()
    labels = exact.argmax(1)
    row = by_measure(
        judge("e", {"h": exact}, {"h": swapped(exact, count)}, {"h": Truth(labels=labels)})
    )["top-1 %"]
    assert row.loss == pytest.approx(100 * count / COUNT)
    assert (row.passed, row.limit, row.count) == (passed, 0.5, COUNT)


def test_unlabelled_pictures_are_not_asked() -> None:
    exact = logits()
    truth = Truth(labels=exact.argmax(1)[100:], rows=np.arange(100, COUNT))
    row = by_measure(judge("e", {"h": exact}, {"h": swapped(exact, 100)}, {"h": truth}))["top-1 %"]
    assert (row.count, row.loss) == (300, 0)


def test_int8_that_is_right_more_often_passes() -> None:
    exact = logits()
    truth = Truth(labels=swapped(exact, 4).argmax(1))
    row = by_measure(judge("e", {"h": exact}, {"h": swapped(exact, 4)}, {"h": truth}))["top-1 %"]
    assert row.loss == -1.0
    assert row.passed


def test_a_spare_picture_is_for_sets_too_small_to_show_the_limit() -> None:
    exact = logits()[:50]
    given = ({"h": exact}, {"h": swapped(exact, 1)}, {"h": Truth(labels=exact.argmax(1))})
    assert not judge("e", *given).passed
    assert judge("e", *given, limits=Limits(spare=1)).passed


def test_without_labels_flips_cost_what_the_float_believed() -> None:
    exact = logits()
    near, far = exact.copy(), exact.copy()
    order = np.argsort(-exact, axis=1)
    rows = np.arange(40)
    near[rows, order[:40, 0]] = exact[rows, order[:40, 1]] + 0.01  # ties, broken otherwise
    exact[rows, order[:40, 0]] = exact[rows, order[:40, 1]] + 0.02
    near[rows, order[:40, 1]] = exact[rows, order[:40, 1]] + 0.02
    far[rows] = -exact[rows]
    losses = [
        by_measure(judge("e", {"h": exact}, {"h": rough}, {"h": Truth()}))["belief %"]
        for rough in (near, far)
    ]
    assert losses[0].passed
    assert losses[0].loss < 0.2
    assert not losses[1].passed
    assert losses[1].loss > 3


def test_a_flat_head_cannot_hide_wrong_answers() -> None:
    flat = logits(spread=0.001)
    verdict = judge("e", {"h": flat}, {"h": flat[::-1]}, {"h": Truth()})
    assert not verdict.passed
    assert by_measure(verdict)["belief %"].loss > 20


def test_garbage_that_the_labels_do_not_show_is_refused() -> None:
    exact, other = logits(), logits(7)
    labels = np.random.default_rng(8).integers(0, TAGS, COUNT)  # the float knows nothing either
    rows = by_measure(judge("e", {"h": exact}, {"h": other}, {"h": Truth(labels=labels)}))
    assert not rows["same where sure %"].passed


@pytest.mark.parametrize("noise", [0.0, 0.05, 0.5, 3.0])
def test_tags_are_judged_by_f1_of_those_over_the_threshold(noise: float) -> None:
    exact = logits()
    present = exact > 1
    rough = exact + np.random.default_rng(1).normal(0, noise, exact.shape).astype(np.float32)
    truth = Truth("multilabel", present, np.array([1.0], np.float32))
    [row] = judge("e", {"t": exact}, {"t": rough}, {"t": truth}).rows
    given = rough > 1
    hits = int((given & present).sum())
    assert row.after == pytest.approx(2 * hits / (given.sum() + present.sum()), abs=1e-5)
    assert row.passed == (row.loss <= 0.005) == (noise < 0.1)


def test_tags_without_labels_lose_what_was_believed() -> None:
    exact = logits()
    cut = np.array([1.0], np.float32)
    almost = np.where(np.abs(exact - 1) < 0.02, 2 - exact, exact)  # only those at the threshold
    fine, broken = (
        judge("e", {"t": exact}, {"t": rough}, {"t": Truth("multilabel", None, cut)})
        for rough in (almost, -exact)
    )
    assert fine.passed
    assert not broken.passed


@pytest.mark.parametrize(
    ("spoil", "passed"),
    [
        (lambda v: v, True),
        (lambda v: v + 0.19 * np.abs(v).mean() * np.sign(np.roll(v, 1)), True),  # no exact sums
        (lambda v: 0 * v, False),
        (lambda v: 0.5 * v, False),  # a cosine does not see it
        (lambda v: np.roll(v, 1, 0), False),  # of another picture
        (lambda v: np.where(np.arange(TAGS) == 3, np.nan, v), False),
    ],
)
def test_an_embedding_must_stay_though_no_head_tells(
    spoil: Callable[[F32], F32], passed: bool
) -> None:
    exact = {"h": logits(), EMBEDDING: logits(1)}
    rough = exact | {EMBEDDING: spoil(exact[EMBEDDING]).astype(np.float32)}
    verdict = judge("e", exact, rough, {"h": Truth()})
    assert verdict.passed == passed
    assert {row.head for row in verdict.failures} == (set() if passed else {EMBEDDING})
    assert judge("e", exact, rough, {"h": Truth()}, limits=Limits(embedding=200)).passed or (
        not np.isfinite(rough[EMBEDDING]).all()
    )


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize("kind", ["softmax", "multilabel"])
def test_outputs_that_are_no_numbers_are_refused(wrong: float, kind: str) -> None:
    rough = logits()
    rough[3, 2] = wrong
    verdict = judge("e", {"h": logits()}, {"h": rough}, {"h": Truth(kind)})
    assert not verdict.passed
    assert distance(kind, logits(), rough).loss == 100


@pytest.mark.parametrize(("ms", "passed"), [(1.0, True), (2.0, True), (2.01, False)])
def test_slower_than_float_is_refused(ms: float, passed: bool) -> None:
    same = {"h": logits()}
    verdict = judge("e", same, same, {"h": Truth()}, (Cost(100, 2.0), Cost(30, ms)))
    assert verdict.passed == passed
    assert [row.measure for row in verdict.failures] == ([] if passed else ["ms"])


def test_a_refusal_says_where_as_a_table() -> None:
    exact = {"h": logits()}
    bad = judge("openvino", exact, {"h": -exact["h"]}, {"h": Truth()})
    good = judge("tflite", exact, exact, {"h": Truth()})
    with pytest.raises(WorkshopError) as refused:
        refuse(together([bad, good]), "build/int8")
    text = str(refused.value)
    assert "build/int8: int8 fails the gate in 2 of 4 rows (openvino/h)" in text
    assert "tflite" not in text
    assert text.count("NO") == 2
    assert refused.value.fix


@pytest.mark.parametrize(
    ("flags", "has", "lacks"),
    [
        ("flags\t\t: fpu avx2 bmi2", False, True),
        ("flags\t\t: fpu avx2 avx512_vnni", True, False),
        ("flags\t\t: fpu avx2 avx_vnni", True, False),
        ("flags\t\t: fpu amx_int8", True, False),
        ("Features\t: fp asimd asimddp", False, False),  # Arm
        (None, False, False),  # no Linux
    ],
)
def test_a_host_without_vnni_is_told_apart(
    flags: str | None, has: bool, lacks: bool, tmp_path: Path
) -> None:
    about = tmp_path / "cpuinfo"
    if flags is not None:
        about.write_text(f"processor\t: 0\n{flags}\n")
    assert (has_vnni(about), lacks_vnni(about)) == (has, lacks)


@pytest.mark.parametrize(("lacks", "worse"), [(True, False), (True, True), (False, False)])
def test_where_an_instruction_is_missing_the_fix_says_so(
    lacks: bool, worse: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "lacks_vnni", lambda: lacks)
    exact = {"h": logits()}
    rough = {"h": -exact["h"]} if worse else exact
    with pytest.raises(WorkshopError) as refused:
        refuse(judge("e", exact, rough, {"h": Truth()}, (Cost(100, 2.0), Cost(30, 3.0))), "x")
    assert ("--gate-slowdown" in refused.value.fix) == lacks
    assert ("--qat" in refused.value.fix) == (worse or not lacks)


def test_no_rows_are_no_pass() -> None:
    with pytest.raises(WorkshopError):
        refuse(Verdict(()), "x")


def test_outputs_of_another_shape_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="expected \\(400, 10\\) as in float"):
        judge("e", {"h": logits()}, {"h": logits()[:, :9]}, {"h": Truth()})


def test_rows_survive_json() -> None:
    verdict = judge("e", {"h": logits()}, {"h": logits()}, {"h": Truth()})
    assert msgspec.json.decode(msgspec.json.encode(verdict), type=Verdict) == verdict
    assert len(table(verdict.rows).splitlines()) == 1 + len(verdict.rows)


def test_signal_to_noise_is_what_it_is() -> None:
    exact = np.array([[3.0, 4.0]], np.float32)
    assert sqnr(exact, exact + np.array([[0.5, 0]], np.float32)) == pytest.approx(20)
    assert sqnr(exact, exact) == 120
    shifted = distance("softmax", exact, exact + 5)  # the same for all tags: no noise
    assert shifted.sqnr_db > 100
