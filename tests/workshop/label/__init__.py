"""Pictures, classifiers and commands for the tests of `label`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")
onnx = pytest.importorskip("onnx", reason="pip install 'edge-tag[quantize]'")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from edge.records import F32, U8  # noqa: E402
from quantize.stages import label  # noqa: E402

ROOT = Path(__file__).parents[3]
SHARED = Path(__file__).parents[4] / "shared" / "data"
SIDE = 8  # px, of the tiny classifiers
MEAN, SCALE = (100.0, 110.0, 120.0), (50.0, 60.0, 70.0)
TAGS = ("red", "green", "blue", "bright", "dark")
WEIGHTS = np.array(  # (T, 3) of a picture's normalised mean colour
    [[4, -2, -2], [-2, 4, -2], [-2, -2, 4], [1, 1, 1], [-1, -1, -1]], np.float32
)
BIAS = np.array([0.1, 0.2, 0.3, -0.5, -0.6], np.float32)


def noise(count: int, seed: int = 0, side: int = SIDE) -> list[U8]:
    """Pictures of one colour each, and some noise on it."""
    draw = np.random.default_rng(seed)
    colours = draw.integers(0, 256, (count, 1, 1, 3))
    grain = draw.integers(-20, 21, (count, side, side, 3))
    return list(np.clip(colours + grain, 0, 255).astype(np.uint8))


def write_pictures(folder: Path, count: int, seed: int = 0, bad: Sequence[int] = ()) -> Path:
    """PNG files of mixed sizes; those numbered in `bad` are cut short."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, rgb in enumerate(noise(count, seed, 2 * SIDE)):
        content = cv2.imencode(".png", rgb[: SIDE + i % SIDE, :, ::-1])[1].tobytes()
        (folder / f"{i:03d}.png").write_bytes(content[:60] if i in bad else content)
    return folder


def write_tags(file: Path, tags: Sequence[str] = TAGS) -> Path:
    file.write_text("".join(f"{tag}\n" for tag in tags), "utf-8")
    return file


def expected(pictures: Sequence[U8]) -> tuple[F32, F32]:
    """(N, T) logits and (N, 3) embedding of the tiny classifiers, written out."""
    mean = np.stack([p.astype(np.float64).mean((0, 1)) for p in pictures])
    embedding = (mean - MEAN) / SCALE
    return (embedding @ WEIGHTS.T + BIAS).astype(np.float32), embedding.astype(np.float32)


def write_onnx(
    file: Path,
    ends: str = "softmax",
    batch: str | int = "N",
    layout: str = "nchw",
    side: int | str = SIDE,
    dtype: int = TensorProto.FLOAT,
    colour: str = "rgb",
) -> Path:
    """A classifier by mean colour. `ends`: logits, softmax, sigmoid, shares (a softmax that is
    no Softmax), baked (a reshape to a batch of 1), lies (sees the batch's mean).
    """
    nodes, output = _nodes(ends, layout, dtype, colour)
    order = [3, side, side] if layout == "nchw" else [side, side, 3]
    outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("pixels", dtype, [batch, *order])],
        outputs,
        _weights(dtype, colour),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(file))
    return file


def _nodes(ends: str, layout: str, dtype: int, colour: str) -> tuple[list[onnx.NodeProto], str]:
    """Pixels -> mean colour -> (normalised, where the input is bytes) -> matrix -> end."""
    axes = [2, 3] if layout == "nchw" else [1, 2]
    make = helper.make_node
    nodes = [
        make("Cast", ["pixels"], ["float"], to=TensorProto.FLOAT),
        make("ReduceMean", ["float"], ["mean"], axes=axes, keepdims=0),
        make("Sub", ["mean", "m"], ["centred"]),
        make("Div", ["centred", "s"], ["pool"]),
    ]
    embedding = "pool"
    if ends == "lies":
        nodes += [make("ReduceMean", ["pool"], ["all"], axes=[0], keepdims=1)]
        nodes += [make("Add", ["pool", "all"], ["mixed"])]
        embedding = "mixed"
    nodes += [make("Gemm", [embedding, "w", "b"], ["raw"], transB=1)]
    ending = {
        "softmax": [make("Softmax", ["raw"], ["out"], axis=1)],
        "sigmoid": [make("Sigmoid", ["raw"], ["out"])],
        "logits": [make("Identity", ["raw"], ["out"])],
        "lies": [make("Softmax", ["raw"], ["out"], axis=1)],
        "baked": [make("Reshape", ["raw", "one"], ["r"]), make("Softmax", ["r"], ["out"], axis=1)],
        "shares": [
            make("Exp", ["raw"], ["e"]),
            make("ReduceSum", ["e", "last"], ["sum"], keepdims=1),
            make("Div", ["e", "sum"], ["out"]),
        ],
    }
    return [*nodes, *ending[ends]], "out"


def _weights(dtype: int, colour: str) -> list[onnx.TensorProto]:
    is_float = dtype == TensorProto.FLOAT
    weights = WEIGHTS[:, ::-1] if colour == "bgr" else WEIGHTS
    values = {
        "w": np.ascontiguousarray(weights),
        "b": BIAS,
        "m": np.zeros(3, np.float32) if is_float else np.array(MEAN, np.float32),
        "s": np.ones(3, np.float32) if is_float else np.array(SCALE, np.float32),
        "one": np.array([1, len(TAGS)], np.int64),
        "last": np.array([1], np.int64),
    }
    return [numpy_helper.from_array(value, name) for name, value in values.items()]


FLAGS = ["--mean", ",".join(map(str, MEAN)), "--scale", ",".join(map(str, SCALE))]


def flags(folder: Path, *more: str, teacher: str = "onnx") -> list[str]:
    """A whole command line: pictures and classifier of `folder`, which are made when missing."""
    images, model, tags = folder / "pictures", folder / "tiny.onnx", folder / "tags.txt"
    if not images.exists():
        write_pictures(images, 11, bad=(4,))
    if not model.exists():
        write_onnx(model)
        write_tags(tags)
    fixed = ["--teacher", teacher, "--checkpoint", str(model), "--tag-list", str(tags), *FLAGS]
    small = ["--batch", "2", "--shard", "4", "--threads", "1", "--device", "cpu"]
    return [*fixed, "--images", str(images), *small, *more]


def run(arguments: Sequence[str]) -> None:
    """The stage, in this process."""
    parser = argparse.ArgumentParser()
    label.add(parser)
    label.run(parser.parse_args(arguments))


def files(folder: Path) -> dict[str, bytes]:
    """Everything in a folder, dot files too."""
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def half(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """As stored."""
    return rows.astype(np.float16).astype(np.float32)
