"""Stage `average`: students of one lineage -> one with the mean of their weights.

Students that learned on from the same weights lie in one valley, and its middle generalises better
than its slopes, at the cost of one ("model soups", Wortsman et al. 2022, arXiv:2203.05482).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from quantize import recipe
from quantize.errors import WorkshopError
from quantize.stages.export import copy_beside, student_file
from quantize.students import Student, load, save
from quantize.students.starting import FILE


def add(parser: argparse.ArgumentParser) -> None:
    """Flags of `edge-quantize average`."""
    parser.add_argument(
        "--students",
        type=Path,
        nargs="+",
        required=True,
        help="two or more that learned on from the same weights; settings are those of the last",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write")


def run(args: argparse.Namespace) -> None:
    """Average; raises WorkshopError for students that differ in more than their weights."""
    if len(args.students) < 2:
        raise WorkshopError("--students", "one folder", "two or more", "--students FIRST SECOND")
    files = [student_file(folder) for folder in args.students]
    read = [load(file) for file in files]
    _require_alike(files, [student for student, _ in read])
    inputs = {f"student {n}": recipe.digest(file) for n, file in enumerate(files)}
    if not recipe.begin(args.out, "average", {"students": len(files)}, inputs):
        student = average([student for student, _ in read])
        copy_beside(files[-1], args.out)  # for its tags
        save(student, {**read[-1][1], "averaged": len(files)}, args.out / FILE)
        recipe.finish(args.out, {"student": student.name})
    sys.stdout.write(f"{args.out / FILE}: the mean of {len(files)} students\n")


@torch.no_grad()
def average(students: Sequence[Student]) -> Student:
    """The last student with the mean of all weights and batch norm statistics."""
    mean = students[-1]
    states = [student.state_dict() for student in students]
    for key, value in mean.state_dict().items():
        if value.is_floating_point():
            value.copy_(torch.stack([state[key] for state in states]).mean(0))
    return mean


def _require_alike(files: Sequence[Path], students: Sequence[Student]) -> None:
    """One network, and the same heads."""
    last = _said(students[-1])
    for file, student in zip(files, students):
        if _said(student) != last:
            raise WorkshopError(
                file, f"{_said(student)}", f"{last} as in {files[-1]}", "students of one lineage"
            )


def _said(student: Student) -> str:
    heads = ", ".join(f"{name} {head.out_features}" for name, head in student.heads.items())
    return f"a {student.name} with heads {heads}"
