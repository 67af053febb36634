"""Stage `fashion`: a published FashionSAP file -> its image tower for a device, and text vectors.

The tower comes out float and int8 for each engine; the texts are encoded here, once, into a small
file that the device compares its pictures with.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, get_args

import msgspec
import numpy as np

from edge.bundle.manifest import InputSpec
from edge.heads.text_vectors import write_text_vectors
from quantize import recipe
from quantize.errors import WorkshopError
from quantize.export import FILES, usable
from quantize.export.files import EXPORTERS
from quantize.fashion import evaluate
from quantize.fashion.export import query_to_onnx, text_to_onnx
from quantize.fashion.fashiongen import open_fashiongen
from quantize.fashion.fashioniq import Part, check
from quantize.fashion.judged import VectorBench
from quantize.fashion.opened import Fashion, open_fashion
from quantize.fashion.tower import FoldedTower
from quantize.int8.backends import PACKAGES
from quantize.int8.calibration import from_folder
from quantize.int8.gate import Limits
from quantize.int8.making import Work, earlier, make, tidy
from quantize.int8.record import Record
from quantize.int8.tables import table
from quantize.pictures import read_folder
from quantize.stages.export import written

TEXTS = "texts.edgetext"
FLOAT, INT8 = "float", "int8"  # folders in --out
EXAMPLE = """\
example (captions.txt: a line a product, ID<TAB>description, or a description alone):
  edge-quantize fashion --checkpoint retrieval.pth --vocabulary vocab.txt --texts captions.txt \\
      --images shop/ --out build/fashion
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Flags of `edge-quantize fashion`."""
    text = "published file for retrieval, pre-training or text-guided retrieval"
    parser.add_argument("--checkpoint", type=Path, required=True, metavar="FILE", help=text)
    parser.add_argument("--vocabulary", type=Path, required=True, metavar="FILE", help="vocab.txt")
    parser.add_argument(
        "--texts", type=Path, metavar="FILE", help="captions to encode, a line each"
    )
    text = "pictures to measure ranges on, and to judge int8 by; none: no int8"
    parser.add_argument("--images", type=Path, metavar="DIR", help=text)
    text = "FashionGen's h5 files: recall both ways, or of a category checkpoint its accuracy"
    parser.add_argument("--fashiongen", type=Path, metavar="DIR", help=text)
    text = "captions and images of FashionIQ: recall of changed pictures, both galleries"
    parser.add_argument("--fashioniq", type=Path, metavar="DIR", help=text)
    text = "the text tower as ONNX, too, for hosts without torch; of a text-guided file both"
    parser.add_argument("--towers", action="store_true", help=text)
    parser.add_argument("--count", type=int, default=96, help="so many of them")
    parser.add_argument("--engines", default=",".join(FILES), help="comma between them")
    parser.add_argument("--side", type=int, help="px of a picture; none: as trained")
    parser.add_argument("--heads", type=int, help="of attention; none: each 64 wide, as published")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")


def run(args: argparse.Namespace) -> None:
    """Write what was asked for; fails where an engine computes something else than the tower."""
    engines, skipped = usable(args.engines.split(","), EXPORTERS)
    files = {"checkpoint": args.checkpoint, "vocabulary": args.vocabulary, "texts": args.texts,
             "images": args.images, "fashiongen": args.fashiongen,
             "fashioniq": args.fashioniq}  # fmt: skip
    inputs = {name: recipe.digest(file) for name, file in files.items() if file}
    asked = {"engines": engines, "side": args.side, "heads": args.heads, "count": args.count,
             "towers": args.towers}  # fmt: skip
    if not (done := recipe.begin(args.out, "fashion", asked, inputs)):
        fashion = open_fashion(
            args.checkpoint, args.vocabulary, image_size=args.side, heads=args.heads
        )
        recipe.finish(args.out, {**_made(fashion, engines, args), "skipped": skipped})
        done = recipe.read(args.out)
    sys.stdout.write(f"{_told(done.result)}{args.out}\n")


def _made(fashion: Fashion, engines: list[str], args: argparse.Namespace) -> dict[str, Any]:
    report = fashion.report
    result: dict[str, Any] = {"kind": report.kind, "loaded": len(report.loaded),
                              "dropped": len(report.dropped)}  # fmt: skip
    if measured := _measured(fashion, args):
        result["measured"] = measured
    if fashion.kind == "category":
        if not measured:
            found = "a category checkpoint: it has no vectors"
            raise WorkshopError(args.checkpoint, found, "one for retrieval", "or --fashiongen DIR")
        return result
    if args.texts:
        ids, captions = read_captions(args.texts)
        write_text_vectors(fashion.stored(captions, ids), args.out / TEXTS)
        result["texts"] = len(captions)
    if args.towers:
        result["towers"] = _towers(fashion, args.out)
    tower = FoldedTower(fashion.network).eval()
    (args.out / FLOAT).mkdir(exist_ok=True)
    tried = np.random.default_rng(0).integers(0, 256, (3, tower.side, tower.side, 3), np.uint8)
    result |= {FLOAT: written(tower, engines, tower.side, tried, args.out / FLOAT)["engines"]}
    if args.images:
        result[INT8] = _int8(tower, engines, args)
    return result


def _towers(fashion: Fashion, out: Path) -> list[str]:
    """What encodes queries where they come in."""
    makers = {"text.onnx": text_to_onnx}
    makers |= {"query.onnx": query_to_onnx} if fashion.kind == "tgir" else {}
    for name, make_onnx in makers.items():
        make_onnx(fashion.network, out / name)
    return list(makers)


def _measured(fashion: Fashion, args: argparse.Namespace) -> dict[str, Any]:
    """On the sets that were given, those that the network is for; numbers under their names."""
    found: dict[str, Any] = {}
    if args.fashioniq:
        check(args.fashioniq)
    if args.fashiongen:
        measure = evaluate.categories if fashion.kind == "category" else evaluate.retrieval
        with open_fashiongen(args.fashiongen, "validation") as data:
            found["fashiongen"] = measure(fashion, data)
    if args.fashioniq:
        for name, official in (("pairs", False), ("official", True)):
            found[f"fashioniq, gallery of {name}"] = {
                part: evaluate.changed(fashion, args.fashioniq, part, official=official)
                for part in get_args(Part)
            }
    return msgspec.to_builtins(found, str_keys=True)


def _int8(tower: FoldedTower, engines: list[str], args: argparse.Namespace) -> dict[str, Any]:
    """The best int8 of each engine that has a quantiser here."""
    spec = InputSpec(height=tower.side, width=tower.side)
    seen = from_folder(read_folder(args.images).samples, args.count, spec, 0)
    here, skipped = usable(engines, PACKAGES)
    out = args.out / INT8
    out.mkdir(exist_ok=True)

    def judge(engine: str, files: Any) -> VectorBench:
        return VectorBench(engine, files, seen.judging)

    work = Work(tower, seen.ranges, judge, (), args.out / FLOAT, out)
    pictures = {"ranges": len(seen.ranges), "judging": len(seen.judging)}
    made = earlier(out) or Record(Limits(), pictures, skipped=skipped)
    made = make(work, [engine for engine in here if engine not in made.kept], made)
    tidy(out)
    return {
        "passed": made.verdict.passed,
        "kept": {engine: kept.tried.method for engine, kept in made.kept.items()},
        "table": table(made.verdict.rows),
    }


def read_captions(file: Path) -> tuple[list[str], list[str]]:
    """Ids and captions of a file, "" for an id that is not given. Raises WorkshopError."""
    try:
        # no splitlines: U+2028 and its like, which shops have in their texts, end no line
        lines = [line for line in file.read_text("utf-8").split("\n") if line.strip()]
    except (OSError, UnicodeDecodeError) as e:
        raise WorkshopError(file, str(e), "UTF-8, a caption a line", "--texts FILE") from e
    if not lines:
        raise WorkshopError(file, "no captions", "one at least", "--texts FILE")
    parted = [line.split("\t", 1) if "\t" in line else ["", line] for line in lines]
    return [own for own, _ in parted], [caption for _, caption in parted]


def _told(result: dict[str, Any]) -> str:
    lines = [f"{result['kind']}: {result['loaded']} tensors, {result['dropped']} left out"]
    if "texts" in result:
        lines.append(f"{result['texts']} texts: {TEXTS}")
    lines += [f"tower: {name}" for name in result.get("towers", ())]
    for name, found in result.get("measured", {}).items():
        lines.append(f"{name}: {msgspec.json.format(msgspec.json.encode(found)).decode()}")
    for engine, made in result.get(FLOAT, {}).items():
        lines.append(f"float {engine}: {', '.join(made['files'])}")
    if INT8 in result:
        lines.append(result[INT8]["table"])
    return "".join(f"{line}\n" for line in lines)
