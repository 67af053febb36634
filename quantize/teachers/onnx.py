"""Any ONNX classifier, run by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as rt
from numpy.typing import NDArray

from edge.records import F32
from quantize.errors import WorkshopError
from quantize.teachers import Kind, Request, Teacher, needed_checkpoint
from quantize.teachers.card import Card, read_card
from quantize.teachers.classifier import Classifier

MOVES = {"Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten"}  # numbers stay what they are
SAME = MOVES | {"Cast", "QuantizeLinear", "DequantizeLinear"}  # but for rounding
CUTS: dict[str, Kind] = {"Softmax": "softmax", "LogSoftmax": "softmax", "Sigmoid": "sigmoid"}
DTYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
}
FOLDER = "session.model_external_initializers_file_folder_path"


def load(request: Request) -> Teacher:
    """Open the classifier in request.checkpoint. Raises WorkshopError."""
    if request.precision != "fp32":
        raise WorkshopError(
            "--precision", request.precision, "fp32: the file has its own", "leave it out"
        )
    card = read_card(request)
    return Classifier(request, card, OnnxGraph(needed_checkpoint(request), card, request))


class OnnxGraph:
    """The file with its logits and, where found, its embedding as outputs."""

    def __init__(self, file: Path, card: Card, request: Request) -> None:
        self._file, model = file, _read(file)
        logits, self.cut = logits_of(model.graph, output_of(model.graph, card, file), card)
        names = [logits, card.embedding or embedding_of(model.graph, logits)]
        self._names = [name for name in names if name]
        self._size = embedding_size(model.graph, logits)
        self._session = _session(_with_outputs(model, self._names), file, request)
        given = self._session.get_inputs()
        if len(given) != 1:
            raise WorkshopError(file, f"{len(given)} inputs", "one, a picture", "give a classifier")
        self._input = given[0].name
        self.shape = tuple(n if isinstance(n, int) and n > 0 else -1 for n in given[0].shape)
        self.dtype: np.dtype[Any] = np.dtype(DTYPES.get(given[0].type, np.object_))

    def run(self, batch: NDArray[Any]) -> tuple[F32, F32 | None]:
        try:
            found = self._session.run(self._names, {self._input: batch})
        except Exception as e:
            if "onnxruntime" not in type(e).__module__:
                raise
            raise WorkshopError(
                self._file,
                f"does not run with a batch of {len(batch)} ({e})",
                "any number of pictures, as its input says",
                "export it again with a batch of 1, or with one that is really open",
            ) from e
        logits, *more = (np.asarray(a, np.float32).reshape(len(batch), -1) for a in found)
        if not more or (self._size and more[0].shape[1] != self._size):
            return logits, None  # what goes into the last layer is still a map of many places
        return logits, more[0]


def output_of(graph: onnx.GraphProto, card: Card, file: Path) -> str:
    """The name of the output that holds the tags."""
    names = [out.name for out in graph.output]
    if card.output in names:
        return str(card.output)
    if not names:
        raise WorkshopError(file, "no outputs in it", "an ONNX classifier", "--checkpoint FILE")
    if card.output or len(names) != 1:
        raise WorkshopError(
            file,
            f"outputs are {', '.join(names)}",
            repr(card.output) if card.output else "one",
            f'{{"output": "{names[0]}"}} in {file.with_suffix(".json").name}',
        )
    return str(names[0])


def logits_of(graph: onnx.GraphProto, output: str, card: Card) -> tuple[str, Kind | None]:
    """What goes into the softmax or sigmoid that `output` comes out of; else `output` itself."""
    makers = {name: node for node in graph.node for name in node.output}
    node = _maker(output, makers)
    if card.ends == "logits" or node is None or node.op_type not in CUTS:
        return _before(output, makers), None
    return _before(node.input[0], makers), CUTS[node.op_type]


def embedding_of(graph: onnx.GraphProto, logits: str) -> str | None:
    """What goes into the last matrix, where the logits come out of one."""
    matrix = _matrix(graph, logits)
    return matrix.input[0] if matrix else None


def embedding_size(graph: onnx.GraphProto, logits: str) -> int:
    """How many numbers one place of the last matrix's input has; 0: not known."""
    matrix = _matrix(graph, logits)
    if matrix is None:
        return 0
    makers = {name: node for node in graph.node for name in node.output}
    weight = matrix.input[1]
    while weight in makers:  # of a quantised file
        weight = makers[weight].input[0]
    shapes = [tuple(w.dims) for w in graph.initializer if w.name == weight]
    if not shapes:
        return 0
    is_turned = matrix.op_type == "Conv" or any(
        a.name == "transB" and a.i for a in matrix.attribute
    )
    return int(shapes[0][1 if is_turned else 0])


