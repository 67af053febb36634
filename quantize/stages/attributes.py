"""Stage `attributes`: sleeves, legs, necks, closures and patterns of garments, from the embedding.

The network stays as it is, and so do its other heads: what comes out is one small file that `pack`
puts into a bundle beside them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from edge import __version__
from edge.heads.attributes import FILE, Attributes, Header
from edge.heads.rows import rounded, rows_bytes
from quantize import disk, recipe
from quantize.errors import WorkshopError
from quantize.fashion.attributes import GROUP_OF, TAGS, table, tags_given, taught
from quantize.fashion.items import FILE as SAID
from quantize.fashion.learn import (
    Measured,
    fit,
    group_accuracy,
    is_learned,
    measured,
)
from quantize.fashion.material import Material, brought_together, gather
from quantize.int8.tables import aligned
from quantize.stages.export import side_of, student_file
from quantize.students import load
from quantize.training.settings import check_least

LEAST = 20  # pictures that must have a tag, and that must not, or it is left out
TOLD = 0.5  # probability from which a tag is told
EXAMPLE = f"""\
A tag is worth telling where it is clearly better, on held-out photos, than saying it blindly. With
--proof only tags that were, of another student on other pictures, are learned.

  edge-quantize attributes --student build/student --images build/pictures --out build/worn
  edge-quantize pack ... --attributes build/worn
writes {FILE}
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Flags of `edge-quantize attributes`."""
    parser.add_argument("--student", type=Path, required=True, help="its folder, or the file")
    text = f"pictures with head clothes; {SAID} beside labels.jsonl says more of them"
    parser.add_argument("--images", type=Path, required=True, help=text)
    text = "garments of each kind that are drawn, their attributes known"
    parser.add_argument("--rendered", type=int, default=60, metavar="N", help=text)
    text = "an earlier run: tags that were not worth telling there are left out"
    parser.add_argument("--proof", type=Path, metavar="DIR", help=text)
    parser.add_argument("--side", type=int, help="px of the input; None: what it learned with")
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")


def run(args: argparse.Namespace) -> None:
    """Learn the head, or say what an earlier run measured."""
    check_least(args, {"rendered": 0, "seed": 0})
    file = student_file(args.student)
    student, settings = load(file)
    side = side_of(settings, args.side, file)
    asked = {"rendered": args.rendered, "side": side, "seed": args.seed}
    inputs = {"student": recipe.digest(file), "images": recipe.digest(args.images)}
    if (args.images / SAID).exists():
        inputs["said"] = recipe.digest(args.images / SAID)
    worth: Sequence[str] = TAGS
    if args.proof:
        inputs["proof"] = recipe.digest(args.proof)
        worth = recipe.read(args.proof, "attributes").result["worth telling"]
    if done := recipe.begin(args.out, "attributes", asked, inputs):
        return _say(args.out, done.result)
    material = gather(student, side, args.images, args.rendered, args.seed)
    made, result = learned(material, inputs["student"], worth)
    disk.write(args.out / FILE, rows_bytes(made.header, [made.weights]))
    recipe.finish(args.out, result)
    return _say(args.out, result)


def learned(
    material: Material, student: str, worth: Sequence[str] = TAGS
) -> tuple[Attributes, dict[str, Any]]:
    """The head, of no other tags than `worth`; its measure on what is held out, by source.

    student  SHA-256 of its file
    """
    material = brought_together(material)
    train = material.part(held_out=False)
    wanted, sure = table(train.known)
    columns = [i for i in taught(wanted, sure, LEAST) if TAGS[i] in worth]
    if not columns:
        raise WorkshopError(
            "attributes", f"no tag that {LEAST} pictures have", "one at least", "--rendered 60"
        )
    tags = tuple(TAGS[i] for i in columns)
    weights, bias = fit(train.features, wanted[:, columns], sure[:, columns])
    header = Header(
        1, "attributes", f"edge-quantize {__version__}", student, weights.shape[1],
        tuple((tag, GROUP_OF[tag]) for tag in tags), tuple(bias.tolist()), (TOLD,) * len(tags),
    )  # fmt: skip
    made = Attributes(header, rounded(weights), bias)
    result: dict[str, Any] = {"pictures": len(train.known), "tags": list(tags), "held_out": {}}
    for source in ("photos", "rendered", "others"):
        part = material.part(held_out=True, source=source)
        if part.known:
            result["held_out"][source] = judged(made, part)
    result["worth telling"] = worth_telling(result["held_out"].get("photos"))
    return made, result


def worth_telling(photos: dict[str, Any] | None) -> list[str]:
    """Tags that held-out photos speak for."""
    rows = photos["tags"] if photos else []
    return [row["tag"] for row in rows if is_learned(msgspec.convert(row, Measured))]


def judged(made: Attributes, part: Material) -> dict[str, Any]:
    """How the head does on some pictures, as a device would tell it."""
    tags = [tag for tag, _ in made.header.tags]
    scores, (right, known) = made.scores(part.features), table(part.known, tags)
    told = tags_given(scores, made.header.thresholds, tags)
    return {
        "pictures": len(part.known),
        "tags": msgspec.to_builtins(measured(scores, told, right, known, tags)),
        "groups": group_accuracy(scores, right, known, tags),
        "given_a_picture": round(float(told.sum(1).mean()), 3),
    }


def _say(out: Path, result: dict[str, Any]) -> None:
    lines = [
        ("held out", "group", "tag", "pictures", "have it", "AP %", "precision %", "recall %",
         "F1 %", "F1 % blindly")
    ]  # fmt: skip
    for source, found in result["held_out"].items():
        for row in found["tags"]:
            keys = ("average_precision", "precision", "recall", "f1", "baseline")
            if not row["present"]:
                continue
            cells = [f"{100 * row[key]:.1f}" for key in keys]
            counts = str(row["count"]), str(row["present"])
            lines.append((source, row["group"], row["tag"], *counts, *cells))  # type: ignore[arg-type]
    given = {source: found["given_a_picture"] for source, found in result["held_out"].items()}
    said = ", ".join(f"{source} {count}" for source, count in given.items())
    worth = ", ".join(result["worth telling"]) or "none"
    sys.stdout.write(f"{aligned(lines)}\ntags a picture: {said}\nworth telling: {worth}\n{out}\n")
