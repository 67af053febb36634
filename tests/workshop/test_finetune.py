"""The loop: what it minimises, and that a kill between two epochs costs nothing but time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from calib_data.scenes import crop  # noqa: E402
from quantize import finetune, students  # noqa: E402
from quantize.data import Sample, TagList  # noqa: E402

LISTS = {
    "clothes": TagList(("T-Shirt",), (None,)),
    "grocery": TagList(("Lemon", "Lime"), ("Lemon", "Lime")),
    "fish": TagList(("perch",), (None,)),
    "tags": TagList(("a", "b", "c"), (None,) * 3),
}
TINY = finetune.Settings(
    "random", epochs=2, batch=4, first_side=32, side=64, final_side=64, warm_up=1
)


def shelf() -> finetune.Shelf:
    named = [("grocery", "Lemon"), ("grocery", "Lime"), ("clothes", "T-Shirt"), ("fish", "perch")]
    samples = [Sample(Path(f"{i}.jpg"), *named[i % 4], "train") for i in range(8)]
    pictures = [crop(s.head, s.tag, i, 64) for i, s in enumerate(samples)]
    labels = {
        head: torch.tensor([finetune._label(s, head, LISTS[head]) for s in samples])
        for head in finetune.SOFTMAX_HEADS
    }
    soft = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    return finetune.Shelf(samples, pictures, labels, soft)


def student() -> students.Student:
    torch.manual_seed(0)
    return students.Student({"clothes": 2, "grocery": 3, "fish": 2, "tags": 3})


def test_a_picture_of_another_head_is_labelled_none_and_an_unjudged_one_not_at_all() -> None:
    lemon = Sample(Path("x"), "grocery", "Lemon", "train")
    photo = Sample(Path("x"), "", "", "train")
    empty = Sample(Path("x"), "none", "", "train")
    assert [finetune._label(s, "clothes", LISTS["clothes"]) for s in (lemon, photo, empty)] == [
        1,
        -1,
        1,
    ]
    assert finetune._label(lemon, "grocery", LISTS["grocery"]) == 0


def test_loss_is_least_when_labels_and_teacher_are_met() -> None:
    batch = finetune.Batch(
        torch.zeros(1), {"grocery": torch.tensor([1])}, torch.tensor([[4.0, 0.0, -4.0]])
    )
    met = {"grocery": torch.tensor([[0.0, 3.0, 0.0]]), "tags": torch.tensor([[4.0, -4.0, -8.0]])}
    wrong_label = {**met, "grocery": torch.tensor([[3.0, 0.0, 0.0]])}
    wrong_order = {**met, "tags": torch.tensor([[-8.0, -4.0, 4.0]])}
    least = finetune.loss_of(met, batch, TINY)
    assert least < finetune.loss_of(wrong_label, batch, TINY)
    assert least < finetune.loss_of(wrong_order, batch, TINY)


def test_pictures_grow_from_the_first_side_to_the_last() -> None:
    sides = [finetune.side_at(e, finetune.Settings("random", epochs=6)) for e in range(6)]
    assert sides == [128, 128, 160, 160, 192, 192]


def test_a_killed_run_resumes_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = finetune.finetune(shelf(), shelf(), student(), TINY, tmp_path / "whole")

    class Killed(Exception):
        pass

    def die(*_: object) -> dict[str, float]:
        if (tmp_path / "killed/checkpoint.pt").exists():
            raise Killed
        return {}

    monkeypatch.setattr(finetune, "accuracy", die)
    with pytest.raises(Killed):
        finetune.finetune(shelf(), shelf(), student(), TINY, tmp_path / "killed")
    monkeypatch.undo()
    again = finetune.finetune(shelf(), shelf(), student(), TINY, tmp_path / "killed")
    for name, wanted in whole.state_dict().items():
        assert torch.equal(again.state_dict()[name], wanted), name
