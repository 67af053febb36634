"""Make the tiny models beside this file: `python -m tests.contract.models.make`.

They are committed, a few KB, so that each engine is tested where only that engine is installed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import onnx
import openvino
from ai_edge_litert import schema_py_generated as tfl
from onnx import TensorProto, helper, numpy_helper

from tests.tiny import HEIGHT, LAYERS, WIDTH

HERE = Path(__file__).parent

FLOAT, UINT8, INT8, INT32 = (
    tfl.TensorType.FLOAT32,
    tfl.TensorType.UINT8,
    tfl.TensorType.INT8,
    tfl.TensorType.INT32,
)


def onnx_model(batch: str | int = "N", pixels: int = TensorProto.UINT8, outside: str = "") -> bytes:
    """`outside` names a file that is said to hold the weights."""
    nodes = [
        helper.make_node("Cast", ["pixels"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float"], ["mean"], axes=[1, 2], keepdims=0),
    ]
    weights, outputs = [], []
    for name, (w, b) in LAYERS.items():
        nodes.append(helper.make_node("Gemm", ["mean", f"{name}.w", f"{name}.b"], [name], transB=1))
        weights.append(numpy_helper.from_array(np.array(w, np.float32) / 255, f"{name}.w"))
        weights.append(numpy_helper.from_array(np.array(b, np.float32), f"{name}.b"))
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, len(b)]))
    if outside:
        onnx.external_data_helper.set_external_data(weights[0], outside)
        weights[0].ClearField("raw_data")
    inputs = [helper.make_tensor_value_info("pixels", pixels, [batch, HEIGHT, WIDTH, 3])]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())


class TflWriter:
    """One graph, a tensor and an operator at a time."""

    def __init__(self) -> None:
        self.model = tfl.ModelT()
        self.model.version = 3
        self.model.buffers = [tfl.BufferT()]
        self.model.operatorCodes = []
        self.graph = tfl.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []

    def tensor(
        self, name: str, shape: list[int], kind: int, data: np.ndarray[Any, Any] | None = None,
        scale: float = 0.0, zero: int = 0,
    ) -> int:  # fmt: skip
        t = tfl.TensorT()
        t.name, t.shape, t.type, t.buffer = name, shape, kind, 0
        if data is not None:
            buffer = tfl.BufferT()
            buffer.data = list(data.tobytes())
            self.model.buffers.append(buffer)
            t.buffer = len(self.model.buffers) - 1
        if scale:
            t.quantization = tfl.QuantizationParametersT()
            t.quantization.scale, t.quantization.zeroPoint = [scale], [zero]
        self.graph.tensors.append(t)
        return len(self.graph.tensors) - 1

    def op(
        self, code: int, inputs: list[int], output: int, options: Any = None, kind: int = 0
    ) -> None:
        o = tfl.OperatorT()
        named = tfl.OperatorCodeT()
        named.builtinCode, named.deprecatedBuiltinCode, named.version = code, code, 1
        self.model.operatorCodes.append(named)
        o.opcodeIndex, o.inputs, o.outputs = len(self.model.operatorCodes) - 1, inputs, [output]
        if options is not None:
            o.builtinOptions, o.builtinOptionsType = options, kind
        self.graph.operators.append(o)

    def bytes(self, inputs: dict[str, int], outputs: dict[str, int]) -> bytes:
        self.graph.inputs, self.graph.outputs = list(inputs.values()), list(outputs.values())
        self.model.subgraphs = [self.graph]
        signature = tfl.SignatureDefT()
        signature.signatureKey, signature.subgraphIndex = "serving_default", 0
        signature.inputs = [_named(*item) for item in inputs.items()]
        signature.outputs = [_named(*item) for item in outputs.items()]
        self.model.signatureDefs = [signature]
        builder = flatbuffers.Builder(4096)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def _named(name: str, index: int) -> Any:
    named = tfl.TensorMapT()
    named.name, named.tensorIndex = name, index
    return named


def tflite_model(kind: int, scale: float = 0.0, zero: int = 0) -> bytes:
    """Input of type `kind`. With int8 the output `hues` is int8 too."""
    g = TflWriter()
    ops, types = tfl.BuiltinOperator, tfl.BuiltinOptions
    pixels = g.tensor("in:0", [1, HEIGHT, WIDTH, 3], kind, None, scale, zero)
    x = pixels
    if kind != FLOAT:
        x = g.tensor("x", [1, HEIGHT, WIDTH, 3], FLOAT)
        g.op(ops.DEQUANTIZE if scale else ops.CAST, [pixels], x)
    axes = g.tensor("axes", [2], INT32, np.array([1, 2], np.int32))
    mean = g.tensor("mean", [1, 3], FLOAT)
    g.op(ops.MEAN, [x, axes], mean, tfl.ReducerOptionsT(), types.ReducerOptions)
    step, shift = (scale, scale * (-128 - zero)) if scale else (1.0, 0.0)  # x = step * byte + shift
    outputs = {}
    for name, (w, b) in LAYERS.items():
        per_x = np.array(w) / 255 / step
        weights = g.tensor(f"{name}.w", list(per_x.shape), FLOAT, per_x.astype(np.float32))
        bias = np.array(b) - per_x.sum(1) * shift
        shifted = g.tensor(f"{name}.b", [len(b)], FLOAT, bias.astype(np.float32))
        out = g.tensor(f"{name}:0", [1, len(b)], FLOAT)
        g.op(ops.FULLY_CONNECTED, [mean, weights, shifted], out, tfl.FullyConnectedOptionsT(),
             types.FullyConnectedOptions)  # fmt: skip
        if name == "hues" and kind == INT8:
            real, out = out, g.tensor("hues:q", [1, len(b)], INT8, None, 0.05, 3)
            g.op(ops.QUANTIZE, [real], out)
        outputs[name] = out
    return g.bytes({"pixels": pixels}, outputs)


def main() -> None:
    (HERE / "tiny.onnx").write_bytes(onnx_model())
    (HERE / "tiny_one.onnx").write_bytes(onnx_model(batch=1))
    (HERE / "tiny_two.onnx").write_bytes(onnx_model(batch=2))
    (HERE / "tiny_float.onnx").write_bytes(onnx_model(pixels=TensorProto.FLOAT))
    (HERE / "tiny_outside.onnx").write_bytes(onnx_model(outside="weights.bin"))
    read = openvino.Core().read_model(model=onnx_model(), weights=b"")
    openvino.save_model(read, HERE / "tiny.xml", compress_to_fp16=False)
    (HERE / "tiny_uint8.tflite").write_bytes(tflite_model(UINT8))
    (HERE / "tiny_float.tflite").write_bytes(tflite_model(FLOAT))
    (HERE / "tiny_int8.tflite").write_bytes(tflite_model(INT8, 1 / 127.5, -1))
    (HERE / "tiny_int32.tflite").write_bytes(tflite_model(INT32))


if __name__ == "__main__":
    main()
