"""Students that float does not mind and int8 does."""

from __future__ import annotations

import copy

import onnx
import torch

from quantize.students import Student

STREAM = ("backbone.2.layers.2.conv", "backbone.3.layers.2.conv")  # add up to one tensor
READERS = ("backbone.3.layers.0.conv", "backbone.4.layers.0.conv")  # read it
LAST = "backbone.6.conv"


@torch.no_grad()
def wide(student: Student, factor: float) -> Student:
    """Wide activations: one channel of a residual stream is `factor` as large; its readers undo it.

    In float the same function; in int8 the other channels share few of the 256 steps.
    """
    return _louder(student, 1, factor)


@torch.no_grad()
def dead(student: Student, factor: float = 1e-9) -> Student:
    """Dead channels: what half the channels say is `factor` as loud, and listened for as closely.

    In float the same function; a range over all channels leaves these one value.
    """
    half = student.get_submodule(STREAM[0]).weight.shape[0] // 2
    return _louder(student, half, factor)


def _louder(student: Student, channels: int, factor: float) -> Student:
    worse = copy.deepcopy(student)
    for name in STREAM:  # linear: nothing bends what they say
        for part in _says(worse, name):
            part[:channels] *= factor
    for name in READERS:
        worse.get_submodule(name).weight[:, :channels] /= factor
    return worse


@torch.no_grad()
def overflowing(student: Student, channels: int = 8) -> Student:
    """Overflowing bias: kernels so small that bias / (input step x weight step) leaves int32."""
    worse = copy.deepcopy(student)
    weight, bias = _says(worse, LAST)
    weight[:channels] *= 1e-12
    bias[:channels] = 3.0
    return worse


def numb(data: bytes) -> bytes:
    """An ONNX file whose embedding is always 0, while its heads answer as before."""
    made = onnx.load_from_string(data)
    for node in made.graph.node:
        for names in (node.input, node.output):
            names[:] = ["felt" if name == "embedding" else name for name in names]
    nothing = onnx.helper.make_tensor("nothing", onnx.TensorProto.FLOAT, [], [0.0])
    made.graph.initializer.append(nothing)
    made.graph.node.append(onnx.helper.make_node("Mul", ["felt", "nothing"], ["embedding"]))
    return bytes(made.SerializeToString())


def _says(student: Student, name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight and bias of a convolution, or of the batch norm after it where it is not folded."""
    conv, norm = student.get_submodule(name), student.get_submodule(f"{name[:-5]}.norm")
    last = norm if isinstance(norm, torch.nn.BatchNorm2d) else conv
    return last.weight.data, last.bias.data
