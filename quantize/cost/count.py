"""An ONNX file -> what it has a device do, by kind of layer."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import onnx

from edge.boards.work import Kind, Network, Work

# What every engine joins to the layer before, or turns into nothing.
JOINED = {
    *("QuantizeLinear", "DequantizeLinear", "Cast", "Sub", "Div", "Transpose"),
    *("Clip", "Relu", "Min", "Max", "Identity", "BatchNormalization", "Concat"),
    *("Flatten", "Reshape", "Squeeze", "Unsqueeze", "Constant", "Shape", "Gather"),
}
Shapes = Mapping[str, tuple[int, ...]]


def counted(model: onnx.ModelProto, name: str) -> Network:
    """Layers, multiplications, weights and activations of one picture, by kind of layer.

    Float and int8 (QDQ) graphs of the same network give the same. Raises ValueError for a graph
    whose input is no picture, or where the shape of a layer cannot be told.
    """
    shapes = _shapes(model)
    found: dict[Kind, Work] = {}
    for node in model.graph.node:
        if node.op_type in JOINED:
            continue
        kind, work = _layer(node, shapes)
        before = found.get(kind, Work(0, 0, 0, 0))
        sums = (getattr(before, key) + getattr(work, key) for key in Work.__struct_fields__)
        found[kind] = Work(*sums)
    side_px = max(shapes[model.graph.input[0].name])
    return Network(name, side_px, found)


def _layer(node: onnx.NodeProto, shapes: Shapes) -> tuple[Kind, Work]:
    try:
        made = [prod(shapes[name]) for name in node.output if name]
        read = [shapes[name] for name in node.input if name]
    except KeyError as e:
        raise ValueError(f"{node.op_type} {node.name!r}: the shape of {e} is not known") from None
    activations = prod(read[0]) + sum(made)
    if node.op_type == "Conv":
        kernel = read[1]  # (out, in a group, kh, kw)
        groups = next((a.i for a in node.attribute if a.name == "group"), 1)
        macs, weights = made[0] * prod(kernel[1:]), prod(kernel)
        return _kind(kernel, groups), Work(1, macs, weights, activations)
    if node.op_type in ("Gemm", "MatMul"):
        weights = prod(read[1])
        return "linear", Work(1, made[0] * read[0][-1], weights, activations)
    return "other", Work(1, 0, 0, sum(map(prod, read)) + sum(made))


def _kind(kernel: tuple[int, ...], groups: int) -> Kind:
    if groups > 1 and kernel[1] == 1:
        return "depthwise"
    return "pointwise" if prod(kernel[2:]) == 1 else "conv"


def _shapes(model: onnx.ModelProto) -> Shapes:
    """Of every tensor, for one picture."""
    alone = onnx.ModelProto()
    alone.CopyFrom(model)
    [fed] = alone.graph.input
    fed.type.tensor_type.shape.dim[0].dim_value = 1
    for out in alone.graph.output:
        out.type.tensor_type.shape.dim[0].dim_value = 1
    del alone.graph.value_info[:]
    inferred = onnx.shape_inference.infer_shapes(alone, data_prop=True)
    shapes = {tensor.name: tuple(tensor.dims) for tensor in inferred.graph.initializer}
    for value in (*inferred.graph.input, *inferred.graph.value_info, *inferred.graph.output):
        dims = value.type.tensor_type.shape.dim
        if all(dim.HasField("dim_value") for dim in dims):
            shapes[value.name] = tuple(dim.dim_value for dim in dims)
    if len(shapes.get(fed.name, ())) != 4:
        raise ValueError(f"input {fed.name!r} is no picture, expected (N, H, W, 3)")
    return shapes
