"""Stage `quantize`: float artifacts -> int8, static ranges, weights by channel (`static_w8c_a8`).

The student comes with its weights on the int8 grid (rounding.py). Both int8 files take raw pixels
with no float step: the input's scale and zero point ARE the normalisation. ONNX gets uint8
activations and int8 weights, because with int8 activations onnxruntime 1.31 runs depthwise layers
in float on x86.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import Tensor, nn

from edge.records import U8
from quantize.export import Deployed, to_onnx
from quantize.students import MEAN, SCALE

RECIPE = "static_w8c_a8"


class Core(nn.Module):
    """A deployed student behind its normalisation: (N, H, W, 3) float32 about -1..1 in."""

    def __init__(self, model: Deployed) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        outputs = self.model.student(x.permute(0, 3, 1, 2))
        return tuple(outputs[name] for name in self.model.names)


class Reader(CalibrationDataReader):  # type: ignore[misc]
    """Calibration pictures one at a time, as onnxruntime asks for them."""

    def __init__(self, pictures: U8) -> None:
        self._pictures: Iterator[U8] = iter(pictures)

    def get_next(self) -> dict[str, U8] | None:
        picture = next(self._pictures, None)
        return None if picture is None else {"pixels": picture[None]}


def onnx_int8(model: Deployed, pictures: U8, file: Path) -> None:
    """Convert and quantise with ranges seen on `pictures` (N, H, W, 3) uint8; write `file`."""
    logging.getLogger().setLevel(logging.ERROR)  # its advice to pre-process is followed here
    with tempfile.TemporaryDirectory() as folder:
        plain, prepared, quantised = (Path(folder) / f"{i}.onnx" for i in range(3))
        to_onnx(model, pictures.shape[1], plain)
        quant_pre_process(plain, prepared)
        quantize_static(
            prepared,
            quantised,
            Reader(pictures),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            # Logits leave the graph in float: a thousand of them do not fit 256 steps.
            extra_options={"OpTypesToExcludeOutputQuantization": ["Gemm"]},
        )
        onnx.save(raw_input(onnx.load(quantised)), file)


def raw_input(model: onnx.ModelProto) -> onnx.ModelProto:
    """Replace cast, subtract, divide, transpose, quantise by a transpose of the bytes themselves.

    What follows is the first DequantizeLinear; with scale 1/127.5 and zero point 127 it normalises.
    Raises ValueError when the graph does not start that way.
    """
    graph = model.graph
    first = next(node for node in graph.node if node.op_type == "QuantizeLinear")
    ahead = list(graph.node)[: list(graph.node).index(first) + 1]
    ahead = [node for node in ahead if node.op_type != "DequantizeLinear"]
    kinds = [node.op_type for node in ahead]
    if sorted(kinds) != sorted(["Cast", "Sub", "Div", "Transpose", "QuantizeLinear"]):
        raise ValueError(
            f"int8 graph starts with {kinds}, expected cast, subtract, divide, transpose, quantise"
        )
    for node in ahead:
        graph.node.remove(node)
    bytes_first = helper.make_node("Transpose", ["pixels"], [first.output[0]], perm=[0, 3, 1, 2])
    graph.node.insert(0, bytes_first)
    _set(graph, first.input[1], np.array(1 / SCALE, np.float32))
    _set(graph, first.input[2], np.array(MEAN, np.uint8))
    graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    onnx.checker.check_model(model)
    return model


def _set(graph: onnx.GraphProto, name: str, value: np.ndarray) -> None:
    for tensor in graph.initializer:
        if tensor.name == name:
            tensor.CopyFrom(numpy_helper.from_array(value.reshape(tuple(tensor.dims)), name))


def tflite_int8(model: Deployed, pictures: U8, file: Path) -> None:
    """Convert and quantise with ranges seen on `pictures` (N, H, W, 3) uint8; write `file`."""
    import litert_torch
    from ai_edge_quantizer import calibrator, quantizer, recipe, recipe_manager

    height, width = pictures.shape[1:3]
    with tempfile.TemporaryDirectory() as folder:
        core = Path(folder) / "core.tflite"
        litert_torch.convert(Core(model).eval(), (torch.zeros(1, height, width, 3),)).export(
            str(core)
        )
        quantise = quantizer.Quantizer(str(core))
        quantise.load_quantization_recipe(recipe.static_wi8_ai8())
        rules = recipe_manager.RecipeManager()
        rules.load_quantization_recipe(recipe.static_wi8_ai8())
        watch = calibrator.Calibrator(core.read_bytes(), qsv_update_func=widest)
        inputs = [{"args_0": (p[None].astype(np.float32) - MEAN) / SCALE} for p in pictures]
        watch.calibrate({"serving_default": inputs}, rules)
        ranges = watch.get_model_qsvs()
        # The whole range of a byte, so that int8 = uint8 - 128 exactly.
        name = next(key for key in ranges if "args_0" in key)
        ranges[name]["min"] = np.full_like(ranges[name]["min"], -MEAN / SCALE)
        ranges[name]["max"] = np.full_like(ranges[name]["max"], (255 - MEAN) / SCALE)
        file.write_bytes(quantise.quantize(ranges).quantized_model)


def widest(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """A tensor's range so far and on one more picture -> both.

    The default is a moving average, which cuts off the largest logits: ties among the best tags.
    """
    if not old:
        return new
    return {"min": np.minimum(old["min"], new["min"]), "max": np.maximum(old["max"], new["max"])}
