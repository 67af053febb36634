"""int8 for OpenVINO: NNCF on the IR, or the very QDQ graph that ONNX Runtime runs.

OpenVINO runs a QDQ graph of plain convolutions as fast as NNCF's, and no method is best for every
student: both kinds are tried.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

import onnx
import openvino as ov
import torch

from edge.records import U8
from quantize.export.files import missing
from quantize.export.quiet import LOG, logged
from quantize.int8.layers import Node, Print, layer_of, layers, layers_of, prints
from quantize.int8.onnx_qdq import OnnxQdq
from quantize.int8.subject import Subject
from quantize.students import normalise

PRESETS = {  # name -> NNCF's preset (MIXED: asymmetric activations) and range estimator
    "nncf_mixed": ("MIXED", ""),  # its own ranges: mean of the pictures' extremes
    "nncf_performance": ("PERFORMANCE", ""),
    "nncf_mixed_widest": ("MIXED", "MINMAX"),
    "nncf_mixed_histogram": ("MIXED", "HISTOGRAM"),
}
KERNELS = ("Convolution", "GroupConvolution", "MatMul")


class OvNncf:
    """A float IR, the pictures to measure it with, and ONNX Runtime's graph beside it."""

    def __init__(self, subject: Subject, pictures: U8, qdq: OnnxQdq, folder: Path) -> None:
        self._log, self._qdq, self._subject = folder / LOG, qdq, subject
        named = layers(subject.rounded.student, normalise(torch.from_numpy(pictures[:1])))
        with logged(self._log):
            self.nodes = _nodes(_read(qdq.graph()), prints(named))
        self._pictures = [picture[None] for picture in pictures]
        self.methods = (*(f"qdq_{method}" for method in qdq.methods), *_presets())

    def build(self, method: str, kept: Set[str] = frozenset()) -> list[bytes]:
        """XML and BIN with ranges by `method` and the layers `kept` in float."""
        with logged(self._log):
            return _stored(self._quantised(method, kept))

    def _quantised(self, method: str, kept: Set[str]) -> ov.Model:
        if method.startswith("qdq_"):
            [file] = self._qdq.build(method.removeprefix("qdq_"), kept)
            return ov.Core().read_model(file)
        excluded = self._subject.in_float(self.nodes, kept)
        graph = _read(self._qdq.graph(layers_of(self.nodes, excluded)))
        return _nncf(graph, self._pictures, *PRESETS[method], excluded)


def _read(graph: onnx.ModelProto) -> ov.Model:
    return ov.Core().read_model(graph.SerializeToString())


def _presets() -> tuple[str, ...]:
    return () if missing(("nncf",)) else tuple(PRESETS)


def _nncf(
    graph: ov.Model, pictures: list[U8], preset: str, estimator: str, excluded: Set[str]
) -> ov.Model:
    import nncf  # type: ignore[import-untyped] # takes seconds, and ONNX Runtime's methods do without
    from nncf.quantization.advanced_parameters import (  # type: ignore[import-untyped]
        OverflowFix,
    )
    from nncf.quantization.range_estimator import (  # type: ignore[import-untyped]
        RangeEstimatorParametersSet as Estimators,
    )

    # The fix takes a bit from the weights, for CPUs without VNNI; there our engine does without.
    advanced = nncf.AdvancedQuantizationParameters(overflow_fix=OverflowFix.DISABLE)
    if estimator:
        advanced.activations_range_estimator_params = getattr(Estimators, estimator)
    scope = nncf.IgnoredScope(names=sorted(excluded), validate=False) if excluded else None
    return nncf.quantize(
        graph,
        nncf.Dataset(pictures),
        preset=nncf.QuantizationPreset[preset],
        subset_size=len(pictures),
        ignored_scope=scope,
        advanced_parameters=advanced,
    )


def _stored(model: ov.Model) -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        xml = Path(folder) / "int8.xml"
        ov.save_model(model, str(xml), compress_to_fp16=False)
        dense = re.sub(rb">\s+<", b"><", xml.read_bytes())  # a sixth is indentation
        return [dense, xml.with_suffix(".bin").read_bytes()]


def _nodes(graph: ov.Model, known: Mapping[str, Print]) -> list[Node]:
    nodes = []
    for op in graph.get_ordered_ops():
        kind, name = op.get_type_name(), op.get_friendly_name()
        if kind in ("Constant", "Parameter", "Result"):
            continue
        inputs = tuple(port.get_node().get_friendly_name() for port in op.input_values())
        layer = _layer(op, known) if kind in KERNELS else None
        nodes.append(Node(name, inputs, (name,), layer))
    return nodes


def _layer(op: ov.Node, known: Mapping[str, Any]) -> str | None:
    source = op.input_value(1).get_node()
    while source.get_type_name() in ("Reshape", "Transpose", "Convert"):
        source = source.input_value(0).get_node()
    return layer_of(source.data, known) if source.get_type_name() == "Constant" else None


def prepare(subject: Subject, pictures: U8, folder: Path, earlier: Mapping[str, object]) -> OvNncf:
    """Convert and look at the pictures, or take what was done so for ONNX Runtime."""
    done = earlier.get("onnxruntime")
    qdq = done if isinstance(done, OnnxQdq) else OnnxQdq(subject, pictures, folder)
    return OvNncf(subject, pictures, qdq, folder)
