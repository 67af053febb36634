"""Pictures to quantise with, and what is known of those that judge."""

from __future__ import annotations

from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from edge.bundle.manifest import InputSpec
from quantize.int8.calibration import from_folder, truths_of
from quantize.int8.gate import Limits
from quantize.int8.making import counts
from quantize.pictures import Sample, TagList

SPEC = InputSpec(height=32, width=32)
LISTS = {
    "clothes": TagList(("hat", "shirt"), (None, None)),
    "colour": TagList(("blue", "red"), (None, None)),
}
KINDS = {"clothes": "softmax", "colour": "softmax"}
FEW_ARE_ENOUGH = Limits(points=50)


def shirts(folder: Path, count: int) -> list[Sample]:
    """Shirts, each with a second line: every other one is red, and the rest are blue."""
    samples = []
    for i in range(count):
        file = folder / f"{i}.png"
        cv2.imwrite(str(file), np.full((40, 40, 3), 5 * i, np.uint8))
        samples += [
            Sample(file, "clothes", "shirt", "train"),
            Sample(file, "colour", ("blue", "red")[i % 2], "train"),
        ]
    return samples


def test_a_picture_with_labels_for_two_heads_judges_both(tmp_path: Path) -> None:
    calibration = from_folder(shirts(tmp_path, 18), 18, SPEC, 0)
    assert len(calibration.judging) == 6
    truths = truths_of(LISTS, KINDS, calibration, FEW_ARE_ENOUGH)
    colours = [int(sample.file.stem) % 2 for sample in calibration.judged]
    assert truths["clothes"].labels.tolist() == [1] * 6
    assert truths["colour"].labels.tolist() == colours
    said = counts(calibration, truths)
    assert (said["labelled clothes"], said["labelled colour"]) == (6, 6)


def test_a_label_for_one_head_says_nothing_for_another(tmp_path: Path) -> None:
    clothes = [sample for sample in shirts(tmp_path, 18) if sample.head == "clothes"]
    calibration = from_folder(clothes, 18, SPEC, 0)
    truths = truths_of(LISTS, KINDS, calibration, FEW_ARE_ENOUGH)
    assert truths["clothes"].labels.tolist() == [1] * 6
    assert truths["colour"].labels is None


def test_two_labels_of_one_head_on_one_picture_are_both_asked(tmp_path: Path) -> None:
    """As `compare` and `pack` ask them."""
    twice = [
        sample
        for hat in shirts(tmp_path, 18)
        if hat.head == "clothes"
        for sample in (hat, msgspec.structs.replace(hat, tag="hat"))
    ]
    truth = truths_of(LISTS, KINDS, from_folder(twice, 18, SPEC, 0), FEW_ARE_ENOUGH)["clothes"]
    assert truth.rows.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert truth.labels.tolist() == [0, 1] * 6
