"""int8 for TFLite: ai-edge-quantizer's static ranges, weights by channel (`static_wi8_ai8`).

The file takes int8 pixels, which are uint8 ones less 128: the input's scale and zero point ARE the
normalisation, so what is quantised is the student behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from ai_edge_quantizer import (  # type: ignore[import-untyped]
    algorithm_manager,
    calibrator,
    qtyping,
    quantizer,
    recipe_manager,
)
from ai_edge_quantizer import recipe as recipes
from numpy.typing import NDArray
from tqdm import tqdm

from edge.records import F32, U8
from quantize.export.deployed import Core
from quantize.export.quiet import LOG, logged
from quantize.export.writers import to_tflite
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

KERNELS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
ALL_OF_A_BYTE = (-MEAN / SCALE, (255 - MEAN) / SCALE)  # so that int8 = uint8 - 128 exactly
NO_QUANTIZE = algorithm_manager.AlgorithmName.NO_QUANTIZE


class TflAeq:
    """A float file and what was seen in it: any number of int8 files can be made of it."""

    def __init__(self, subject: Subject, pictures: U8, folder: Path) -> None:
        """pictures (N, H, W, 3) uint8: what the ranges are measured on. `folder`: for what lies
        between.
        """
        x = normalise(torch.from_numpy(pictures[:1]))
        named = layers(subject.rounded.student, x)
        rough, right = constants(named), constants(layers(subject.exact, x))
        self._subject, self._log = subject, folder / LOG
        self.methods = subject.methods
        file = folder / "float.tflite"
        to_tflite(Core(subject.rounded), torch.zeros(1, *pictures.shape[1:]), file)
        self._model = file.read_bytes()
        interpreter = _plain(self._model)
        self.nodes, stored = _nodes(interpreter, prints(named))
        self._mended = {name: _swaps(stored[name], right[name], rough[name]) for name in stored}
        self._input = interpreter.get_input_details()[0]["name"]
        self._outputs = [detail["name"] for detail in interpreter.get_output_details()]
        self._heads = {n.name for n in self.nodes if n.layer and {*n.outputs} & {*self._outputs}}
        self._seen = observe(tqdm(_tensors(interpreter, pictures), "ranges", len(pictures),
                                  disable=None, leave=False))  # fmt: skip
        with logged(self._log):
            self._form = _form(self._model, pictures[:1])

    def build(self, method: str, kept: Set[str] = frozenset()) -> list[bytes]:
        """The file with ranges by `method` and the layers `kept` in float."""
        ranges = self._subject.ranges(method, self._seen, self._outputs, self.nodes)
        ranges[self._input] = ALL_OF_A_BYTE
        excluded, every = self._excluded(kept), qtyping.TFLOperationName.ALL_SUPPORTED
        with logged(self._log):
            tool = quantizer.Quantizer(self._file(layers_of(self.nodes, excluded)))
            tool.load_quantization_recipe(recipes.static_wi8_ai8())
            for name in sorted(excluded):
                pattern = f"^{re.escape(name)};?$"
                tool.update_quantization_recipe(pattern, every, None, NO_QUANTIZE)
            if self._leaves_in_float(excluded):
                outputs = qtyping.TFLOperationName.OUTPUT
                tool.update_quantization_recipe(".*", outputs, None, NO_QUANTIZE)
            return [bytes(tool.quantize(_filled(self._form, ranges)).quantized_model)]

    def _excluded(self, kept: Set[str]) -> set[str]:
        """Operations in float: all heads, or none of them.

        ai-edge-quantizer 0.10 mixes up the readers of a tensor that is an output too, as the
        embedding is, where some of them compute in float and some do not.
        """
        excluded = self._subject.in_float(self.nodes, kept)
        return excluded | self._heads if excluded & self._heads else excluded

    def _leaves_in_float(self, excluded: Set[str]) -> bool:
        """Logits that were not rounded leave as they are."""
        made = {name for node in self.nodes if node.name in excluded for name in node.outputs}
        return bool(excluded & self._heads) or set(self._outputs) <= made

    def _file(self, exact: Iterable[str]) -> bytes:
        """The float file, on the grid; off it, as they learned, the layers `exact`."""
        data = self._model
        for name in exact:
            for old, new in self._mended[name]:
                data = data.replace(old, new)
        return data


def _plain(model: bytes) -> Interpreter:
    """An interpreter in which every tensor can be read after a run."""
    interpreter = Interpreter(
        model_content=model,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
        num_threads=1,
    )
    interpreter.allocate_tensors()
    return interpreter


def _tensors(interpreter: Interpreter, pictures: U8) -> Iterator[dict[str, F32]]:
    """Every float tensor that an operation gives, and the input, a picture at a time."""
    [fed] = interpreter.get_input_details()
    details = {detail["index"]: detail for detail in interpreter.get_tensor_details()}
    made = {int(i) for op in interpreter._get_ops_details() for i in op["outputs"]}
    wanted = [i for i in (*made, fed["index"]) if details[i]["dtype"] is np.float32]
    for picture in pictures:
        interpreter.set_tensor(fed["index"], (picture[None].astype(np.float32) - MEAN) / SCALE)
        interpreter.invoke()
        yield {details[i]["name"]: interpreter.get_tensor(i) for i in wanted}


Stored = list[NDArray[Any]]  # kernel and bias as the file has them


def _nodes(
    interpreter: Interpreter, known: Mapping[str, Print]
) -> tuple[list[Node], dict[str, Stored]]:
    """The operations, and the constants of those that are layers."""
    names = {detail["index"]: detail["name"] for detail in interpreter.get_tensor_details()}
    nodes, stored = [], {}
    for op in interpreter._get_ops_details():
        layer = None
        if op["op_name"] in KERNELS:
            held = [interpreter.get_tensor(int(i)) for i in op["inputs"][1:] if i in names]
            layer = layer_of(held[0], known)
            if layer is not None:
                stored[layer] = held
        ins, outs = ([names[i] for i in op[way] if i in names] for way in ("inputs", "outputs"))
        nodes.append(Node(";".join(outs), tuple(ins), tuple(outs), layer))
    return nodes, stored


def _swaps(
    stored: Stored, exact: tuple[F32, F32], rough: tuple[F32, F32]
) -> list[tuple[bytes, bytes]]:
    """Bytes in the file -> bytes of the layer off the grid; constants are stored as they are."""
    kernel = as_stored(exact[0], stored[0], rough[0])
    swaps = [] if kernel is None else [(stored[0].tobytes(), kernel.tobytes())]
    if len(stored) > 1 and stored[1].shape == exact[1].shape and rough[1].any():
        swaps.append((stored[1].tobytes(), np.ascontiguousarray(exact[1]).tobytes()))
    return swaps


def _form(model: bytes, pictures: U8) -> dict[str, Any]:
    """The tool's own ranges of one picture: which tensors it asks for, in which shape."""
    rules = recipe_manager.RecipeManager()
    rules.load_quantization_recipe(recipes.static_wi8_ai8())
    watch = calibrator.Calibrator(model)
    inputs = [{"args_0": (p[None].astype(np.float32) - MEAN) / SCALE} for p in pictures]
    watch.calibrate({"serving_default": inputs}, rules)
    return dict(watch.get_model_qsvs())


def _filled(form: Mapping[str, Any], ranges: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    """`form` with our ranges; constants, which were not seen, keep the tool's."""
    filled = {}
    for name, found in form.items():
        if name in ranges and "min" in found:
            low, high = ranges[name]
            ends = {
                "min": np.full_like(found["min"], low),
                "max": np.full_like(found["max"], high),
            }
            found = {**found, **ends}
        filled[name] = found
    return filled


def prepare(subject: Subject, pictures: U8, folder: Path, _: Mapping[str, object]) -> TflAeq:
    """Convert and look at the pictures."""
    return TflAeq(subject, pictures, folder)
