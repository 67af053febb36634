"""Stage `export`: a student as float ONNX, OpenVINO IR and TFLite, each proven equal to it."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from edge.bundle.manifest import InputSpec
from edge.errors import SourceError
from edge.pictures import pixels
from edge.records import U8
from quantize import recipe
from quantize.errors import WorkshopError
from quantize.export import FILES, Deployed, artifact, check, folded, usable, write
from quantize.export.files import EXPORTERS
from quantize.int8.tables import aligned
from quantize.pictures import read, read_folder
from quantize.students import Network, load
from quantize.students.starting import FILE

TAGS = "tags.json"
TRIED_ON = 3  # pictures: as many as the largest batch


def add(parser: argparse.ArgumentParser) -> None:
    """Flags of `edge-quantize export`."""
    parser.add_argument("--student", type=Path, required=True, help="its folder, or the file")
    parser.add_argument("--images", type=Path, required=True, help="three to compare answers on")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--engines", default=",".join(FILES), help="comma between them")
    parser.add_argument("--side", type=int, help="px of the input; None: what it learned with")


def run(args: argparse.Namespace) -> None:
    """Write an artifact an engine; fails where one computes something else than the student."""
    file = student_file(args.student)
    student, settings = load(file)
    side = side_of(settings, args.side, file)
    engines, skipped = usable(args.engines.split(","), EXPORTERS)
    inputs = {"student": recipe.digest(file), "images": recipe.digest(args.images)}
    if done := recipe.begin(args.out, "export", {"engines": engines, "side": side}, inputs):
        return _say(args.out, done.result)
    pictures = _pictures(args.images, side)
    result = written(student, engines, side, pictures, args.out)
    copy_beside(file, args.out)
    recipe.finish(args.out, result | {"skipped": skipped})
    return _say(args.out, result | {"skipped": skipped})


def written(
    student: Network, engines: list[str], side: int, pictures: U8, out: Path
) -> dict[str, Any]:
    """Write an artifact an engine, and compare it on three pictures (3, side, side, 3).

    Engine -> size, differences by batch, opset. Raises WorkshopError for one that computes
    something else.
    """
    deployed, exact = Deployed(folded(student, side)), Deployed(student.eval())
    made: dict[str, Any] = {}
    bar = tqdm(engines, "export", disable=None)
    for engine in bar:
        bar.set_description(f"export {engine}")
        more = write(engine, deployed, side, out)
        files = artifact(out, engine)
        found = check(exact, engine, files, pictures, out / FILES[engine][0])
        sizes = {name: len(data) for name, data in zip(FILES[engine], files)}
        made[engine] = {
            "files": sizes,
            "differences": {str(n): d for n, d in found.items()},
            **more,
        }
    return {"engines": made}


def student_file(path: Path) -> Path:
    """student.safetensors of a stage's folder, or the file itself.

    Raises WorkshopError when it is not there, or tags.json not beside it.
    """
    file = path / FILE if path.is_dir() else path
    if path.is_dir():
        recipe.read(path)
    if not file.is_file():
        raise WorkshopError(
            file, "no such file", "what finetune or distill wrote", "--student FOLDER"
        )
    if not (file.parent / TAGS).is_file():
        raise WorkshopError(
            file.parent / TAGS,
            "no such file",
            "the tags of every head",
            "put it beside the student",
        )
    return file


def side_of(settings: Mapping[str, object], asked: int | None, file: Path) -> int:
    """px of the input. Raises WorkshopError when nobody says, or what cannot be."""
    if asked is not None and asked < 1:
        raise WorkshopError("--side", str(asked), "1 px or more", "leave it out")
    side = asked or settings.get("final_side")
    if not isinstance(side, int) or side < 1:
        raise WorkshopError(file, "settings name no final_side", "px of the input", "--side 224")
    return side


def copy_beside(file: Path, out: Path) -> None:
    """The student, and the tags of its heads: every later stage needs them."""
    shutil.copyfile(file, out / FILE)
    shutil.copyfile(file.parent / TAGS, out / TAGS)


def _pictures(folder: Path, side: int) -> U8:
    """TRIED_ON pictures, noise where the folder has fewer that can be read."""
    spec = InputSpec(height=side, width=side)
    found: list[U8] = []
    for sample in read_folder(folder).samples:
        if len(found) == TRIED_ON:
            break
        try:
            found.append(pixels.batch([read(sample)], spec)[0])
        except (SourceError, OSError):
            continue  # other stages list it
    draw = np.random.default_rng(0)
    while len(found) < TRIED_ON:
        found.append(draw.integers(0, 256, (side, side, 3), dtype=np.uint8))
    return np.stack(found)


def _say(out: Path, result: Mapping[str, Any]) -> None:
    lines = [("engine", "files", "MB", "off from the student at batch 1, 2, 3")]
    for engine, made in result["engines"].items():
        off = ", ".join(f"{made['differences'][n]:.1g}" for n in sorted(made["differences"]))
        size = sum(made["files"].values()) / 1e6
        lines.append((engine, " + ".join(made["files"]), f"{size:.2f}", off))
    for engine, reason in result["skipped"].items():
        lines.append((engine, "skipped", "-", reason))
    sys.stdout.write(f"{aligned(lines)}\n{out}\n")
