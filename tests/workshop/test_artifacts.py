"""Export and int8 on a real student: the files compute what the student does, from raw bytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")
onnx = pytest.importorskip("onnx", reason="pip install 'edge-tag[quantize]'")
pytest.importorskip("litert_torch", reason="pip install 'edge-tag[quantize]'")

from calib_data.scenes import crop  # noqa: E402
from edge.engines import installed, open_engine  # noqa: E402
from edge.records import U8  # noqa: E402
from quantize import export, ptq, students  # noqa: E402
from quantize.compare import FILES  # noqa: E402

# The converters warn about one another's future; nothing of ours can be done about it.
pytestmark = pytest.mark.filterwarnings("ignore")

SIDE = 64
HEADS = {"grocery": 3, "tags": 5}


@pytest.fixture(scope="module")
def pictures() -> U8:
    tags = ("Lemon", "Lime", "Orange", "Kiwi", "Plum", "Banana")
    return np.stack([crop("grocery", t, i, SIDE) for i, t in enumerate(tags * 2)])


@pytest.fixture(scope="module")
def model(pictures: U8) -> export.Deployed:
    torch.manual_seed(0)
    student = students.Student(HEADS).train()
    for _ in range(40):  # batch norm needs statistics before int8 means anything
        student(students.normalise(torch.from_numpy(pictures)))
    return export.Deployed(export.folded(student))


@pytest.fixture(scope="module")
def files(
    model: export.Deployed, pictures: U8, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("artifacts")
    for precision in ("float", "int8"):
        (folder / precision).mkdir()
    export.to_onnx(model, SIDE, folder / "float" / "student.onnx")
    export.to_tflite(model, SIDE, folder / "float" / "student.tflite")
    ptq.onnx_int8(model, pictures, folder / "int8" / "student.onnx")
    ptq.tflite_int8(model, pictures, folder / "int8" / "student.tflite")
    return folder


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino", "tflite"])
def test_float_export_agrees_at_batch_1_2_and_3(
    engine: str, files: Path, model: export.Deployed, pictures: U8
) -> None:
    if engine not in installed():
        pytest.skip(f"{engine} is not installed")
    worst = export.disagreement(model, engine, files / "float" / FILES[engine], pictures)
    assert worst < export.TOLERANCE


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino", "tflite"])
def test_int8_takes_raw_pixels_and_follows_the_student(
    engine: str, files: Path, model: export.Deployed, pictures: U8
) -> None:
    if engine not in installed():
        pytest.skip(f"{engine} is not installed")
    opened = open_engine(engine, [(files / "int8" / FILES[engine]).read_bytes()])
    got = dict(zip(model.names, opened.run(pictures).values()))
    with torch.no_grad():
        wanted = model(torch.from_numpy(pictures))[0].numpy()
    assert np.corrcoef(got["embedding"].ravel(), wanted.ravel())[0, 1] > 0.9
    for name, head in model.student.heads.items():
        with torch.no_grad():
            exact = head(torch.from_numpy(got["embedding"])).numpy()
        # an untrained head says little: what int8 may move is counted in steps of its range
        assert np.abs(got[name] - exact).max() < 0.05 * np.ptp(exact), name


def test_int8_onnx_has_no_float_step_before_the_first_convolution(files: Path) -> None:
    graph = onnx.load(files / "int8" / "student.onnx").graph
    assert graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
    ahead = []
    for node in graph.node:
        if node.op_type == "Conv":
            break
        ahead.append(node.op_type)
    assert set(ahead) <= {"Transpose", "DequantizeLinear"}


def test_a_graph_that_starts_otherwise_is_refused(files: Path) -> None:
    with pytest.raises(ValueError, match="int8 graph starts with"):
        ptq.raw_input(onnx.load(files / "int8" / "student.onnx"))
