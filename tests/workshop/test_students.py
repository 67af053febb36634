"""The student: what it computes must survive folding, saving and a new batch norm."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from quantize import students, teachers  # noqa: E402
from quantize.export import folded  # noqa: E402

STOCK = Path(__file__).parents[3] / "shared/data/teachers/tf2_mobilenet_v2_1.0_224_ptq.tflite"
HEADS = {"clothes": 4, "tags": 1000}


def lively(seed: int = 0) -> students.Student:
    """A student whose batch norms all say something."""
    torch.manual_seed(seed)
    student = students.Student(HEADS)
    for conv in student.convolutions():
        torch.nn.init.uniform_(conv.norm.weight, 0.5, 1.5)
        torch.nn.init.uniform_(conv.norm.bias, -0.5, 0.5)
        conv.norm.running_mean.uniform_(-0.5, 0.5)
        conv.norm.running_var.uniform_(0.5, 1.5)
    return student.eval()


def pictures(count: int, side: int = 64) -> torch.Tensor:
    draw = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, side, side, 3), generator=draw, dtype=torch.uint8)


@torch.no_grad()
def test_folding_batch_norm_changes_nothing() -> None:
    student, x = lively(), students.normalise(pictures(2))
    before, after = student(x), folded(student)(x)
    for name, wanted in before.items():
        assert torch.allclose(after[name], wanted, atol=1e-3, rtol=1e-3), name


@torch.no_grad()
def test_restored_norm_has_the_pictures_statistics_and_computes_the_same() -> None:
    student, x = lively(), students.normalise(pictures(8))
    for conv in student.convolutions():  # as after load_into: no statistics, only a bias
        conv.norm.running_mean.zero_()
        conv.norm.running_var.fill_(1 - conv.norm.eps)
        torch.nn.init.ones_(conv.norm.weight)
    before = student(x)["tags"]
    teachers.restore_norm(student, x)
    first = student.convolutions()[0]
    seen = first.conv(torch.nn.functional.pad(x, (0, 1, 0, 1)))
    assert torch.allclose(first.norm.running_mean, seen.mean((0, 2, 3)), atol=1e-4)
    assert torch.allclose(student(x)["tags"], before, atol=1e-3, rtol=1e-3)


@torch.no_grad()
def test_save_and_load_keep_the_student_to_half_precision(tmp_path: Path) -> None:
    student, x = lively(), students.normalise(pictures(1))
    students.save(student, {"final_side": 224}, tmp_path / "s.safetensors")
    again, settings = students.load(tmp_path / "s.safetensors")
    assert settings == {"final_side": 224}
    assert torch.allclose(again.eval()(x)["tags"], student(x)["tags"], atol=0.05)
    assert {n: h.out_features for n, h in again.heads.items()} == HEADS


@pytest.mark.skipif(not STOCK.exists(), reason="../shared/data/teachers is not here")
@torch.no_grad()
def test_stock_weights_answer_as_the_int8_file_does() -> None:
    from calib_data.scenes import crop

    student = students.Student({"tags": 1000}).eval()
    teachers.load_into(student, STOCK)
    teacher = teachers.Teacher(STOCK)
    for seed, tag in enumerate(("Lemon", "Pineapple", "Banana")):
        picture = crop("grocery", tag, seed, 224)
        mine = student(students.normalise(torch.from_numpy(picture[None])))["tags"][0].numpy()
        theirs = teacher.logits(picture)
        assert abs(mine - theirs).mean() < 0.2
        assert mine.argmax() in theirs.argsort()[-3:]


@pytest.mark.skipif(not STOCK.exists(), reason="../shared/data/teachers is not here")
def test_weights_of_another_network_are_refused() -> None:
    other = STOCK.with_name("mobilenet_edgetpu_224_1.0_uint8.tflite")
    with pytest.raises(ValueError, match=r"convolutions, expected 53"):
        teachers.load_into(students.Student({"tags": 1000}), other)
