"""Published weights as a beginning, read without running anything."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from safetensors.torch import save_file  # noqa: E402

from quantize.errors import WorkshopError  # noqa: E402
from quantize.students import Student, mobilenet_v4, save, table  # noqa: E402
from quantize.students.starting import start  # noqa: E402
from quantize.students.state_file import is_student, read_state  # noqa: E402

torch.set_num_threads(1)
PICTURES = torch.zeros(2, 3, 32, 32)


def published(seed: int = 0) -> dict[str, torch.Tensor]:
    """MobileNetV4's tensors under the published names, with random values."""
    torch.manual_seed(seed)
    state = {}
    layers = [m for m in mobilenet_v4.backbone().modules() if isinstance(m, mobilenet_v4.Rectified)]
    for layer, (conv, norm) in zip(layers, mobilenet_v4._published_names(), strict=True):
        state[f"{conv}.weight"] = torch.rand_like(layer.conv.weight)
        for part in ("weight", "bias", "running_mean", "running_var"):
            state[f"{norm}.{part}"] = torch.rand_like(getattr(layer.norm, part))
    return state


@pytest.mark.parametrize("form", ["safetensors", "pth", "wrapped.pth"])
def test_a_file_of_published_weights_is_a_beginning(tmp_path: Path, form: str) -> None:
    file, state = tmp_path / f"weights.{form}", published()
    if form == "safetensors":
        save_file(state, file)
    else:
        torch.save({"state_dict": state, "epoch": 3} if "wrapped" in form else state, file)
    student = start(str(file), "mobilenet_v4_small", {"tags": 5}, PICTURES, 0)
    assert torch.equal(student.backbone[-1].conv.weight, state["conv_head.weight"])
    assert torch.equal(student.backbone[1].norm.running_var, state["blocks.0.0.bn1.running_var"])


def test_a_student_is_told_from_other_files(tmp_path: Path) -> None:
    save(Student({"tags": 2}, "mobilenet_v2"), {}, tmp_path / "student.safetensors")
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"\x00" * 20)
    assert is_student(tmp_path / "student.safetensors")
    for name in ("other.safetensors", "broken.safetensors", "missing.safetensors"):
        assert not is_student(tmp_path / name)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    for name, said in (
        ("mobilenet_v4_small", "conv_stem.weight: missing"),
        ("mobilenet_v2", "not what `edge-quantize` wrote, for mobilenet_v2"),
        ("resnet18", "expected conv1, bn1"),
    ):
        with pytest.raises(WorkshopError, match=said):
            table.fill(table.build(name)[0], name, _named(tmp_path, name))


def _named(folder: Path, name: str) -> Path:
    """ResNets are published as plain pickles."""
    if name != "resnet18":
        return folder / "other.safetensors"
    torch.save({"a": torch.zeros(1)}, folder / "other.pth")
    return folder / "other.pth"


class Code:
    """Runs when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("code ran",)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (pickle.dumps(Code(), 2), "more than tensors, or no weights"),
        (b"", r"unreadable \(EOFError"),
        (b"\x80\x02", "more than tensors|unreadable"),
    ],
)
def test_files_that_are_not_tensors_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, said: str
) -> None:
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(WorkshopError, match=said) as refused:
        read_state(tmp_path / "w.pth")
    assert refused.value.fix
    assert "code ran" not in capsys.readouterr().out


def test_a_checkpoint_with_code_in_it_is_refused(tmp_path: Path) -> None:
    torch.save({"model": {"a": torch.zeros(1)}, "config": Code()}, tmp_path / "w.pth")
    with pytest.raises(WorkshopError, match="more than tensors"):
        read_state(tmp_path / "w.pth")


def test_other_contents_and_missing_files_are_refused(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "list.pth")
    (tmp_path / "broken.safetensors").write_bytes(b"\x00" * 20)
    for name, said in (
        ("list.pth", "list, expected tensors by key"),
        ("broken.safetensors", "unreadable"),
        ("missing.pth", "no such file"),
    ):
        with pytest.raises(WorkshopError, match=said):
            read_state(tmp_path / name)
