"""TensorFlow Lite: ai-edge-litert, or tflite-runtime on boards where only that installs.

An artifact is one file. Outputs go by their names in its signature; without one, by their tensors'.
tflite-runtime does not verify a file as LiteRT does: a damaged one may end the process. The hash in
the manifest is what stands before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

try:
    from ai_edge_litert.interpreter import Interpreter
except ModuleNotFoundError as e:
    if e.name is None or e.name.split(".")[0] != "ai_edge_litert":
        raise
    from tflite_runtime.interpreter import Interpreter

    if np.lib.NumpyVersion(np.__version__) >= "2.0.0":  # it would fail later, and not say why
        raise ImportError(f"tflite-runtime needs numpy below 2, here is {np.__version__}") from None

from edge.engines import by_ones, check_artifact, checked, one_file, translated
from edge.errors import BundleError, InferenceError, ProviderUnavailable
from edge.records import F32, U8, NDArray, TensorSpec

Detail = Mapping[str, Any]  # what the interpreter says about a tensor
Array = NDArray[Any]

TOP = np.uint8(0x80)  # the top bit


class TflEngine:
    """An interpreter with its tensors allocated for one picture."""

    name = "tflite"
    provider = "CPU"

    def __init__(self, interpreter: Interpreter) -> None:
        inputs, outputs = _named(interpreter)
        self.outputs = tuple(_output(name, detail) for name, detail in outputs.items())
        check_artifact(self.name, [_input(*item) for item in inputs.items()], self.outputs)
        (name, self._in), *_ = inputs.items()
        self.input = _input(name, self._in)
        self._fill = FILL[self._in["dtype"].__name__]
        self._out = {name: (d["index"], _reader(d)) for name, d in outputs.items()}
        self._interpreter: Interpreter | None = interpreter

    def run(self, batch: U8) -> dict[str, F32]:
        return by_ones(self._run, checked(batch, self.input))

    def _run(self, pixels: U8) -> dict[str, F32]:
        if self._interpreter is None:
            raise ValueError("engine is closed")
        try:
            self._fill(pixels, self._interpreter.tensor(self._in["index"])())
            self._interpreter.invoke()
            get = self._interpreter.get_tensor  # copies
            return {name: read(get(index)) for name, (index, read) in self._out.items()}
        except Exception as e:
            with translated(self.name, "running", InferenceError):  # entering it costs time
                raise e from None

    def close(self) -> None:
        self._interpreter = None


def _levels(pixels: U8, into: Array) -> None:
    """0..255 -> -128..127. Flipping the top bit and reading an int8 is that subtraction."""
    np.bitwise_xor(pixels, TOP, out=into.view(np.uint8))


# Bytes go in as they are. The scale and zero point of an integer input ARE the normalisation, so
# nothing here computes with them; a float input takes 0..255. Whether the artifact means it so, the
# golden check tells. They are written where the interpreter reads them: no array in between.
FILL: dict[str, Callable[[U8, Array], None]] = {
    "uint8": lambda pixels, into: np.copyto(into, pixels),
    "int8": _levels,
    "float32": lambda pixels, into: np.copyto(into, pixels),
}


def _named(interpreter: Interpreter) -> tuple[dict[str, Detail], dict[str, Detail]]:
    """Inputs and outputs by name, in the artifact's order.

    Names of a signature survive conversion and quantisation; tensors' do not.
    """
    ins, outs = interpreter.get_input_details(), interpreter.get_output_details()
    names: dict[int, str] = {}
    if len(signatures := list(interpreter.get_signature_list())) == 1:
        runner = interpreter.get_signature_runner(signatures[0])
        for details in (runner.get_input_details(), runner.get_output_details()):
            names |= {detail["index"]: name for name, detail in details.items()}
    return (
        {names.get(d["index"], d["name"]): d for d in ins},
        {names.get(d["index"], d["name"]): d for d in outs},
    )


def _input(name: str, detail: Detail) -> TensorSpec:
    """What `run` takes: uint8, whenever that can be turned into what the artifact takes."""
    dtype = detail["dtype"].__name__
    is_scaled = detail["quantization"][0] > 0
    if (dtype == "int8" and is_scaled) or (dtype == "float32" and not is_scaled):
        dtype = "uint8"
    return TensorSpec(name, _shape(detail), dtype)


def _output(name: str, detail: Detail) -> TensorSpec:
    """What `run` gives: int8 and uint8 outputs with a scale become float32."""
    dtype = detail["dtype"].__name__
    if dtype in ("int8", "uint8") and detail["quantization"][0] > 0:
        dtype = "float32"
    return TensorSpec(name, _shape(detail), dtype)


def _shape(detail: Detail) -> tuple[int, ...]:
    return tuple(int(size) for size in detail["shape"])


def _reader(detail: Detail) -> Callable[[Array], F32]:
    """(1, size) in the artifact's type, a copy -> float32.

    A byte has 256 values: looking them up takes one call of numpy, computing them takes three. With
    five outputs that was 2 % of a launch.
    """
    dtype = detail["dtype"]
    if dtype == np.float32:
        return lambda raw: raw
    scale, zero = detail["quantization"]
    values = np.arange(256, dtype=np.uint8).view(dtype).astype(np.float32)
    table: F32 = np.asarray((values - zero) * np.float32(scale), np.float32)
    return table.take  # a negative int8 counts from the end, where its value is


def load(files: Sequence[bytes], provider: str, threads: int) -> TflEngine:
    """One .tflite file. Raises ProviderUnavailable, and BundleError when it is no such model."""
    if provider != "CPU":  # delegates change numbers and need a library of their own
        raise ProviderUnavailable(
            f"tflite has no provider {provider}, expected CPU", fix="use provider CPU"
        )
    model = one_file(files, "tflite")
    with translated("tflite", "loading the artifact", BundleError):
        interpreter = Interpreter(model_content=model, num_threads=threads or None)
        interpreter.allocate_tensors()
        return TflEngine(interpreter)
