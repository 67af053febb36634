"""int8 for ONNX Runtime: a QDQ graph, weights by channel, uint8 activations (U8S8).

The file takes raw pixels with no float step: the input's scale and zero point ARE the
normalisation. Activations are uint8 and weights int8, because with int8 activations onnxruntime
1.31 runs depthwise layers in float on x86.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as rt
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationMethod, QDQQuantizer, QuantType, TensorsData
from onnxruntime.quantization.registry import QDQRegistry
from tqdm import tqdm

from edge.records import F32, U8
from quantize.export.quiet import LOG, logged
from quantize.export.writers import to_onnx
from quantize.int8.layers import (
    Node,
    Print,
    as_stored,
    constants,
    layer_of,
    layers,
    layers_of,
    prints,
)
from quantize.int8.ranges import observe
from quantize.int8.subject import Subject
from quantize.students import MEAN, SCALE, normalise

NORMALISATION = ("Cast", "Sub", "Div", "Transpose")  # what `normalise` becomes


class OnnxQdq:
    """A float graph and what was seen in it: any number of int8 files can be made of it."""

    def __init__(self, subject: Subject, pictures: U8, folder: Path) -> None:
        """pictures (N, H, W, 3) uint8: what the ranges are measured on. `folder`: for what lies
        between.
        """
        x = normalise(torch.from_numpy(pictures[:1]))
        named = layers(subject.rounded.student, x)
        self._rough, self._exact = constants(named), constants(layers(subject.exact, x))
        self._subject, self._log = subject, folder / LOG
        self.methods = subject.methods
        to_onnx(subject.rounded, pictures.shape[1], folder / "float.onnx")
        self._graph = _typed(onnx.load(folder / "float.onnx"))
        self.nodes = _nodes(self._graph, prints(named))
        self._seen = observe(tqdm(_tensors(self._graph, pictures), "ranges", len(pictures),
                                  disable=None, leave=False))  # fmt: skip

    def build(self, method: str, kept: Set[str] = frozenset()) -> list[bytes]:
        """The ONNX file with ranges by `method` and the layers `kept` in float."""
        outputs = [out.name for out in self._graph.graph.output]
        ranges = self._subject.ranges(method, self._seen, outputs, self.nodes)
        excluded = self._subject.in_float(self.nodes, kept)
        with logged(self._log):
            graph = self.graph(layers_of(self.nodes, excluded))
            return [_quantised(graph, ranges, excluded).SerializeToString()]

    def graph(self, exact: Set[str] = frozenset()) -> onnx.ModelProto:
        """The float graph, on the grid; off it, as they learned, the layers `exact`."""
        graph = onnx.ModelProto()
        graph.CopyFrom(self._graph)
        held = {tensor.name: tensor for tensor in graph.graph.initializer}
        for node in self.nodes:
            if node.layer in exact:
                self._mend(node, held)
        return graph

    def _mend(self, node: Node, held: Mapping[str, TensorProto]) -> None:
        assert node.layer is not None
        for name, new, old in zip(
            node.inputs[1:], self._exact[node.layer], self._rough[node.layer]
        ):
            stored = numpy_helper.to_array(held[name])
            turned = as_stored(new, stored, old) if new.ndim > 1 else new
            if turned is not None and turned.shape == stored.shape:
                held[name].CopyFrom(numpy_helper.from_array(turned, name))


def _typed(model: onnx.ModelProto) -> onnx.ModelProto:
    """With the type of every tensor, and a name for every node: the quantiser goes by both."""
    for i, node in enumerate(model.graph.node):
        node.name = node.name or f"node_{i}"
    return onnx.shape_inference.infer_shapes(model)


def _floats(model: onnx.ModelProto) -> list[str]:
    """Tensors that a quantiser may ask the range of."""
    told = [*model.graph.value_info, *model.graph.input, *model.graph.output]
    kinds = {value.name: value.type.tensor_type.elem_type for value in told}
    made = [name for node in model.graph.node for name in node.output]
    return [name for name in made if kinds.get(name) == TensorProto.FLOAT]


def _tensors(model: onnx.ModelProto, pictures: U8) -> Iterator[dict[str, F32]]:
    """Every float tensor of the graph, a picture at a time."""
    open_graph = onnx.ModelProto()
    open_graph.CopyFrom(model)
    known = {out.name for out in model.graph.output}
    names = _floats(model)
    open_graph.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        for name in names
        if name not in known
    )
    options = rt.SessionOptions()
    options.log_severity_level = 4
    session = rt.InferenceSession(
        open_graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    [fed] = session.get_inputs()
    for picture in pictures:
        yield dict(zip(names, session.run(names, {fed.name: picture[None]})))


def _nodes(model: onnx.ModelProto, known: Mapping[str, Print]) -> list[Node]:
    kernels = {t.name: t for t in model.graph.initializer}
    nodes = []
    for node in model.graph.node:
        layer = None
        if len(node.input) > 1 and node.input[1] in kernels:
            layer = layer_of(numpy_helper.to_array(kernels[node.input[1]]), known)
        nodes.append(Node(node.name, tuple(node.input), tuple(node.output), layer))
    return nodes


def _quantised(
    model: onnx.ModelProto, ranges: dict[str, tuple[float, float]], excluded: set[str]
) -> onnx.ModelProto:
    seen = {name: tuple(np.array(end, np.float32) for end in span) for name, span in ranges.items()}
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    tool = QDQQuantizer(
        copy,
        True,  # weights by channel
        False,  # the whole range of int8: our sessions do not overflow without VNNI
        QuantType.QInt8,
        QuantType.QUInt8,
        TensorsData(CalibrationMethod.MinMax, seen),
        [],
        sorted(excluded),
        list(QDQRegistry),
        # Logits leave the graph in float: a thousand of them do not fit 256 steps.
        {"OpTypesToExcludeOutputQuantization": ["Gemm"]},
    )
    tool.quantize_model()
    tool.model.topological_sort()  # it appends its nodes at the end
    tool.model.clean_initializers()
    return raw_input(tool.model.model)


def raw_input(model: onnx.ModelProto) -> onnx.ModelProto:
    """Replace cast, subtract, divide, transpose, quantise by a transpose of the bytes themselves.

    What follows is the first DequantizeLinear; with scale 1/127.5 and zero point 127 it normalises.
    A graph whose first layer stays in float has no such start, and is left as it is.
    """
    graph = model.graph
    ahead = _start(graph)
    if ahead is None:
        return model
    first = ahead[-1]
    for node in ahead:
        graph.node.remove(node)
    bytes_first = helper.make_node(
        "Transpose", [graph.input[0].name], [first.output[0]], perm=[0, 3, 1, 2]
    )
    graph.node.insert(0, bytes_first)
    _set(graph, first.input[1], np.array(1 / SCALE, np.float32))
    _set(graph, first.input[2], np.array(MEAN, np.uint8))
    onnx.checker.check_model(model)
    return model


def _start(graph: onnx.GraphProto) -> list[onnx.NodeProto] | None:
    """The normalisation and the quantisation after it, when nothing else reads between them."""
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    found, at = [], graph.input[0].name
    for kind in (*NORMALISATION, "QuantizeLinear"):
        next_ones = readers.get(at, [])
        if len(next_ones) != 1 or next_ones[0].op_type != kind:
            return None
        found.append(next_ones[0])
        at = next_ones[0].output[0]
    return found


def _set(graph: onnx.GraphProto, name: str, value: np.ndarray) -> None:
    for tensor in graph.initializer:
        if tensor.name == name:
            tensor.CopyFrom(numpy_helper.from_array(value.reshape(tuple(tensor.dims)), name))


def prepare(subject: Subject, pictures: U8, folder: Path, _: Mapping[str, object]) -> OnnxQdq:
    """Convert and look at the pictures."""
    return OnnxQdq(subject, pictures, folder)
