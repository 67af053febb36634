"""The stages with the paths they read and write: build/soft, student, float, int8, compare."""

from __future__ import annotations

import random
import sys
from argparse import Namespace
from pathlib import Path

import msgspec
import numpy as np
import torch
from safetensors.numpy import load_file, save_file

from edge import pixels
from edge.bundle import InputSpec, open_bundle
from edge.bundle_write import write_bundle
from edge.capture import read_set
from edge.engines import installed
from edge.records import F32, U8
from quantize import compare as comparing
from quantize import data, ptq, rounding, students
from quantize import export as exporting
from quantize import finetune as training
from quantize import label as labelling
from quantize import pack as packing
from quantize.compare import FILES, Model, Report
from quantize.data import Sample
from quantize.finetune import Settings

TEACHER = "teachers/mobilenet_edgetpu_224_1.0_uint8.tflite"  # of `tags`
STOCK = "teachers/tf2_mobilenet_v2_1.0_224_ptq.tflite"  # where the student starts
SHIPPED = Path(__file__).parent / "weights" / "default.safetensors"  # of the default bundle
CALIBRATION_PICTURES = 300


def label(args: Namespace) -> None:
    labelling.label(_all(args), args.data / TEACHER, args.build / "soft")


def finetune(args: Namespace) -> None:
    given = {k: getattr(args, k) for k in ("epochs", "lr", "first_side") if getattr(args, k)}
    if args.start:
        student, before = students.load(args.start)
        settings = Settings(f"{before['start']}, {before['epochs']} epochs, then", **given)
    else:
        settings = Settings(STOCK, **given)
    lists, soft = data.tag_lists(args.data), labelling.load(args.build / "soft")
    train = training.shelve([s for s in _all(args) if s.split == "train"], lists, soft)
    val = training.shelve(_held_out(args), lists, soft)
    if not args.start:
        student = training.start(lists, args.data / STOCK, train, settings)
    training.finetune(train, val, student, settings, args.build / "student")


def export(args: Namespace) -> None:
    student, settings = students.load(_weights(args))
    model, side = exporting.Deployed(exporting.folded(student)), settings["final_side"]
    out = _folder(args, "float")
    exporting.to_onnx(model, side, out / FILES["onnxruntime"])
    exporting.to_tflite(model, side, out / FILES["tflite"])
    pictures = pixels.batch([data.read(s) for s in _held_out(args)[:3]], _spec(settings))
    for engine in installed():
        worst = exporting.disagreement(model, engine, out / FILES[engine], pictures)
        _say(f"{engine}: {worst:.2g} from the student at most, limit {exporting.TOLERANCE}")
        if worst > exporting.TOLERANCE:
            raise SystemExit(f"{out / FILES[engine]}: does not compute what the student does")


def quantize(args: Namespace) -> None:
    student, settings = students.load(_weights(args))
    pictures, out = _calibration(args, _spec(settings)), _folder(args, "int8")
    exact = rounding.rounded(exporting.folded(student), torch.from_numpy(pictures))
    model = exporting.Deployed(exact)
    ptq.onnx_int8(model, pictures, out / FILES["onnxruntime"])
    ptq.tflite_int8(model, pictures, out / FILES["tflite"])


def compare(args: Namespace) -> None:
    _, settings = students.load(_weights(args))
    held_out, soft = _judged(args)
    models = [*_built(args, "float"), *(_packed(args) if args.bundle else _built(args, "int8"))]
    report, outputs = comparing.compare(
        models, held_out, data.tag_lists(args.data), soft, _spec(settings)
    )
    out = _folder(args, "compare")
    (out / "report.json").write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    save_file(outputs, out / "int8-outputs.safetensors")
    _say(comparing.table(report))


def pack(args: Namespace) -> None:
    _, settings = students.load(_weights(args))
    lists, spec = data.tag_lists(args.data), _spec(settings)
    held_out, soft = _judged(args)
    report = msgspec.json.decode((args.build / "compare/report.json").read_bytes(), type=Report)
    outputs = load_file(args.build / "compare/int8-outputs.safetensors")
    models = {model.engine: model.data for model in _built(args, "int8")}
    heads, tag_files = packing.heads_of(lists, outputs, held_out, soft, report)
    golden, pictures = packing.golden_of(heads, lists, models, spec)
    artifacts, model_files = packing.artifacts_of(models, lists)
    recipe = {
        **settings,
        "quantise": ptq.RECIPE,
        "calibration": CALIBRATION_PICTURES,
        "teacher": TEACHER,
        "torch": str(torch.__version__),
    }
    manifest = packing.manifest_of(
        args.name, args.counter or _next_counter(args.out), spec, heads, artifacts, golden, recipe
    )
    write_bundle(args.out, tag_files | pictures | model_files, manifest, replace=True)
    _say(f"{args.out}: {manifest.name}@{manifest.counter}")


def _all(args: Namespace) -> list[Sample]:
    if not any(args.rendered.rglob("labels.jsonl")):
        raise SystemExit(
            f"{args.rendered}: no rendered pictures, expected labels.jsonl and images/ in it\n"
            f"  fix: python -m calib_data.scenes crops --per-tag 30 --out {args.rendered}/crops"
        )
    return data.samples(args.data, args.rendered)


def _held_out(args: Namespace) -> list[Sample]:
    return [s for s in data.samples(args.data) if s.split == "val"]


def _judged(args: Namespace) -> tuple[list[Sample], F32]:
    """Held-out samples and (N, 1000) what the teacher thinks of them."""
    samples = _held_out(args)
    soft = labelling.label(samples, args.data / TEACHER, args.build / "soft")
    return samples, np.stack([soft[s.key] for s in samples])


def _weights(args: Namespace) -> Path:
    """What was trained here, or else what the default bundle was made of."""
    trained: Path = args.build / "student" / "student.safetensors"
    return trained if trained.exists() else SHIPPED


def _spec(settings: students.SettingsTable) -> InputSpec:
    side = int(settings["final_side"])
    return InputSpec(height=side, width=side)


def _calibration(args: Namespace, spec: InputSpec) -> U8:
    """A captured calibration set, or else training pictures, every set in its share; no judge."""
    if args.calibration:
        files = list(read_set(args.calibration))
        return pixels.batch([pixels.decode(f.read_bytes(), str(f)) for f in files], spec)
    train = [s for s in _all(args) if s.split == "train"]
    chosen = random.Random(0).sample(train, CALIBRATION_PICTURES)
    return pixels.batch([data.read(s) for s in chosen], spec)


def _built(args: Namespace, precision: str) -> list[Model]:
    folder = args.build / precision
    return [Model(engine, precision, (folder / FILES[engine]).read_bytes()) for engine in FILES]


def _packed(args: Namespace) -> list[Model]:
    with open_bundle(args.bundle) as bundle:
        artifacts = [bundle.artifact(engine) for engine in FILES]
        return [Model(a.engine, "int8", bundle.read(a.files[0])) for a in artifacts]


def _next_counter(out: Path) -> int:
    """A device may refuse a counter that it has seen the next of."""
    if not out.exists():
        return 1
    with open_bundle(out) as bundle:
        return bundle.manifest.counter + 1


def _folder(args: Namespace, name: str) -> Path:
    out: Path = args.build / name
    out.mkdir(parents=True, exist_ok=True)
    return out


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
