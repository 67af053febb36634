"""Which pictures are shown, and their thumbnails."""

from __future__ import annotations

import base64
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from edge.records import F32
from quantize.pictures import Sample
from quantize.report.gallery import SHOWN, SIDE, differences, thumbnails
from quantize.report.models import HeadSpec
from quantize.report.records import Answer, Difference, Kind

HEADS = (HeadSpec("fruit", ("apple", "lime"), (None, None)), HeadSpec("tags", ("old",), (None,)))
KINDS: dict[str, Kind] = {"fruit": "softmax", "tags": "multilabel"}


def samples(count: int, head: str = "fruit", tag: str = "apple") -> list[Sample]:
    return [Sample(Path(f"{i}.jpg"), head, tag, "val") for i in range(count)]


def logits(count: int, fruit: float, tags: float) -> dict[str, F32]:
    return {
        "fruit": np.tile(np.array([fruit, 0, -30], np.float32), (count, 1)),
        "tags": np.full((count, 1), tags, np.float32),
    }


def test_the_largest_differences_come_first_and_only_so_many() -> None:
    found, count = samples(SHOWN + 20), SHOWN + 20
    before, after = logits(count, 2, 0), logits(count, 2, 0)
    after["fruit"][:, 0] -= np.linspace(0.5, 4, count)
    shown = differences(HEADS, KINDS, {}, found, found, before, after)
    assert len(shown) == SHOWN
    assert [d.file for d in shown] == [f"{i}.jpg" for i in range(count - 1, count - 1 - SHOWN, -1)]
    assert shown[0].float_answer.tag == "apple"
    assert shown[0].int8_answer.tag == "lime"
    assert [d.distance for d in shown] == sorted((d.distance for d in shown), reverse=True)


def test_a_labelled_picture_is_shown_for_its_own_head() -> None:
    """The general tags differ more, but nobody asked them about it."""
    found = samples(1)
    shown = differences(HEADS, KINDS, {}, found, found, logits(1, 2, 9), logits(1, 1, -9))
    assert [d.head for d in shown] == ["fruit"]
    unsaid = samples(1, "", "")
    shown = differences(HEADS, KINDS, {}, unsaid, unsaid, logits(1, 9, 1), logits(1, -9, 0))
    assert [(d.head, d.label) for d in shown] == [("tags", "")]  # fruit differs more


def test_what_is_the_same_is_not_shown() -> None:
    found = samples(3)
    assert differences(HEADS, KINDS, {}, found, found, logits(3, 2, 0), logits(3, 2, 0)) == ()


def test_scores_are_those_at_the_temperature() -> None:
    found = samples(1)
    [one] = differences(
        HEADS, KINDS, {"fruit": 2.0}, found, found, logits(1, 4, 0), logits(1, 2, 0)
    )
    assert one.float_answer.score == pytest.approx(1 / (1 + np.exp(-2)), abs=1e-4)


def test_a_thumbnail_is_small_and_keeps_its_shape(tmp_path: Path) -> None:
    wide = np.zeros((300, 900, 3), np.uint8)
    wide[:, :450] = (0, 0, 255)  # red, as OpenCV writes it
    cv2.imwrite(str(tmp_path / "wide.png"), wide)
    answer = Answer("a", 1.0)
    shown = [
        Difference(str(tmp_path / "wide.png"), box, "fruit", "", answer, answer, 1.0)
        for box in (None, (0, 0, 300, 300))
    ] + [Difference(str(tmp_path / "gone.png"), None, "fruit", "", answer, answer, 1.0)]
    first, second, gone = thumbnails(shown)
    assert gone == ""
    pictures = [
        cv2.imdecode(np.frombuffer(base64.b64decode(uri.split(",")[1]), np.uint8), cv2.IMREAD_COLOR)
        for uri in (first, second)
    ]
    assert pictures[0].shape[:2] == (round(SIDE / 3), SIDE)
    assert pictures[1].shape[:2] == (SIDE, SIDE)
    assert pictures[1].mean((0, 1)).tolist() == pytest.approx([0, 0, 254], abs=4)
