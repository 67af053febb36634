"""Where a student may start: the float weights inside a quantised TFLite MobileNetV2.

The LiteRT interpreter hands out every tensor with its scale; nothing else is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray
from torch import Tensor, nn

from edge.records import F32
from quantize.errors import WorkshopError
from quantize.students.inverted import Conv
from quantize.students.student import Student

# XNNPACK swallows the graph into one operation and hides its tensors.
PLAIN = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
STILL = 1e-4  # least variance of a channel: one that never moves keeps a scale it can train with


def load_into(student: Student, path: Path, tags_head: str = "tags") -> None:
    """Fill a student's backbone from a quantised TFLite network of its shape.

    The head `tags_head` is filled too where the student has it in the file's size, the file's first
    logit (background) left out. Batch norm starts as "no change"; `restore_norm` gives it real
    statistics. Raises WorkshopError when the shapes do not fit.
    """
    run = Interpreter(str(path), experimental_op_resolver_type=PLAIN)
    run.allocate_tensors()
    layers = [op for op in run._get_ops_details() if op["op_name"].endswith("CONV_2D")]
    convolutions = student.convolutions()
    if len(layers) != len(convolutions) + 1:
        raise WorkshopError(
            path,
            f"{len(layers)} convolutions",
            f"{len(convolutions) + 1} as in {student.name} and one for its tags",
            "give the file of that network",
        )
    for op, conv in zip(layers, convolutions):
        _fill(conv, op, run, path)
    if tags_head in student.heads:
        _fill_head(student.heads[tags_head], layers[-1], run)


@torch.no_grad()
def restore_norm(student: Student, pictures: Tensor) -> None:
    """Give every batch norm the statistics of `pictures`; what the network computes stays the same.

    pictures: (N, 3, H, W) normalised. The folded network computes conv + b; a norm with statistics
    (m, v) computes the same when its scale is sqrt(v + eps) and its shift m + b.
    """
    student.eval()
    hooks = [
        conv.conv.register_forward_hook(_restore(conv.norm)) for conv in student.convolutions()
    ]
    student.embed(pictures)
    for hook in hooks:
        hook.remove()


def _restore(norm: nn.BatchNorm2d) -> Callable[[nn.Module, Any, Tensor], None]:
    def hook(_: nn.Module, __: Any, out: Tensor) -> None:
        mean, var = out.mean((0, 2, 3)), out.var((0, 2, 3)).clamp(min=STILL)
        norm.running_mean.copy_(mean)  # type: ignore[union-attr]
        norm.running_var.copy_(var)  # type: ignore[union-attr]
        norm.weight.data.copy_((var + norm.eps).sqrt())
        norm.bias.data.add_(mean)

    return hook


def _fill(conv: Conv, op: dict[str, Any], run: Interpreter, path: Path) -> None:
    weight = torch.from_numpy(_real(run, op["inputs"][1]))  # (out, h, w, in) or (1, h, w, out)
    is_depthwise = op["op_name"] == "DEPTHWISE_CONV_2D"
    weight = weight.permute(3, 0, 1, 2) if is_depthwise else weight.permute(0, 3, 1, 2)
    _check(weight, conv.conv.weight, path)
    conv.conv.weight.data.copy_(weight)
    conv.norm.bias.data.copy_(torch.from_numpy(_real(run, op["inputs"][2])))
    # var + eps = 1, so the layer computes exactly conv + bias.
    conv.norm.running_var.fill_(1 - conv.norm.eps)  # type: ignore[union-attr]


def _fill_head(head: nn.Module, op: dict[str, Any], run: Interpreter) -> None:
    weight = torch.from_numpy(_real(run, op["inputs"][1]))
    weight = weight.reshape(weight.shape[0], -1)[1:]  # (T, embedding), background left out
    if isinstance(head, nn.Linear) and head.weight.shape == weight.shape:
        head.weight.data.copy_(weight)
        head.bias.data.copy_(torch.from_numpy(_real(run, op["inputs"][2]))[1:])


def _check(found: Tensor, wanted: Tensor, path: Path) -> None:
    if found.shape != wanted.shape:
        raise WorkshopError(
            path,
            f"weights are {tuple(found.shape)}",
            f"{tuple(wanted.shape)} as in the student",
            "give the file of that network",
        )


def _real(run: Interpreter, index: int) -> F32:
    """A tensor's real values: (integer - zero point) x scale, by tensor or by channel."""
    details = {t["index"]: t for t in run.get_tensor_details()}[index]
    values: NDArray[Any] = run.get_tensor(index)
    quant = details["quantization_parameters"]
    scales, zeros = quant["scales"].astype(np.float32), quant["zero_points"].astype(np.float32)
    if scales.size == 0:
        return values.astype(np.float32)
    shape = [1] * values.ndim
    if scales.size > 1:
        shape[quant["quantized_dimension"]] = scales.size
    real = (values.astype(np.float32) - zeros.reshape(shape)) * scales.reshape(shape)
    return np.asarray(real, np.float32)
