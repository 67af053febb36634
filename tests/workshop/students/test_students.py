"""The student: what it computes must survive folding, saving and a new batch norm."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from safetensors.torch import save_file  # noqa: E402

from quantize import students  # noqa: E402
from quantize.errors import WorkshopError  # noqa: E402
from quantize.export import folded  # noqa: E402
from quantize.students.inverted import PLANS  # noqa: E402
from quantize.students.stock import restore_norm  # noqa: E402
from tests.workshop.students import HEADS, lively, pictures  # noqa: E402


@pytest.mark.parametrize("name", sorted(PLANS))
@torch.no_grad()
def test_folding_batch_norm_changes_nothing(name: str) -> None:
    student, x = lively(name=name), students.normalise(pictures(2))
    before, after = student(x), folded(student)(x)
    for head, wanted in before.items():
        assert torch.allclose(after[head], wanted, atol=1e-3, rtol=1e-3), head


@pytest.mark.parametrize(
    ("name", "gmac", "millions"),
    [
        ("mobilenet_v2", 0.299, 2.22),  # 3.50 M with its classifier of 1,000, as published
        ("efficientnet_lite0", 0.384, 3.37),  # 4.65 M
        ("efficientnet_lite0_slim", 0.346, 2.93),
        ("efficientnet_lite2", 0.575, 4.81),  # 6.09 M
    ],
)
def test_networks_cost_what_their_papers_say(name: str, gmac: float, millions: float) -> None:
    student = students.Student({}, name).eval()
    macs = 0

    def count(conv: torch.nn.Conv2d, _: object, out: torch.Tensor) -> None:
        nonlocal macs
        macs += conv.weight.numel() * out.shape[2] * out.shape[3]

    for module in student.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(count)
    with torch.no_grad():
        student(torch.zeros(1, 3, 224, 224))
    assert round(macs / 1e9, 3) == gmac
    assert round(sum(p.numel() for p in student.backbone.parameters()) / 1e6, 2) == millions


@torch.no_grad()
def test_restored_norm_has_the_pictures_statistics_and_computes_the_same() -> None:
    student, x = lively(), students.normalise(pictures(8))
    for conv in student.convolutions():  # as after load_into: no statistics, only a bias
        conv.norm.running_mean.zero_()
        conv.norm.running_var.fill_(1 - conv.norm.eps)
        torch.nn.init.ones_(conv.norm.weight)
    before = student(x)["tags"]
    restore_norm(student, x)
    first = student.convolutions()[0]
    seen = first.conv(torch.nn.functional.pad(x, (0, 1, 0, 1)))
    assert torch.allclose(first.norm.running_mean, seen.mean((0, 2, 3)), atol=1e-4)
    assert torch.allclose(student(x)["tags"], before, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("head", ["type", "items", "training"])
def test_a_head_of_a_name_that_torch_uses_itself_is_refused(head: str) -> None:
    with pytest.raises(WorkshopError, match=f"head '{head}': taken by torch"):
        students.Student({"fruit": 2, head: 3})


def test_a_student_is_the_same_file_each_time_it_is_saved(tmp_path: Path) -> None:
    """Its digest says of what an artifact was made; each file of six has another chance."""
    student, files = lively(), [tmp_path / f"{i}.safetensors" for i in range(6)]
    for file in files:
        students.save(student, {"final_side": 224}, file)
    assert len({file.read_bytes() for file in files}) == 1


@torch.no_grad()
def test_save_and_load_keep_the_student_to_half_precision(tmp_path: Path) -> None:
    student, x = lively(name="efficientnet_lite0_slim"), students.normalise(pictures(1))
    students.save(student, {"final_side": 224}, tmp_path / "s.safetensors")
    again, settings = students.load(tmp_path / "s.safetensors")
    assert settings == {"final_side": 224}
    assert again.name == student.name
    assert torch.allclose(again.eval()(x)["tags"], student(x)["tags"], atol=0.05)
    assert {n: h.out_features for n, h in again.heads.items()} == HEADS


@pytest.mark.parametrize("change", ["cut", "junk", "gone", "heads", "weights"])
def test_a_file_that_is_no_student_is_refused_whatever_is_wrong(
    tmp_path: Path, change: str
) -> None:
    file = tmp_path / "student.safetensors"
    students.save(lively(), {}, file)
    if change == "gone":
        file.unlink()
    elif change in ("heads", "weights"):
        about = {"heads": "[]" if change == "heads" else "{}", "settings": "{}"}
        save_file({"a": torch.zeros(1)}, file, about)
    else:
        file.write_bytes(b"junk" * 64 if change == "junk" else file.read_bytes()[:1000])
    with pytest.raises(WorkshopError, match=r"does not load .*expected a student"):
        students.load(file)
