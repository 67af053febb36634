"""Float artifacts compute what the student does at every batch, or are refused (R13)."""

from __future__ import annotations

import argparse
import copy
import shutil
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")
onnx = pytest.importorskip("onnx", reason="pip install 'edge-tag[quantize]'")
pytest.importorskip("litert_torch", reason="pip install 'edge-tag[quantize]'")

from onnx import helper, numpy_helper  # noqa: E402
from torch import nn  # noqa: E402

from edge.engines import installed, open_engine  # noqa: E402
from edge.errors import EdgeError  # noqa: E402
from quantize import recipe  # noqa: E402
from quantize.errors import DiskError, WorkshopError  # noqa: E402
from quantize.export import (  # noqa: E402
    FILES,
    TOLERANCE,
    Deployed,
    artifact,
    check,
    differences,
    folded,
    to_onnx,
    usable,
    write,
)
from quantize.stages import export as stage  # noqa: E402
from quantize.students import Student, normalise  # noqa: E402
from tests.workshop.int8 import tiny_student as tiny  # noqa: E402

# The converters warn about one another's future; nothing of ours can be done about it.
pytestmark = pytest.mark.filterwarnings("ignore")

PICTURES = tiny.drawn(3, 3)[0]
ENGINES = ["onnxruntime", "openvino", "tflite"]


def flags(student: Path, images: Path, out: Path, **more: object) -> argparse.Namespace:
    given = {"engines": ",".join(FILES), "side": None} | more
    return argparse.Namespace(student=student, images=images, out=out, **given)


@pytest.mark.parametrize("engine", ENGINES)
def test_r13_each_file_is_the_student_at_batch_1_2_and_3(
    engine: str, exported: Path, student: Student
) -> None:
    if engine not in installed():
        pytest.skip(f"{engine} is not installed")
    found = differences(Deployed(student), engine, artifact(exported, engine), PICTURES)
    assert list(found) == [1, 2, 3]
    assert max(found.values()) < TOLERANCE / 10


@pytest.mark.parametrize("engine", ENGINES)
def test_r13_each_file_takes_uint8_and_each_row_is_its_own(engine: str, exported: Path) -> None:
    if engine not in installed():
        pytest.skip(f"{engine} is not installed")
    opened = open_engine(engine, artifact(exported, engine), threads=1)
    assert opened.input.dtype == "uint8"
    assert opened.input.shape[1:] == (tiny.SIDE, tiny.SIDE, 3)
    together = opened.run(PICTURES)
    for i in range(3):
        for name, rows in opened.run(PICTURES[i : i + 1]).items():
            assert np.allclose(rows[0], together[name][i], atol=1e-4), name


def test_r13_opset_sizes_and_differences_are_in_the_recipe(exported: Path) -> None:
    result = recipe.read(exported, "export").result["engines"]
    assert result["onnxruntime"]["opset"] >= 17
    for engine, made in result.items():
        for name, size in made["files"].items():
            assert (exported / name).stat().st_size == size
        assert set(made["differences"]) == {"1", "2", "3"}, engine
    assert (exported / "student.safetensors").is_file()
    assert (exported / "tags.json").is_file()


