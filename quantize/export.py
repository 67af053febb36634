"""Stage `export`: the student as float ONNX and TFLite that take uint8 NHWC pixels.

Batch norm is folded into the convolutions first, so both files hold convolutions, ReLU6, additions
and matrices alone. An export that disagrees with the student by more than TOLERANCE fails.
"""

from __future__ import annotations

import copy
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxslim
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from edge.engines import open_engine
from edge.records import U8
from quantize.students import Conv, Student, normalise

TOLERANCE = 2e-3  # logits; both exporters were seen within 1e-4


class Deployed(nn.Module):
    """A folded student as a device sees it: (N, H, W, 3) pixels in, a tuple of `names` out."""

    def __init__(self, student: Student) -> None:
        super().__init__()
        self.student = student
        self.names = ("embedding", *student.heads)

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        outputs = self.student(normalise(pixels))
        return tuple(outputs[name] for name in self.names)


def folded(student: Student) -> Student:
    """A copy in evaluation mode, batch norm folded into the convolutions."""
    student = copy.deepcopy(student).eval()
    for layer in student.convolutions():
        fused: Conv = layer
        fused.conv = fuse_conv_bn_eval(layer.conv, layer.norm)
        fused.norm = nn.Identity()  # type: ignore[assignment]
    return student.to(memory_format=torch.contiguous_format)


def to_onnx(model: Deployed, side: int, file: Path) -> None:
    """Write float ONNX: input `pixels` (batch, side, side, 3) uint8, one output a name."""
    example = torch.zeros(2, side, side, 3, dtype=torch.uint8)
    batch = torch.export.Dim("batch", min=1, max=64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            model, (example,), dynamo=True, input_names=["pixels"], output_names=list(model.names),
            dynamic_shapes={"pixels": {0: batch}}, verbose=False,
        )  # fmt: skip
    onnx.save(onnxslim.slim(program.model_proto), file)


def to_tflite(model: Deployed, side: int, file: Path) -> None:
    """Write float TFLite: (1, side, side, 3) float32 of 0..255 in, outputs in order of names."""
    import litert_torch

    example = (torch.zeros(1, side, side, 3),)
    litert_torch.convert(model, example).export(str(file))


def disagreement(model: Deployed, engine: str, file: Path, pictures: U8) -> float:
    """Largest difference of any output at batch 1, 2, 3: a dynamic batch can be silently wrong."""
    opened = open_engine(engine, [file.read_bytes()])
    with torch.no_grad():
        wanted = [t.numpy() for t in model(torch.from_numpy(pictures[:3]))]
    worst = 0.0
    for n in (1, 2, 3):
        got = opened.run(pictures[:n])
        for i, name in enumerate(o.name for o in opened.outputs):
            worst = max(worst, float(np.abs(got[name] - wanted[i][:n]).max()))
    return worst
