"""The bundle's network made for benchmark B: at another input size, and with the usual input.

Both are edits of the ONNX file of the bundle, with the same weights. The network is convolutions
and a mean over all positions, so it takes any size that its strides divide; what it says at another
size is worth little, how long it takes is what is asked.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import msgspec
import numpy as np
import onnx
import onnxruntime as rt

from edge.bundle import Artifact, Bundle, Golden, Manifest, open_bundle
from edge.bundle.golden import golden_scores
from edge.bundle.write import stored, write_bundle
from edge.engines import open_engine
from edge.engines.ort import session_options
from edge.heads.scores import scores
from edge.records import F32, U8

ENGINE = "onnxruntime"


class FloatInput:
    """A session that takes what most exported networks take: float32 (1, 3, H, W), 0..1."""

    def __init__(self, model: bytes) -> None:
        self._session = rt.InferenceSession(
            model, session_options(threads=1), providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name

    def run(self, batch: F32) -> None:
        self._session.run(None, {self._input: batch})


def model_of(bundle: Bundle) -> bytes:
    """The ONNX file of a bundle's artifact for ONNX Runtime."""
    return bundle.read(_artifact(bundle).files[0])


def resized(model: bytes, side_px: int) -> bytes:
    """The same network with an input of side_px x side_px."""
    graph = onnx.load_model_from_string(model)
    shape = graph.graph.input[0].type.tensor_type.shape
    shape.dim[1].dim_value = shape.dim[2].dim_value = side_px
    del graph.graph.value_info[:]  # sizes of what lies between, true for the old input only
    return bytes(graph.SerializeToString())


def with_float_input(model: bytes) -> bytes:
    """The same network for float32 (N, 3, H, W), 0..1, instead of uint8 (N, H, W, 3).

    Raises ValueError for a network that does not begin with a Transpose to planes.
    """
    proto = onnx.load_model_from_string(model)
    graph = proto.graph
    first = next(node for node in graph.node if graph.input[0].name in node.input)
    if first.op_type != "Transpose":
        raise ValueError(f"network begins with {first.op_type}, expected Transpose")
    sides = [dim.dim_value for dim in graph.input[0].type.tensor_type.shape.dim[1:3]]
    scale = onnx.numpy_helper.from_array(np.float32(1 / 255), "usual_scale")
    zero = onnx.numpy_helper.from_array(np.uint8(0), "usual_zero")
    graph.initializer.extend([scale, zero])
    names = ["usual", "usual_scale", "usual_zero"]
    node = onnx.helper.make_node("QuantizeLinear", names, list(first.output))
    at = list(graph.node).index(first)
    graph.node.remove(first)
    graph.node.insert(at, node)
    del graph.input[:]
    shape = ["batch", 3, *sides]
    info = onnx.helper.make_tensor_value_info("usual", onnx.TensorProto.FLOAT, shape)
    graph.input.append(info)
    return bytes(proto.SerializeToString())


def sized_bundle(folder: Path, source: Path, side_px: int) -> None:
    """A copy for ONNX Runtime alone, with another input size, and neither glance nor outline."""
    with open_bundle(source) as bundle:
        old = bundle.manifest
        model = resized(model_of(bundle), side_px)
        files = {"model.onnx": model}
        files |= {head.tags.file: bundle.read(head.tags) for head in old.heads}
        png = _enlarged(bundle.read(old.golden[0].picture), side_px)
        files["golden.png"] = png
        artifact = msgspec.structs.replace(_artifact(bundle), files=(stored("model.onnx", model),))
        said = _said(bundle, artifact, model, png)
    key = f"{artifact.engine}/{artifact.precision}"
    manifest: Manifest = msgspec.structs.replace(
        old,
        name=f"{old.name}-{side_px}",
        input=msgspec.structs.replace(old.input, height=side_px, width=side_px),
        artifacts=(artifact,),
        golden=(Golden(stored("golden.png", png), {key: said}),),
        glance=None,
        outline=(),
        attributes=None,
    )
    write_bundle(folder, files, manifest)


def _artifact(bundle: Bundle) -> Artifact:
    return bundle.artifact(ENGINE)


def _said(
    bundle: Bundle, artifact: Artifact, model: bytes, png: bytes
) -> dict[str, dict[str, float]]:
    """Head -> its best scores for the golden picture."""
    rgb = np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)[..., ::-1])
    engine = open_engine(ENGINE, [model], threads=1)
    outputs = engine.run(np.ascontiguousarray(rgb[None]))
    engine.close()
    return {
        head.name: golden_scores(
            bundle.tags_of(head), scores(head, outputs[artifact.outputs[head.name]])[0]
        )
        for head in bundle.manifest.heads
    }


def _enlarged(png: bytes, side_px: int) -> bytes:
    picture: U8 = np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR))
    return bytes(cv2.imencode(".png", cv2.resize(picture, (side_px, side_px)))[1])
