"""The stages with the paths they read and write: build/soft, student, float, int8, compare."""

from __future__ import annotations

import random
from argparse import Namespace

import msgspec
import numpy as np
import torch
from safetensors.numpy import load_file as load_numpy
from safetensors.numpy import save_file
from safetensors.torch import load_file

from edge import pixels
from edge.bundle import InputSpec
from edge.bundle_write import write_bundle
from edge.engines import installed
from edge.records import U8
from quantize import compare as comparing
from quantize import data, ptq
from quantize import export as exporting
from quantize import finetune as training
from quantize import label as labelling
from quantize import pack as packing
from quantize.compare import FILES, Report
from quantize.data import Sample
from quantize.export import Deployed
from quantize.finetune import SOFTMAX_HEADS, Settings
from quantize.students import Student

TEACHER = "teachers/mobilenet_edgetpu_224_1.0_uint8.tflite"  # of `tags`
STOCK = "teachers/tf2_mobilenet_v2_1.0_224_ptq.tflite"  # where the student starts
CALIBRATION_PICTURES = 300


def _samples(args: Namespace) -> list[Sample]:
    if not args.rendered.exists():
        raise SystemExit(
            f"{args.rendered}: no rendered crops, expected labels.jsonl and images/\n"
            f"  fix: python -m calib_data.scenes crops --per-tag 40 --out {args.rendered}"
        )
    return data.samples(args.data, args.rendered)


def label(args: Namespace) -> None:
    labelling.label(_samples(args), args.data / TEACHER, args.build / "soft")


def finetune(args: Namespace) -> None:
    if args.threads:
        torch.set_num_threads(args.threads)
    settings = Settings(epochs=args.epochs)
    lists, soft = data.tag_lists(args.data), labelling.load(args.build / "soft")
    found = _samples(args)
    train = training.shelve([s for s in found if s.split == "train"], lists, soft)
    val = training.shelve([s for s in found if s.split == "val"], lists, soft)
    student = training.start(lists, args.data / STOCK, train, settings)
    training.finetune(train, val, student, settings, args.build / "student")


def _load(args: Namespace) -> tuple[Deployed, Settings]:
    folder = args.build / "student"
    settings = msgspec.json.decode((folder / "settings.json").read_bytes(), type=Settings)
    sizes = {h: len(t.tags) + (h in SOFTMAX_HEADS) for h, t in data.tag_lists(args.data).items()}
    student = Student(sizes)
    student.load_state_dict(load_file(folder / "student.safetensors"))
    return Deployed(student), settings


def _spec(settings: Settings) -> InputSpec:
    return InputSpec(height=settings.final_side, width=settings.final_side)


def _calibration(args: Namespace, spec: InputSpec) -> U8:
    """Training pictures only, every set in its share: what the device will see, and no judge."""
    train = [s for s in _samples(args) if s.split == "train"]
    chosen = random.Random(0).sample(train, CALIBRATION_PICTURES)
    return pixels.batch([data.read(s) for s in chosen], spec)


def export(args: Namespace) -> None:
    model, settings = _load(args)
    out, side = args.build / "float", settings.final_side
    out.mkdir(parents=True, exist_ok=True)
    exporting.to_onnx(model, side, out / "student.onnx")
    exporting.to_tflite(model, side, out / "student.tflite")
    pictures = _calibration(args, _spec(settings))[:3]
    for engine in installed():
        worst = exporting.disagreement(model, engine, out / FILES[engine], pictures)
        print(
            f"{engine}: largest difference from the student {worst:.2g}, limit {exporting.TOLERANCE}"
        )
        if worst > exporting.TOLERANCE:
            raise SystemExit(
                f"{out / FILES[engine]}: the export does not compute what the student does"
            )


def quantize(args: Namespace) -> None:
    model, settings = _load(args)
    out = args.build / "int8"
    out.mkdir(parents=True, exist_ok=True)
    pictures = _calibration(args, _spec(settings))
    ptq.onnx_int8(args.build / "float/student.onnx", pictures, out / "student.onnx")
    ptq.tflite_int8(model, pictures, out / "student.tflite")


def compare(args: Namespace) -> None:
    _, settings = _load(args)
    lists, soft = data.tag_lists(args.data), labelling.load(args.build / "soft")
    val = [s for s in _samples(args) if s.split == "val"]
    targets = np.stack([soft[s.key] for s in val])
    folders = {"float": args.build / "float", "int8": args.build / "int8"}
    report, outputs = comparing.compare(folders, val, lists, targets, _spec(settings))
    out = args.build / "compare"
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    save_file(outputs, out / "int8-outputs.safetensors")
    print(comparing.table(report))


def pack(args: Namespace) -> None:
    _, settings = _load(args)
    lists, soft = data.tag_lists(args.data), labelling.load(args.build / "soft")
    val = [s for s in _samples(args) if s.split == "val"]
    targets = np.stack([soft[s.key] for s in val])
    report = msgspec.json.decode((args.build / "compare/report.json").read_bytes(), type=Report)
    outputs = load_numpy(args.build / "compare/int8-outputs.safetensors")
    models = {e: (args.build / "int8" / FILES[e]).read_bytes() for e in FILES}
    heads, tag_files = packing.heads_of(lists, outputs, val, targets, report)
    golden, pictures = packing.golden_of(heads, lists, models, _spec(settings))
    artifacts, model_files = packing.artifacts_of(models, lists)
    recipe = {
        **msgspec.to_builtins(settings), "quantise": ptq.RECIPE, "calibration": CALIBRATION_PICTURES,
        "start": STOCK, "teacher": TEACHER, "torch": torch.__version__,
    }  # fmt: skip
    manifest = packing.manifest_of(
        args.name, args.counter, _spec(settings), heads, artifacts, golden, recipe
    )
    write_bundle(args.out, tag_files | pictures | model_files, manifest, replace=True)
    print(f"{args.out}: {manifest.name}@{manifest.counter}")
