"""Stage `pack`: int8 artifacts, the report that proves them, and their tags -> a bundle."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from edge.bundle import MANIFEST, Manifest, open_bundle
from edge.bundle.manifest import SCHEMA, HeatMap, InputSpec
from edge.bundle.manifest_read import A_WORD, WORD
from edge.bundle.write import stored, write_bundle, zip_bundle
from edge.engines import open_engine
from edge.records import F32
from quantize import pack as packing
from quantize import recipe
from quantize.errors import WorkshopError
from quantize.fashion.packed import attributes_files
from quantize.fish.packed import outline_files
from quantize.glance.packed import heat_map, recipe_of
from quantize.int8.gate import aligned
from quantize.int8.timing import in_turn
from quantize.pack import Evidence
from quantize.pictures import Sample, by_key, pictures_of, read_folder, read_sources
from quantize.report.models import from_stage, wanted_engines
from quantize.report.notes import gate_limits, looser
from quantize.report.opened import Opened, require_alike
from quantize.report.records import read_report
from quantize.report.soft import read_teacher
from quantize.stages.compare import OUTPUTS, REPORT
from quantize.students import load
from quantize.students.starting import FILE
from quantize.students.work import work_of

AGAIN = "edge-quantize compare again, into another folder"

Gates = Mapping[str, Mapping[str, float]]  # "gate" or "proof gate" -> limit by name


def add(parser: argparse.ArgumentParser) -> None:
    """Flags of `edge-quantize pack`."""
    parser.add_argument("--int8", type=Path, required=True, help="what `quantize` wrote")
    parser.add_argument("--report", type=Path, required=True, help="what `compare` wrote")
    parser.add_argument(
        "--proof",
        type=Path,
        help="report of the student before it learned from what was held out, too: temperatures, "
        "thresholds and accuracy come from there; --report alone says that int8 is whole",
    )
    parser.add_argument(
        "--images", type=Path, required=True, help="the pictures of the proof, or of the report"
    )
    parser.add_argument("--head", default="products", help="head of class folders")
    parser.add_argument(
        "--glance", type=Path, help="what `quantize-glance` wrote: where to look closer"
    )
    parser.add_argument(
        "--outline", type=Path, help="what `quantize-outline` wrote: which pixels are fish"
    )
    parser.add_argument(
        "--attributes", type=Path, help="what `attributes` wrote: what garments have"
    )
    parser.add_argument("--labels", type=Path, help="what `label` wrote: thresholds of head `tags`")
    parser.add_argument("--name", help="of the bundle; without it the name of --out")
    parser.add_argument("--counter", type=int, help="only grows; without it one more than now")
    parser.add_argument(
        "--out", type=Path, required=True, help="a folder, or NAME.edge for a single file"
    )


def run(args: argparse.Namespace) -> None:
    """Pack, replacing an older counter of the same bundle."""
    report = read_report(args.report / REPORT)
    packing.refuse_failed(report, args.report)
    name = name_of(args.name, args.out)
    counter = counter_of(args.counter, args.out)
    side = from_stage(args.int8, "int8", wanted_engines(report.engines()))
    packing.refuse_other(report, side.models, args.report / REPORT)
    models = [Opened(model, list(side.heads.values())) for model in side.models]
    require_alike(models)
    evidence = _evidence(args)
    gates = {"gate": gate_limits(report.facts)}
    gates |= {"proof gate": gate_limits(evidence.report.facts)} if args.proof else {}
    heads = packing.heads_of(side.heads, evidence, _held_out(args))
    artifacts, files = packing.artifacts_of(models)
    golden, pictures = packing.golden_of(heads, side.heads, models)
    glance, more = _glance(args.glance, models)
    outline = outline_files(args.outline) if args.outline else {}
    worn = attributes_files(args.attributes, args.int8 / FILE) if args.attributes else {}
    manifest = Manifest(
        schema=SCHEMA,
        name=name,
        counter=counter,
        input=models[0].spec,
        embedding_size=packing.embedding_size(models[0]),
        heads=tuple(heads),
        artifacts=tuple(artifacts),
        golden=tuple(golden),
        trained_on=tuple(read_sources(args.images)),
        recipe=_recipe(args, models[0].spec, gates),
        glance=glance,
        outline=tuple(stored(name, data) for name, data in outline.items()),
        attributes=next((stored(name, data) for name, data in worn.items()), None),
    )
    own = files | pictures | packing.tag_files(side.heads)
    _write(args.out, own | more | outline | worn, manifest)
    sys.stdout.write(f"{args.out}: {manifest.name}@{manifest.counter}\n")
    sys.stdout.write(_loosened(gates))
    if glance is not None:
        sys.stdout.write(_said_of(glance, more, models))


def _loosened(gates: Gates) -> str:
    """What was let through that would not pass by default."""
    said = {kind: looser(limits) for kind, limits in gates.items()}
    return "".join(f"{kind} looser than the default: {it}\n" for kind, it in said.items() if it)


def _glance(folder: Path | None, models: Sequence[Opened]) -> tuple[HeatMap | None, packing.Files]:
    """For each engine of the bundle; nothing without a folder."""
    return heat_map(folder, [m.model.engine for m in models]) if folder else (None, {})


def _said_of(glance: HeatMap, files: packing.Files, models: Sequence[Opened]) -> str:
    """What a glance costs beside a crop, both timed in turn."""
    crop = np.zeros((1, models[0].spec.height, models[0].spec.width, 3), np.uint8)
    frame = np.zeros((1, glance.input.height, glance.input.width, 3), np.uint8)
    lines = [("engine", "glance ms", "crop ms", "crops a glance")]
    for artifact, opened in zip(glance.artifacts, models, strict=True):
        data = [files[file.file] for file in artifact.files]
        with closing(open_engine(artifact.engine, data, threads=1)) as engine:
            ms = in_turn([partial(engine.run, frame), partial(opened.engine.run, crop)])
        lines.append((artifact.engine, *(f"{m:.2f}" for m in ms), f"{ms[0] / ms[1]:.1f}"))
    return f"{aligned(lines)}\n"


def name_of(asked: str | None, out: Path) -> str:
    """What --name says, or else --out. Raises WorkshopError for what no bundle can be called."""
    name = out.stem if asked is None else asked
    if not WORD.fullmatch(name):
        where = "--out" if asked is None else "--name"
        raise WorkshopError(where, f"name {name!r}", A_WORD, "--name shop")
    return name


def counter_of(asked: int | None, out: Path) -> int:
    """The next one, or what --counter says. Raises WorkshopError when that would not grow."""
    least = next_counter(out)
    if asked is not None and asked < least:
        raise WorkshopError(
            "--counter",
            str(asked),
            f"{least} or more: {out} has been at {least - 1}, and a counter only grows",
            f"--counter {least}, or none",
        )
    return least if asked is None else asked


def next_counter(out: Path) -> int:
    """A device may refuse a counter that it has seen the next of."""
    if not out.exists():
        return 1
    if out.is_dir() and not (out / MANIFEST).exists():
        raise WorkshopError(out, "a folder that is no bundle", "a bundle or nothing", "--out OTHER")
    with open_bundle(out) as bundle:
        return bundle.manifest.counter + 1


def _write(out: Path, files: packing.Files, manifest: Manifest) -> None:
    """Whole or not at all, and nothing beside it."""
    fresh = out.with_name(f"{out.name}.tmp")
    home = out.with_name(f".{out.name}.folder")  # by one name: what a kill left goes with the next
    recipe.clear(home)
    try:
        if out.suffix != ".edge":
            write_bundle(out, files, manifest, replace=True)
            return
        out.parent.mkdir(parents=True, exist_ok=True)
        write_bundle(home / out.stem, files, manifest)
        zip_bundle(home / out.stem, out, replace=True)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        if fresh.is_file():
            fresh.unlink()
        raise
    finally:
        recipe.clear(home)


def _evidence(args: argparse.Namespace) -> Evidence:
    """What the proof, or else the report, was made from, in the order of its answers."""
    folder = args.proof or args.report
    report = read_report(folder / REPORT)
    outputs, keys = _outputs(folder / OUTPUTS)
    samples = read_folder(args.images, args.head).of("val")
    teacher = read_teacher(args.labels, samples) if args.labels else None
    return Evidence(samples, judged(keys, samples, args.images), outputs, teacher, report)


def _outputs(file: Path) -> tuple[dict[str, F32], list[str]]:
    """What int8 answered, and the keys of the pictures."""
    if not file.is_file():
        raise WorkshopError(
            file, "no such file", "what `edge-quantize compare` wrote beside its report", AGAIN
        )
    try:
        with safe_open(file, "np") as stored:
            outputs = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
            return outputs, json.loads(stored.metadata()["keys"])
    except SafetensorError as e:
        raise WorkshopError(file, f"does not load ({e})", "what int8 answered", AGAIN) from e


def judged(keys: Sequence[str], samples: Sequence[Sample], images: Path) -> list[Sample]:
    """Each picture of a report once, by its key. Raises WorkshopError when some are gone."""
    known = by_key(pictures_of(samples))
    if missing := [key for key in keys if key not in known]:
        found = f"{len(missing)} of the report's {len(keys)} pictures are missing: {missing[0]}"
        fix = "give the pictures of the report, or run compare again"
        raise WorkshopError(images, found, "all of them, held out", fix)
    return [known[key] for key in keys]


def _held_out(args: argparse.Namespace) -> str:
    """What the accuracy was measured on, in words."""
    said = [s["held_out"] for s in read_sources(args.images) if "held_out" in s]
    since = " (before it learned from them, too)" if args.proof else ""
    return ("; ".join(said) or f"held-out pictures of {args.images.name}") + since


def _recipe(args: argparse.Namespace, spec: InputSpec, gates: Gates) -> dict[str, Any]:
    """How the artifacts were made: settings of the student, then of int8, then versions; how much
    work the network is, what the gate let through, and how the glance was made.
    """
    int8: Path = args.int8
    with safe_open(int8 / FILE, "pt") as stored:
        student = json.loads(stored.metadata()["settings"])
    made = recipe.read(int8, "quantize")
    flat = {f"int8 {k}": v for k, v in (made.settings | made.result).items()}
    flat |= {f"version {k}": v for k, v in made.versions.items()}
    flat |= work_of(load(int8 / FILE)[0], spec.height, spec.width)
    flat |= {f"{kind} {k}": v for kind, limits in gates.items() for k, v in limits.items()}
    flat |= recipe_of(args.glance) if args.glance else {}
    return student | {k: v for k, v in flat.items() if isinstance(v, (str, int, float, bool))}
