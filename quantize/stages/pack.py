"""Stage `pack`: int8 artifacts, the report that proves them, and their tags -> a bundle."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

from edge.bundle import Manifest
from edge.bundle.manifest import SCHEMA, HeatMap, InputSpec
from edge.bundle.write import stored
from edge.engines import open_engine
from quantize import pack as packing
from quantize import recipe
from quantize.evidence import REPORT, Evidence, read_evidence
from quantize.fashion.packed import attributes_files
from quantize.fish.packed import outline_files
from quantize.glance.packed import heat_map, recipe_of
from quantize.int8.tables import aligned
from quantize.int8.timing import in_turn
from quantize.pictures import read_sources
from quantize.publish import counter_of, name_of, write
from quantize.report.models import Side, from_stage, wanted_engines
from quantize.report.notes import gate_limits, looser
from quantize.report.opened import Opened, require_alike
from quantize.report.records import read_report
from quantize.students import load
from quantize.students.starting import FILE
from quantize.students.work import work_of

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
    proof = args.proof or args.report
    evidence = read_evidence(proof, args.images, args.head, args.labels)
    gates = {"gate": gate_limits(report.facts)}
    gates |= {"proof gate": gate_limits(evidence.report.facts)} if args.proof else {}
    core, files = _core(args, side, models, evidence)
    more, beside = _beside(args, models)
    manifest = Manifest(
        schema=SCHEMA,
        name=name,
        counter=counter,
        trained_on=tuple(read_sources(args.images)),
        recipe=_recipe(args, models[0].spec, gates),
        **core,
        **more,
    )
    write(args.out, files | beside, manifest)
    sys.stdout.write(f"{args.out}: {manifest.name}@{manifest.counter}\n")
    sys.stdout.write(_loosened(gates))
    if manifest.glance is not None:
        sys.stdout.write(_said_of(manifest.glance, beside, models))


def _core(
    args: argparse.Namespace, side: Side, models: Sequence[Opened], evidence: Evidence
) -> tuple[dict[str, Any], packing.Files]:
    """What every bundle has: keys of its manifest, and files."""
    heads = packing.heads_of(side.heads, evidence, _held_out(args))
    artifacts, files = packing.artifacts_of(models)
    golden, pictures = packing.golden_of(heads, side.heads, models)
    keys = {
        "input": models[0].spec,
        "embedding_size": packing.embedding_size(models[0]),
        "heads": tuple(heads),
        "artifacts": tuple(artifacts),
        "golden": tuple(golden),
    }
    return keys, files | pictures | packing.tag_files(side.heads)


def _beside(
    args: argparse.Namespace, models: Sequence[Opened]
) -> tuple[dict[str, Any], packing.Files]:
    """What a bundle may have: a glance for each of its engines, an outline, attributes."""
    glance, files = _glance(args.glance, models)
    outline = outline_files(args.outline) if args.outline else {}
    worn = attributes_files(args.attributes, args.int8 / FILE) if args.attributes else {}
    keys = {
        "glance": glance,
        "outline": tuple(stored(name, data) for name, data in outline.items()),
        "attributes": next((stored(name, data) for name, data in worn.items()), None),
    }
    return keys, files | outline | worn


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
