"""Stage `attributes`: one more head of a student, for sleeves, legs, necks, closures and patterns.

The embedding stays as it is, and so do the other heads. What comes out is a student like any other:
`export`, `quantize`, `compare` and `pack` go on with it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from quantize import recipe
from quantize.errors import WorkshopError
from quantize.fashion.attributes import GROUP_OF, HEAD, TAGS, table, taught
from quantize.fashion.learn import fit, group_accuracy, logits_of, measured
from quantize.fashion.material import FILE as SAID
from quantize.fashion.material import Material, brought_together, gather
from quantize.int8.gate import aligned
from quantize.pictures import TagList, read_lists
from quantize.pictures.folder import write_lists
from quantize.stages.export import loaded, side_of, student_file
from quantize.students import Student, save
from quantize.students.starting import FILE

LEAST = 20  # pictures that must have a tag, and that must not, or it is left out
EXAMPLE = """\
example:
  edge-quantize attributes --student build/student --images build/pictures --out build/worn
  edge-quantize export --student build/worn --images build/pictures --out build/float
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Flags of `edge-quantize attributes`."""
    parser.add_argument("--student", type=Path, required=True, help="its folder, or the file")
    text = f"pictures with head clothes; {SAID} beside labels.jsonl says more of them"
    parser.add_argument("--images", type=Path, required=True, help=text)
    text = "garments of each kind that are drawn, their attributes known"
    parser.add_argument("--rendered", type=int, default=60, metavar="N", help=text)
    text = "tags to leave out, comma between them: what is not learned well enough to be told"
    parser.add_argument("--without", default="", metavar="TAGS", help=text)
    parser.add_argument("--side", type=int, help="px of the input; None: what it learned with")
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")


def run(args: argparse.Namespace) -> None:
    """Learn the head, or say what an earlier run measured."""
    file = student_file(args.student)
    student, settings = loaded(file)
    side = side_of(settings, args.side, file)
    without = tuple(tag for tag in args.without.split(",") if tag)
    _refuse_unknown(without)
    asked = {"rendered": args.rendered, "side": side, "seed": args.seed, "without": without}
    inputs = {"student": recipe.digest(file), "images": recipe.digest(args.images)}
    if (args.images / SAID).exists():
        inputs["said"] = recipe.digest(args.images / SAID)
    if done := recipe.begin(args.out, "attributes", asked, inputs):
        return _say(args.out, done.result)
    material = gather(student, side, args.images, args.rendered, args.seed)
    tags, result = learned(student, material, without)
    save(student, {**settings, "final_side": side}, args.out / FILE)
    lists = {**read_lists(file.parent), HEAD: TagList(tags, tuple(GROUP_OF[t] for t in tags))}
    write_lists(lists, args.out)
    recipe.finish(args.out, result)
    return _say(args.out, result)


def learned(
    student: Student, material: Material, without: Sequence[str] = ()
) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Put the head on the student. Its tags, and its measure on what is held out, by source."""
    material = brought_together(material)
    train = material.part(held_out=False)
    wanted, sure = table(train.known)
    columns = [i for i in taught(wanted, sure, LEAST) if TAGS[i] not in without]
    if not columns:
        raise WorkshopError(
            "attributes", f"no tag that {LEAST} pictures have", "one at least", "--rendered 60"
        )
    tags = tuple(TAGS[i] for i in columns)
    layer = fit(train.features, wanted[:, columns], sure[:, columns])
    student.heads[HEAD] = layer
    result: dict[str, Any] = {"pictures": len(train.known), "tags": list(tags), "held_out": {}}
    for source in ("photos", "rendered", "others"):
        part = material.part(held_out=True, source=source)
        if part.known:
            logits, (right, known) = logits_of(layer, part.features), table(part.known, tags)
            result["held_out"][source] = {
                "pictures": len(part.known),
                "tags": msgspec.to_builtins(measured(logits, right, known, tags)),
                "groups": group_accuracy(logits, right, known, tags),
                "given_a_picture": round(float((logits > 0).sum(1).mean()), 3),
            }
    return tags, result


def _refuse_unknown(tags: Sequence[str]) -> None:
    for tag in tags:
        if tag not in TAGS:
            raise WorkshopError("--without", repr(tag), f"of {', '.join(TAGS)}", "mend it")


def _say(out: Path, result: dict[str, Any]) -> None:
    lines = [("held out", "group", "tag", "pictures", "have it", "AP %", "precision %", "recall %")]
    for source, found in result["held_out"].items():
        for row in found["tags"]:
            shares = (row["average_precision"], row["precision"], row["recall"])
            if not row["present"]:
                continue
            cells = [f"{100 * share:.1f}" for share in shares]
            counts = str(row["count"]), str(row["present"])
            lines.append((source, row["group"], row["tag"], *counts, *cells))  # type: ignore[arg-type]
    given = {source: found["given_a_picture"] for source, found in result["held_out"].items()}
    said = ", ".join(f"{source} {count}" for source, count in given.items())
    sys.stdout.write(f"{aligned(lines)}\ntags a picture: {said}\n{out}\n")  # type: ignore[arg-type]