def test_a_second_run_changes_nothing(
    exported: Path, trained: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {file.name: file.stat().st_mtime_ns for file in exported.iterdir()}
    stage.run(flags(trained, images, exported))
    assert {file.name: file.stat().st_mtime_ns for file in exported.iterdir()} == before
    assert "student.tflite" in capsys.readouterr().out


def scrambled(model: onnx.ModelProto) -> onnx.ModelProto:
    """Right at batch 1, wrong at others, and nothing raises: a size fixed in a reshape."""
    bad = copy.deepcopy(model)
    size = tiny.PLAN.embedding
    for node in bad.graph.node:
        if node.op_type == "Gemm":
            node.input[0] = "scrambled"
    at = next(i for i, node in enumerate(bad.graph.node) if node.op_type == "Gemm")
    shape = numpy_helper.from_array(np.array([size, -1], np.int64), "baked")
    bad.graph.initializer.append(shape)
    bad.graph.node.insert(at, helper.make_node("Transpose", ["flat"], ["scrambled"], perm=[1, 0]))
    bad.graph.node.insert(at, helper.make_node("Reshape", ["embedding", "baked"], ["flat"]))
    return bad


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_r13_a_file_that_is_wrong_beyond_batch_1_is_refused(
    engine: str, exported: Path, student: Student
) -> None:
    data = scrambled(onnx.load(exported / "student.onnx")).SerializeToString()
    found = differences(Deployed(student), engine, [data], PICTURES)
    assert found[1] < TOLERANCE
    assert min(found[2], found[3]) > TOLERANCE
    with pytest.raises(WorkshopError, match=rf"x.onnx: {engine} at batch 2 computes something"):
        check(Deployed(student), engine, [data], PICTURES, "x.onnx")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("left", [0, 100, 0.5])
def test_a_truncated_file_is_refused(
    engine: str, left: float, exported: Path, student: Student
) -> None:
    files = artifact(exported, engine)
    keep = int(left * len(files[-1])) if left < 1 else int(left)
    with pytest.raises(WorkshopError) as refused:
        check(Deployed(student), engine, [*files[:-1], files[-1][:keep]], PICTURES, "cut")
    assert engine in str(refused.value)


@pytest.mark.parametrize("engine", ENGINES)
def test_another_students_file_is_refused(engine: str, exported: Path, student: Student) -> None:
    other = copy.deepcopy(student)
    torch.nn.init.normal_(other.heads["things"].weight)
    with pytest.raises(WorkshopError, match=f"{engine} at batch 1 computes something else"):
        check(Deployed(other), engine, artifact(exported, engine), PICTURES, "other")


def test_the_stage_refuses_what_its_writer_gets_wrong(
    trained: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(model: Deployed, side: int, file: Path) -> int:
        opset = to_onnx(model, side, file)
        onnx.save(scrambled(onnx.load(file)), file)
        return opset

    monkeypatch.setattr("quantize.export.writers.to_onnx", wrong)
    out = tmp_path / "float"
    with pytest.raises(WorkshopError, match="onnxruntime at batch 2"):
        stage.run(flags(trained, images, out, engines="onnxruntime"))
    with pytest.raises(WorkshopError, match="was stopped before it was done"):
        recipe.read(out, "export")


def other_layers(student: Student) -> Student:
    """Plain torch layers, as a timm network has them: a batch norm far from any class of ours."""
    other = copy.deepcopy(student)
    other.backbone = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.Hardswish(),
        nn.Conv2d(8, 8, 3, 2, 1, groups=8, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Conv2d(8, tiny.PLAN.embedding, 1, bias=False),
        nn.BatchNorm2d(tiny.PLAN.embedding), nn.SiLU(),
    )  # fmt: skip
    for module in other.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.uniform_(module.bias, -0.5, 0.5)
    return other.eval()


@torch.no_grad()
def test_batch_norm_of_any_network_is_folded(student: Student) -> None:
    for one in (student, other_layers(student)):
        flat = folded(one)
        assert not any(isinstance(m, nn.BatchNorm2d) for m in flat.modules())
        x = normalise(torch.from_numpy(PICTURES))
        for name, wanted in one(x).items():
            assert torch.allclose(flat(x)[name], wanted, atol=1e-3, rtol=1e-3), name


def test_a_convolution_with_two_readers_is_refused(student: Student) -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, tiny.PLAN.embedding, 3, 2)
            self.norm = nn.BatchNorm2d(tiny.PLAN.embedding)
            nn.init.uniform_(self.norm.weight, 2, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen = self.conv(x)
            return self.norm(seen) + seen

    other = copy.deepcopy(student)
    other.backbone = Twice()
    with pytest.raises(WorkshopError, match="when batch norm was folded"):
        folded(other.eval())


@pytest.mark.parametrize(
    ("engines", "says"),
    [("onnxruntime,tensorrt", "'tensorrt' is unknown"), ("", "'' is unknown")],
)
def test_engines_nobody_knows_are_refused(
    engines: str, says: str, trained: Path, images: Path, tmp_path: Path
) -> None:
    with pytest.raises(WorkshopError, match=says):
        stage.run(flags(trained, images, tmp_path / "x", engines=engines))


def test_a_converter_that_fails_without_a_word_is_told_by_its_class(
    student: Student, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(torch.onnx, "export", fail)
    with pytest.raises(WorkshopError, match="does not convert: AssertionError"):
        write("onnxruntime", Deployed(student), tiny.SIDE, tmp_path)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_disk_too_full_for_an_artifact_is_told_before_a_converter_dies_of_it(
    engine: str, student: Student, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LiteRT's ended the process without a word, ONNX's was told as a fault of the network."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 1000))
    with pytest.raises(DiskError, match="0 MB free, expected"):
        write(engine, Deployed(student), tiny.SIDE, tmp_path)


@pytest.mark.parametrize("side", [0, -5])
def test_a_side_that_cannot_be_is_refused_not_forgotten(
    side: int, trained: Path, images: Path, tmp_path: Path
) -> None:
    with pytest.raises(WorkshopError, match=f"--side: {side}, expected 1 px or more"):
        stage.run(flags(trained, images, tmp_path / "x", side=side))


def test_engines_may_have_spaces_between_them() -> None:
    here, _ = usable(["tflite", " onnxruntime"], dict.fromkeys(ENGINES, ()))
    assert here == ["tflite", "onnxruntime"]


def test_a_converter_that_is_not_installed_is_skipped_with_the_line_that_helps() -> None:
    needs = {"onnxruntime": ("onnx",), "tflite": ("no_such_package",)}
    here, skipped = usable(["onnxruntime", "tflite"], needs)
    assert here == ["onnxruntime"]
    assert "no_such_package not installed: pip install" in skipped["tflite"]
    with pytest.raises(WorkshopError, match="no_such_package not installed"):
        usable(["tflite"], needs)


@pytest.mark.parametrize("spoil", ["missing", "cut", "junk", "no tags", "no pictures"])
def test_what_is_not_there_is_said(spoil: str, trained: Path, images: Path, tmp_path: Path) -> None:
    folder, seen = tmp_path / "student", images
    tiny.copied(trained, folder)
    file = folder / "student.safetensors"
    if spoil == "missing":
        file.unlink()
    elif spoil == "cut":
        file.write_bytes(file.read_bytes()[:1000])
    elif spoil == "junk":
        file.write_bytes(b"junk" * 64)
    elif spoil == "no tags":
        (folder / "tags.json").unlink()
    else:
        seen = tmp_path / "nothing"
    with pytest.raises(EdgeError) as refused:
        stage.run(flags(folder, seen, tmp_path / "out", engines="onnxruntime"))
    assert refused.value.fix
    assert refused.value.exit_code == 2
