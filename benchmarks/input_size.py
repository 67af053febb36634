"""At which size a student sees best: `python -m benchmarks.input_size --images build/pictures`.

Views that a network learns from show a part of a picture, so that things look larger in them than
in what it is shown later; a network may therefore know more of pictures that are a little larger
than those views (Touvron et al. 2019, arXiv:1906.06423). The weights stay as they are; top-1 on
held-out pictures and multiplications by size go into benchmarks/results/input_size.md and .json.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import RESULTS, ROOT, about, write_json
from quantize.pictures import read_folder
from quantize.students import Student, load
from quantize.students.cost import gmac
from quantize.students.starting import FILE
from quantize.training.objective import accuracy
from quantize.training.shelf import Shelf, shelve

SIDES = (192, 224, 240, 256)  # px


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="labelled pictures")
    parser.add_argument("--student", type=Path, default=ROOT / "quantize/weights/proof")
    parser.add_argument("--sides", type=int, nargs="+", default=SIDES, help="px")
    args = parser.parse_args()
    found = about("size of the input", None) | {"student": str(args.student)}
    student, pictures = load(args.student / FILE)[0].eval(), read_folder(args.images)
    lists = {head: tags for head, tags in pictures.lists.items() if head != "tags"}
    held_out = [sample for sample in pictures.of("val") if sample.head in lists]
    found |= measured(student, shelve(held_out, lists), args.sides)
    write_json(RESULTS / "input_size.json", found)
    told = table(found)
    sys.stdout.write(told)
    (RESULTS / "input_size.md").write_text(told, "utf-8")


def measured(student: Student, shelf: Shelf, sides: Sequence[int]) -> dict[str, Any]:
    """Pictures by head; by side GMAC, and the share of them that is right, by head and together."""
    heads = [head for head in shelf.labels if any(s.head == head for s in shelf.samples)]
    pictures = {head: sum(s.head == head for s in shelf.samples) for head in heads}
    rows = []
    for side in sides:
        right = accuracy(student, shelf, side)
        together = sum(right[head] * pictures[head] for head in heads) / len(shelf.samples)
        shares = {head: right[head] for head in heads} | {"all": together}
        rows.append({"side_px": side, "gmac": gmac(student, side), "right": shares})
    return {"pictures": pictures, "rows": rows}


def table(found: Mapping[str, Any]) -> str:
    """Markdown, a line a side."""
    pictures = found["pictures"] | {"all": sum(found["pictures"].values())}
    named = [f"{head} % (of {count})" for head, count in pictures.items()]
    lines = [f"| px | GMAC | {' | '.join(named)} |", "|---" * (len(named) + 2) + "|"]
    for row in found["rows"]:
        shown = " | ".join(f"{100 * row['right'][head]:.1f}" for head in pictures)
        lines.append(f"| {row['side_px']} | {row['gmac']:.2f} | {shown} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
