"""Teachers: a TFLite classifier, run for its logits or turned back into float weights.

Both need nothing but the LiteRT interpreter: it hands out every tensor with its scale.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray
from torch import nn

from edge.records import F32, U8
from quantize.students import EMBEDDING, Student

# XNNPACK swallows the graph into one operation and hides its tensors.
PLAIN = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES


class Teacher:
    """A quantised TFLite classifier that ends in softmax: 1,000 classes, background left out."""

    def __init__(self, path: Path, threads: int = 2) -> None:
        self._run = Interpreter(
            str(path),
            num_threads=threads,
            experimental_op_resolver_type=PLAIN,
            experimental_preserve_all_tensors=True,
        )
        self._run.allocate_tensors()
        self._input: int = self._run.get_input_details()[0]["index"]
        softmax = [op for op in self._run._get_ops_details() if op["op_name"] == "SOFTMAX"]
        self._logits: int = softmax[-1]["inputs"][0]
        self.height, self.width = self._run.get_input_details()[0]["shape"][1:3]

    def logits(self, picture: U8) -> F32:
        """(height, width, 3) uint8 RGB -> (1000,) float32, before the softmax rounds them off."""
        self._run.set_tensor(self._input, picture[None])
        self._run.invoke()
        return _float(self._run, self._logits).reshape(-1)[1:]


def load_into(student: Student, path: Path, tags_head: str = "tags") -> None:
    """Fill a student's backbone and its `tags` head from a quantised TFLite MobileNetV2.

    weight = (integer - zero point) x scale, by channel; bias likewise. Batch norm starts as
    "no change": `restore_norm` gives it real statistics. Raises ValueError when shapes do not fit.
    """
    run = Interpreter(str(path), experimental_op_resolver_type=PLAIN)
    run.allocate_tensors()
    layers = [op for op in run._get_ops_details() if op["op_name"].endswith("CONV_2D")]
    convolutions = student.convolutions()
    if len(layers) != len(convolutions) + 1:
        raise ValueError(f"{path}: {len(layers)} convolutions, expected {len(convolutions) + 1}")
    for op, conv in zip(layers, convolutions):
        weight = torch.from_numpy(_float(run, op["inputs"][1]))  # (out, h, w, in) or (1, h, w, out)
        depthwise = op["op_name"] == "DEPTHWISE_CONV_2D"
        weight = weight.permute(3, 0, 1, 2) if depthwise else weight.permute(0, 3, 1, 2)
        conv.conv.weight.data.copy_(weight)
        conv.norm.bias.data.copy_(torch.from_numpy(_float(run, op["inputs"][2])))
        # var + eps = 1, so the layer computes exactly conv + bias.
        conv.norm.running_var.fill_(1 - conv.norm.eps)  # type: ignore[union-attr, operator]
    head = student.heads[tags_head]
    weight = torch.from_numpy(_float(run, layers[-1]["inputs"][1])).reshape(-1, EMBEDDING)
    head.weight.data.copy_(weight[1:])
    head.bias.data.copy_(torch.from_numpy(_float(run, layers[-1]["inputs"][2]))[1:])


@torch.no_grad()
def restore_norm(student: Student, pictures: torch.Tensor) -> None:
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


def _restore(norm: nn.BatchNorm2d) -> Any:
    def hook(_: nn.Module, __: Any, out: torch.Tensor) -> None:
        mean, var = out.mean((0, 2, 3)), out.var((0, 2, 3))
        # A channel that never moves keeps a scale it can train with.
        var = var.clamp(min=1e-4)
        norm.running_mean.copy_(mean)  # type: ignore[union-attr]
        norm.running_var.copy_(var)  # type: ignore[union-attr]
        norm.weight.data.copy_((var + norm.eps).sqrt())
        norm.bias.data.add_(mean)

    return hook


def _float(run: Interpreter, index: int) -> F32:
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
    return (values.astype(np.float32) - zeros.reshape(shape)) * scales.reshape(shape)