def _matrix(graph: onnx.GraphProto, logits: str) -> onnx.NodeProto | None:
    makers = {name: node for node in graph.node for name in node.output}
    node = _maker(logits, makers)
    if node is not None and node.op_type == "Add":  # the bias of a MatMul
        node = next((n for n in (_maker(i, makers) for i in node.input) if n is not None), None)
    return node if node is not None and node.op_type in ("Gemm", "MatMul", "Conv") else None


def _maker(name: str, makers: dict[str, onnx.NodeProto]) -> onnx.NodeProto | None:
    """The node that computes `name`, seen through those that change no number."""
    node = makers.get(name)
    while node is not None and node.op_type in SAME:
        node = makers.get(node.input[0])
    return node


def _before(name: str, makers: dict[str, onnx.NodeProto]) -> str:
    """The tensor before the reshapes at a file's end: a batch of 1 is often baked into them."""
    while name in makers and makers[name].op_type in MOVES:
        name = makers[name].input[0]
    return name


def _read(file: Path) -> onnx.ModelProto:
    try:
        return onnx.load(str(file), load_external_data=False)
    except Exception as e:  # protobuf's own errors differ by version
        raise WorkshopError(
            file, f"content does not parse ({e})", "ONNX", "--checkpoint FILE"
        ) from e


def _with_outputs(model: onnx.ModelProto, names: list[str]) -> bytes:
    """The file's bytes with these outputs, and only the nodes they need."""
    graph, needed = model.graph, set(names)
    kept: list[onnx.NodeProto] = []
    for node in reversed(graph.node):
        if needed & set(node.output):
            kept.append(node)
            needed |= set(_read_by(node))
    del graph.node[:], graph.output[:]
    graph.node.extend(kept[::-1])
    for name in names:  # the runtime finds out types and shapes by itself
        graph.output.append(onnx.ValueInfoProto(name=name))
    return bytes(model.SerializeToString())


def _read_by(node: onnx.NodeProto) -> Iterator[str]:
    """Names a node reads, those inside the branches of an If or a Loop too."""
    yield from node.input
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for inner in graph.node:
                yield from _read_by(inner)


def _session(model: bytes, file: Path, request: Request) -> rt.InferenceSession:
    options = rt.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = request.threads, 1
    options.log_severity_level = 4  # what it has to say comes as an error
    options.add_session_config_entry(FOLDER, str(file.parent.resolve()))
    wanted = (
        "CUDAExecutionProvider" if request.device.startswith("cuda") else "CPUExecutionProvider"
    )
    if wanted not in rt.get_available_providers():
        raise WorkshopError(
            "--device",
            f"onnxruntime {rt.__version__} has no {wanted}",
            f"one of {', '.join(rt.get_available_providers())}",
            "pip install onnxruntime-gpu, or --device cpu",
        )
    number = int(request.device.partition(":")[2] or 0)
    device = {"device_id": number} if wanted.startswith("CUDA") else {}
    try:
        session = rt.InferenceSession(model, options, providers=[(wanted, device)])
    except Exception as e:
        if "onnxruntime" not in type(e).__module__:
            raise
        raise WorkshopError(
            file, f"does not load ({e})", "an ONNX classifier", "--checkpoint FILE"
        ) from e
    if session.get_providers()[0] != wanted:  # a library that fails to load falls back silently
        raise WorkshopError(
            "--device", f"onnxruntime chose {session.get_providers()[0]}", wanted, "--device cpu"
        )
    return session
