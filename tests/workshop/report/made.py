"""Folders of stages with tiny models in them, and pictures whose colour is their label."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import msgspec
import numpy as np
import onnx
from onnx import numpy_helper

from edge.records import U8
from quantize import recipe
from quantize.export import FILES
from quantize.int8 import record as records
from quantize.int8.bench import Attempt
from quantize.int8.gate import Limits
from quantize.report.measures import wilson
from quantize.report.records import (
    SCHEMA,
    Bin,
    Calibration,
    Confusion,
    HeadFacts,
    HeadScore,
    Loss,
    Machine,
    Report,
    Row,
    Share,
    Timing,
)
from tests.tiny import HEIGHT, MODELS, PAINTS, TAGS, WIDTH

COLOURS = ("red", "green", "blue")
EVERY = {  # file in a stage's folder -> the tiny model it is
    "student.onnx": "tiny.onnx",
    "student.xml": "tiny.xml",
    "student.bin": "tiny.bin",
    "student.tflite": "tiny_int8.tflite",
}


def model(bias: Mapping[str, Sequence[float]] | None = None, padding: int = 0) -> bytes:
    """tiny.onnx with `bias` (head -> what is added to its logits) and `padding` bytes of words."""
    made = onnx.load(MODELS / "tiny.onnx")
    for tensor in made.graph.initializer:
        for head, added in (bias or {}).items():
            if tensor.name == f"{head}.b":
                found = numpy_helper.to_array(tensor) + np.array(added, np.float32)
                tensor.CopyFrom(numpy_helper.from_array(found, tensor.name))
    made.doc_string = " " * padding
    return bytes(made.SerializeToString())


def renamed(data: bytes) -> bytes:
    """The same model with outputs called a, b, c, as converters do that keep order, not names."""
    made = onnx.load_from_string(data)
    for output, name in zip(made.graph.output, "abc"):
        for node in made.graph.node:
            node.output[:] = [name if o == output.name else o for o in node.output]
        output.name = name
    return bytes(made.SerializeToString())


def without_none() -> bytes:
    """tiny.onnx whose head `colours` has a logit a tag and no more."""
    made = onnx.load(MODELS / "tiny.onnx")
    for tensor in made.graph.initializer:
        if tensor.name.startswith("colours."):
            found = numpy_helper.to_array(tensor)[:3]
            tensor.CopyFrom(numpy_helper.from_array(found, tensor.name))
    for output in made.graph.output:
        if output.name == "colours":
            output.type.tensor_type.shape.dim[1].dim_value = 3
    return bytes(made.SerializeToString())


def lists() -> dict[str, dict[str, list[str | None]]]:
    """tags.json of the tiny models."""
    found = {}
    for head, text in TAGS.items():
        rows = [line.partition("\t") for line in text.splitlines()]
        found[head] = {"tags": [r[0] for r in rows], "groups": [r[2] or None for r in rows]}
    return found


def write_stage(
    folder: Path,
    stage: str,
    files: Mapping[str, bytes] | None = None,
    settings: Mapping[str, object] | None = None,
) -> Path:
    """`files`: name -> bytes; None: the tiny model of every engine."""
    recipe.begin(folder, stage, dict(settings or {}), {})
    every = {name: (MODELS / source).read_bytes() for name, source in EVERY.items()}
    for name, data in (every if files is None else files).items():
        (folder / name).write_bytes(data)
    (folder / "tags.json").write_text(json.dumps(lists()))
    if stage == "quantize":
        write_record(folder)
    recipe.finish(folder, {"worst": 0.001})
    return folder


def write_record(folder: Path) -> None:
    """quantize.json, as if what lies in the folder had been judged."""
    kept = {}
    for engine, names in FILES.items():
        if all((folder / name).is_file() for name in names):
            found = {name: records.sha256((folder / name).read_bytes()) for name in names}
            kept[engine] = records.KeptAttempt(
                Attempt(engine, "", (), False, {}, None, (), 0.0), found
            )
    records.write(records.Record(Limits(), {}, kept), folder)


def picture(colour: str, seed: int = 0) -> U8:
    """(HEIGHT, WIDTH, 3): the colour, a little off."""
    noise = np.random.default_rng(seed).normal(0, 40, (HEIGHT, WIDTH, 3))
    return np.clip(np.array(PAINTS[colour]) + noise, 0, 255).astype(np.uint8)


def write_pictures(folder: Path, each: int = 12, split: str = "val") -> Path:
    """labels.jsonl with `each` pictures of every colour, a label each for head `colours`."""
    folder.mkdir(parents=True)
    rows = []
    for colour in COLOURS:
        for i in range(each):
            name = f"{colour}-{i}.png"
            cv2.imwrite(str(folder / name), picture(colour, i)[:, :, ::-1])
            rows.append({"file": name, "head": "colours", "tag": colour, "split": split})
    write_labels(folder, rows)
    return folder


def write_labels(folder: Path, rows: Sequence[Mapping[str, object]]) -> None:
    (folder / "labels.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def read_labels(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "labels.jsonl").read_text().splitlines()]


def share(right: int, count: int) -> Share:
    return Share(right, count, right / count, *wilson(right, count))


def report(**changes: object) -> Report:
    """A report of two engines with a softmax head that has groups, and a multilabel one."""
    bins = tuple(Bin(i, (i + 0.5) / 15, i / 15) for i in range(15))
    before = HeadScore(
        share(18, 20), share(19, 20), None, None, Calibration(0.2, bins, 1.5, 0.1, bins),
        {"gala": share(8, 10), "lime": share(10, 10)}, (Confusion("gala", "lime", 2, 10),),
    )  # fmt: skip
    after = msgspec.structs.replace(
        before, top1=share(17, 20), agreement=share(19, 20), loss=Loss(0.05, -0.04, 0.14)
    )
    tags = HeadScore(share(5, 9), f1=0.5, teacher=share(5, 9), calibration=before.calibration)
    rows = tuple(
        Row(engine, precision, size, Timing(ms, ms - 0.5, ms + 1), {"fruit": score, "tags": tags})
        for engine in ("onnxruntime", "tflite")
        for precision, size, ms, score in (
            ("float", 14_500_000, 9.75, before), ("int8", 4_010_000, 5.21, after),
        )
    )  # fmt: skip
    found = Report(
        schema=SCHEMA,
        title="shop@3",
        made="2026-03-07T14:05:00+00:00",
        machine=Machine("Some CPU", 4, 0.5),
        versions={"python": "3.11"},
        facts={"quantize: method": "minmax"},
        engine="onnxruntime",
        heads={
            "fruit": HeadFacts("softmax", 2, 2, 20, "labels"),
            "tags": HeadFacts("multilabel", 1000, 0, 9, "teacher"),
        },
        rows=tuple(sorted(rows, key=lambda row: row.precision)),
    )
    return msgspec.structs.replace(found, **changes)
