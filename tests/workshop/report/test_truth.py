"""What counts as right: people first, then the teacher."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from quantize.errors import WorkshopError
from quantize.pictures import Sample, pictures_of
from quantize.report.models import HeadSpec
from quantize.report.truth import Teacher, by_people, by_teacher, labels_of
from quantize.stages.compare import held_out

FRUIT = HeadSpec("fruit", ("apple", "lemon", "lime"), (None, "citrus", "citrus"))


def sample(name: str, tag: str = "", head: str = "fruit") -> Sample:
    return Sample(Path(name), head, tag, "val")


def test_a_picture_with_two_labels_is_asked_about_once() -> None:
    samples = [sample("a", "apple"), sample("b", "lime"), sample("a", "lemon")]
    pictures = pictures_of(samples)
    assert [p.file.name for p in pictures] == ["a", "b"]
    truth = by_people(FRUIT, "multilabel", samples, pictures)
    assert truth is not None
    assert truth.rows.tolist() == [0, 1]
    assert truth.present.tolist() == [[True, True, False], [False, False, True]]


def test_two_parts_of_a_photo_are_two_pictures() -> None:
    parts = [Sample(Path("a"), "fruit", "lime", "val", (0, 0, 4, i)) for i in (3, 4)]
    assert len(pictures_of(parts)) == 2


def test_every_second_picture_keeps_what_is_said_for_each_of_its_heads(tmp_path: Path) -> None:
    """Every second line would be those of one head alone."""
    line = '{{"file": "{}.jpg", "head": "{}", "tag": "{}", "split": "val"}}\n'
    said = [("clothes", "shirt"), ("colour", "red")]
    rows = [line.format(name, *pair) for name in "abcd" for pair in said]
    (tmp_path / "labels.jsonl").write_text("".join(rows), "utf-8")
    found = [(s.file.stem, s.tag) for s in held_out(tmp_path, "products", 2)]
    assert found == [(name, tag) for name in "ac" for _, tag in said]


def test_a_softmax_head_is_asked_once_a_label() -> None:
    samples = [sample("a", "apple"), sample("x", "shoe", "clothes"), sample("b", "lime")]
    truth = by_people(FRUIT, "softmax", samples, pictures_of(samples))
    assert truth is not None
    assert truth.rows.tolist() == [0, 2]
    assert truth.best.tolist() == [0, 2]


def test_a_picture_that_could_not_be_read_is_not_asked_about() -> None:
    samples = [sample("a", "apple"), sample("gone", "lime")]
    truth = by_people(FRUIT, "softmax", samples, [samples[0]])
    assert truth is not None
    assert len(truth.rows) == 1


def test_nobody_said_anything() -> None:
    assert by_people(FRUIT, "softmax", [sample("a", "", "")], [sample("a")]) is None


def test_a_label_that_the_head_cannot_give_is_named() -> None:
    samples = [sample("a", "pear"), sample("b", "lime"), sample("c", "fig")]
    with pytest.raises(WorkshopError, match=r"'fruit'.*labelled 'fig', 'pear', expected one of"):
        by_people(FRUIT, "softmax", samples, pictures_of(samples))


def test_the_teacher_is_read_by_tag_not_by_place() -> None:
    said = {sample("a").key: np.array([0.1, 0.6, 0.0, 0.3], np.float32)}
    sure = np.array([0.9, 0.5, 0.9, 0.2], np.float32)
    teacher = Teacher(("pear", "lime", "apple", "lemon"), sure, said)
    truth = by_teacher(FRUIT, teacher, [sample("b"), sample("a")])
    assert truth is not None
    assert truth.rows.tolist() == [1]
    assert truth.wanted.tolist() == [pytest.approx([0.0, 0.3, 0.6])]
    assert truth.best.tolist() == [2]
    assert truth.present.tolist() == [[False, True, True]]


@pytest.mark.parametrize("tags", [("apple", "lemon"), ("lime",)])
def test_a_teacher_that_does_not_know_every_tag_judges_nothing(tags: tuple[str, ...]) -> None:
    teacher = Teacher(
        tags, np.ones(len(tags), np.float32), {sample("a").key: np.ones(len(tags), np.float32)}
    )
    assert by_teacher(FRUIT, teacher, [sample("a")]) is None
    assert by_teacher(FRUIT, None, [sample("a")]) is None


def test_labels_by_picture_and_head() -> None:
    samples = [sample("a", "apple"), sample("a", "lime"), sample("a", "shoe", "clothes")]
    assert labels_of(samples) == {
        (Path("a"), None): {"fruit": ["apple", "lime"], "clothes": ["shoe"]}
    }
