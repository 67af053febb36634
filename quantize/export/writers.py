"""One function a format. All of them write float32 and take uint8 NHWC.

ONNX and OpenVINO IR keep the batch open; TFLite's is fixed at 1, and the runtime feeds it one
picture after the other.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
from torch import Tensor, nn

from quantize import disk
from quantize.errors import WorkshopError, reason
from quantize.export.deployed import Deployed
from quantize.export.files import FILES
from quantize.export.quiet import LOG, logged

MAX_BATCH = 64
COPIES = 2  # of the weights: the file, and what a converter writes on the way


def to_onnx(model: Deployed, side: int, file: Path) -> int:
    """Input `pixels` (batch, side, side, 3) uint8, one output a name. Returns the opset."""
    import onnx
    import onnxslim  # type: ignore[import-untyped]

    example = torch.zeros(2, side, side, 3, dtype=torch.uint8)
    batch = torch.export.Dim("batch", min=1, max=MAX_BATCH)
    with logged(file.parent / LOG):
        program = torch.onnx.export(
            model.eval(), (example,), dynamo=True, input_names=["pixels"],
            output_names=list(model.names), dynamic_shapes={"pixels": {0: batch}}, verbose=False,
        )  # fmt: skip
        assert program is not None
        slim = onnxslim.slim(program.model_proto)
        onnx.save(slim, file)
    return next(int(o.version) for o in slim.opset_import if o.domain in ("", "ai.onnx"))


def to_openvino(onnx_file: Path, file: Path) -> None:
    """An ONNX file -> `file` (.xml) and its .bin, weights in float32."""
    import openvino

    with logged(file.parent / LOG):
        model = openvino.Core().read_model(str(onnx_file))
        openvino.save_model(model, str(file), compress_to_fp16=False)


def to_tflite(model: nn.Module, example: Tensor, file: Path) -> None:
    """Static shape: that of `example`, (1, side, side, 3) uint8 for a Deployed."""
    with logged(file.parent / LOG):
        import litert_torch  # type: ignore[import-untyped]

        litert_torch.convert(model.eval(), (example,)).export(str(file))


def write(engine: str, model: Deployed, side: int, folder: Path) -> dict[str, int]:
    """The engine's files in `folder`. Returns what else there is to tell: ONNX's opset.

    Raises WorkshopError that keeps the converter's reason, and DiskError when there is no room.
    """
    first = folder / FILES[engine][0]
    disk.require(COPIES * floats_bytes(model), folder)
    try:
        if engine == "onnxruntime":
            return {"opset": to_onnx(model, side, first)}
        if engine == "openvino":
            _openvino(model, side, first)
        else:
            to_tflite(model, torch.zeros(1, side, side, 3, dtype=torch.uint8), first)
    except Exception as e:  # a converter may raise anything
        raise WorkshopError(
            f"{model.student.name} for {engine}",
            f"does not convert: {reason(e)}",
            "a student made of what the converter knows",
            f"{folder / LOG} has it all; or --engines without {engine}",
        ) from e
    return {}


def floats_bytes(model: nn.Module) -> int:
    """What its weights take in single precision."""
    return 4 * sum(p.numel() for p in model.parameters())


def _openvino(model: Deployed, side: int, xml: Path) -> None:
    """By way of ONNX, which lies beside it already when ONNX Runtime's was written first."""
    beside = xml.parent / FILES["onnxruntime"][0]
    if beside.exists():
        return to_openvino(beside, xml)
    with tempfile.TemporaryDirectory() as between:
        to_onnx(model, side, Path(between) / beside.name)
        return to_openvino(Path(between) / beside.name, xml)
