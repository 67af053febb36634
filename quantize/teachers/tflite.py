"""Any TFLite classifier, in integers or floats, run by LiteRT.

The file is written anew in memory: what comes after the logits is cut off, and the embedding is
made an output, so that the fast kernels run it and a batch passes the reshapes at its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import flatbuffers
import msgspec
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from edge.records import F32
from quantize.errors import WorkshopError
from quantize.teachers import Kind, Request, Teacher, needed_checkpoint
from quantize.teachers.card import Card, read_card
from quantize.teachers.classifier import Classifier

OPS = schema.BuiltinOperator
SAME = {OPS.RESHAPE, OPS.SQUEEZE, OPS.EXPAND_DIMS, OPS.QUANTIZE, OPS.DEQUANTIZE, OPS.CAST}
CUTS: dict[int, Kind] = {
    OPS.SOFTMAX: "softmax",
    OPS.LOG_SOFTMAX: "softmax",
    OPS.LOGISTIC: "sigmoid",
}
MATRICES = {OPS.FULLY_CONNECTED, OPS.CONV_2D}
MAGIC = b"TFL3"  # bytes 4 to 8 of every TFLite file


def load(request: Request) -> Teacher:
    """Open the classifier in request.checkpoint. Raises WorkshopError."""
    for flag, value, only in (
        ("--precision", request.precision, "fp32"),
        ("--device", request.device, "cpu"),
    ):
        if value != only:
            raise WorkshopError(flag, value, f"{only} with --teacher tflite", "leave it out")
    card = read_card(request)
    return Classifier(request, card, TfliteGraph(needed_checkpoint(request), card, request.threads))


class TfliteGraph:
    """The file with its logits and, where found, its embedding as outputs."""

    def __init__(self, file: Path, card: Card, threads: int) -> None:
        model = _read(file)
        graph = model.subgraphs[0]
        if len(graph.inputs) != 1:
            raise WorkshopError(
                file, f"{len(graph.inputs)} inputs", "one, a picture", "give a classifier"
            )
        cut = cut_graph(model, _output(model, card, file), card)
        self.cut, self._size = cut.kind, cut.embedding_size
        self._run = _opened(_packed(model, cut.outputs), file, threads)
        given = self._run.get_input_details()[0]
        self._input: int = given["index"]
        self.dtype: np.dtype[Any] = np.dtype(given["dtype"])
        shape = tuple(int(n) for n in given["shape"])
        self.shape = (-1 if self._resizes(3) else 1, *shape[1:])

    def run(self, batch: NDArray[Any]) -> tuple[F32, F32 | None]:
        self._resizes(len(batch))
        self._run.set_tensor(self._input, batch)
        self._run.invoke()
        details = self._run.get_output_details()
        found = [_real(self._run, d).reshape(len(batch), -1) for d in details]
        if len(found) == 1 or found[1].shape[1] != self._size:
            return found[0], None
        return found[0], found[1]

    def _resizes(self, count: int) -> bool:
        """Whether the file takes `count` pictures; afterwards it does, or takes 1."""
        shape = self._run.get_input_details()[0]["shape"]
        if shape[0] == count:
            return True
        try:
            self._run.resize_tensor_input(self._input, [count, *shape[1:]])
            self._run.allocate_tensors()
        except (RuntimeError, ValueError):  # a batch of 1 is baked into one of its operations
            self._run.resize_tensor_input(self._input, [1, *shape[1:]])
            self._run.allocate_tensors()
            return False
        return True


class Cut(msgspec.Struct, frozen=True):
    """Where a graph is cut."""

    outputs: tuple[int, ...]  # tensors: logits, and the embedding where found
    kind: Kind | None  # what stood behind the logits
    embedding_size: int  # 0: not known


def cut_graph(model: Any, output: int, card: Card) -> Cut:
    """Find the logits that `output` is made of, and what goes into the matrix they come out of."""
    makers = {int(t): op for op in model.subgraphs[0].operators for t in op.outputs}
    tensor = _before(model, output, makers)
    kind = CUTS.get(_code(model, makers[tensor])) if tensor in makers else None
    if card.ends == "logits" or kind is None:
        logits, kind = tensor, None
    else:
        logits = _before(model, int(makers[tensor].inputs[0]), makers)
    matrix = makers.get(logits)
    if matrix is None or _code(model, matrix) not in MATRICES:
        return Cut((logits,), kind, 0)
    weight = model.subgraphs[0].tensors[matrix.inputs[1]]
    return Cut((logits, _before(model, int(matrix.inputs[0]), makers)), kind, int(weight.shape[-1]))


def _before(model: Any, tensor: int, makers: dict[int, Any]) -> int:
    """The tensor itself, before operations that only move its numbers or store them otherwise."""
    while tensor in makers and _code(model, makers[tensor]) in SAME:
        tensor = int(makers[tensor].inputs[0])
    return tensor


def _code(model: Any, op: Any) -> int:
    code = model.operatorCodes[op.opcodeIndex]
    return int(max(code.builtinCode, code.deprecatedBuiltinCode))  # newer files use the former


def _output(model: Any, card: Card, file: Path) -> int:
    """The tensor that holds the tags, by its name or the one a signature gives it."""
    graph = model.subgraphs[0]
    names = {graph.tensors[t].name.decode(): int(t) for t in graph.outputs}
    for signature in model.signatureDefs or ():
        names |= {out.name.decode(): out.tensorIndex for out in signature.outputs}
    several = len(graph.outputs) != 1
    if card.output in names:
        return int(names[card.output])
    if card.output or several:
        raise WorkshopError(
            file,
            f"outputs are {', '.join(names)}",
            repr(card.output) if card.output else "one",
            f'{{"output": "{next(iter(names))}"}} in {file.with_suffix(".json").name}',
        )
    return int(graph.outputs[0])


def _read(file: Path) -> Any:
    content = file.read_bytes()
    if content[4:8] != MAGIC:
        raise WorkshopError(
            file,
            f"bytes 4 to 8 are {content[4:8]!r}",
            f"{MAGIC!r} of a TFLite file",
            "--checkpoint FILE",
        )
    try:
        return schema.ModelT.InitFromPackedBuf(content, 0)
    except Exception as e:  # struct.error, IndexError and others: flatbuffers checks nothing
        raise WorkshopError(
            file, f"content does not parse ({e})", "TFLite", "--checkpoint FILE"
        ) from e


def _packed(model: Any, outputs: Sequence[int]) -> bytes:
    """The model with these outputs, and only the operations they need."""
    graph = model.subgraphs[0]
    needed, kept = set(outputs), []
    for op in reversed(graph.operators):
        if needed & {int(t) for t in op.outputs}:
            kept.append(op)
            needed |= {int(t) for t in op.inputs}
    graph.operators, graph.outputs = kept[::-1], list(outputs)
    model.signatureDefs = None  # they name the old outputs
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), MAGIC)
    return bytes(builder.Output())


def _opened(content: bytes, file: Path, threads: int) -> Interpreter:
    try:
        run = Interpreter(model_content=content, num_threads=threads)
        run.allocate_tensors()
    except (RuntimeError, ValueError) as e:
        raise WorkshopError(file, f"does not load ({e})", "a TFLite classifier", "") from e
    return run


def _real(run: Interpreter, details: dict[str, Any]) -> F32:
    """An output's real values, fresh: (integer - zero point) x scale."""
    values: F32 = run.get_tensor(details["index"]).astype(np.float32)
    scale, zero = details["quantization"]
    return np.asarray((values - zero) * scale, np.float32) if scale else values
