"""At which size a student sees best: `python -m benchmarks.input_size --images build/pictures`.

Views that a network learns from show a part of a picture, so that things look larger in them than
in what it is shown later; a network may therefore know more of pictures that are a little larger
than those views (Touvron et al. 2019, arXiv:1906.06423). The weights stay as they are; top-1 on
held-out pictures and multiplications by size go into benchmarks/results/input_size.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.machine import RESULTS, ROOT
from quantize.pictures import read_folder
from quantize.students import Student, load
from quantize.students.cost import gmac
from quantize.students.starting import FILE
from quantize.training.objective import accuracy
from quantize.training.shelf import Shelf, shelve

RESULT = RESULTS / "input_size.md"
SIDES = (192, 224, 240, 256)  # px


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="labelled pictures")
    parser.add_argument("--student", type=Path, default=ROOT / "quantize/weights/proof")
    parser.add_argument("--sides", type=int, nargs="+", default=SIDES, help="px")
    args = parser.parse_args()
    student, pictures = load(args.student / FILE)[0].eval(), read_folder(args.images)
    lists = {head: tags for head, tags in pictures.lists.items() if head != "tags"}
    held_out = [sample for sample in pictures.of("val") if sample.head in lists]
    table = "\n".join(rows(student, shelve(held_out, lists), args.sides)) + "\n"
    sys.stdout.write(table)
    RESULT.write_text(table, encoding="utf-8")


def rows(student: Student, shelf: Shelf, sides: Sequence[int]) -> Iterator[str]:
    """A line of Markdown a side: GMAC, and pictures that are right, by head and together."""
    heads = [head for head in shelf.labels if any(s.head == head for s in shelf.samples)]
    counts = {head: sum(s.head == head for s in shelf.samples) for head in heads}
    named = [f"{head} % (of {counts[head]})" for head in heads]
    yield f"| px | GMAC | {' | '.join(named)} | all % (of {len(shelf.samples)}) |"
    yield "|---" * (len(heads) + 3) + "|"
    for side in sides:
        right = accuracy(student, shelf, side)
        together = sum(right[head] * counts[head] for head in heads) / len(shelf.samples)
        shown = " | ".join(f"{100 * value:.1f}" for value in [right[h] for h in heads] + [together])
        yield f"| {side} | {gmac(student, side):.2f} | {shown} |"


if __name__ == "__main__":
    main()
