"""A real student of six blocks, and pictures that it can learn in a hundred steps."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from edge.pictures.calibration_set import CalibrationSet, capture
from edge.records import U8, Frame
from quantize import recipe
from quantize.int8.rounding import step_of
from quantize.pictures import TagList, write_lists
from quantize.students import Student, normalise, save
from quantize.students.inverted import Plan, Stage
from quantize.students.starting import FILE

SIDE = 32
FAST = ["--gate-slowdown", "1000000"]  # so small a student says nothing about speed
NAME = "tiny"
PLAN = Plan(
    (Stage(3, 1, 16, 1, 1), Stage(3, 4, 24, 2, 2), Stage(3, 4, 40, 2, 2)), stem=16, embedding=64
)
COLOURS = {"red": (200, 60, 50), "green": (60, 170, 70), "blue": (50, 80, 190)}
PATTERNS = ("rows", "columns")
THINGS = tuple(f"{colour} {pattern}" for colour in COLOURS for pattern in PATTERNS)
MARKS = (*COLOURS, *PATTERNS, "bright")
LISTS = {
    "things": TagList(THINGS, (None,) * len(THINGS)),
    "marks": TagList(MARKS, (None,) * len(MARKS)),
}
HEADS = {"things": len(THINGS) + 1, "marks": len(MARKS)}  # "things" has a logit for none of them


def drawn(count: int, seed: int) -> tuple[U8, np.ndarray, np.ndarray]:
    """(N, SIDE, SIDE, 3) pictures, (N,) which thing each is, (N, marks) 0 or 1."""
    draw = np.random.default_rng(seed)
    things = draw.integers(0, len(THINGS), count)
    light = draw.uniform(0.45, 1.2, count)
    phase, width = draw.integers(0, 8, count), draw.integers(3, 6, count)
    pictures = np.empty((count, SIDE, SIDE, 3), np.uint8)
    marks = np.zeros((count, len(MARKS)), np.float32)
    for i, thing in enumerate(things):
        colour, pattern = THINGS[thing].split()
        stripes = ((np.arange(SIDE) + phase[i]) // width[i]) % 2
        plane = stripes[:, None] if pattern == "rows" else stripes[None, :]
        shade = (0.35 + 0.65 * np.broadcast_to(plane, (SIDE, SIDE)))[..., None] * light[i]
        noise = draw.normal(0, 25, (SIDE, SIDE, 3))
        pictures[i] = np.clip(np.array(COLOURS[colour]) * shade + noise, 0, 255)
        marks[i, [MARKS.index(colour), MARKS.index(pattern)]] = 1
        marks[i, -1] = light[i] > 0.8
    return pictures, things, marks


def learned(steps: int = 80, seed: int = 0) -> Student:
    """A student that tells the things and the marks apart."""
    torch.manual_seed(seed)
    student = Student(HEADS, NAME).train()
    optimizer = torch.optim.AdamW(student.parameters(), lr=4e-3)
    pictures, things, marks = drawn(768, seed=100 + seed)
    for step in range(steps):
        chosen = np.random.default_rng(1000 * seed + step).integers(0, len(pictures), 32)
        outputs = student(normalise(torch.from_numpy(pictures[chosen])))
        loss = F.cross_entropy(outputs["things"], torch.from_numpy(things[chosen]))
        loss = loss + F.binary_cross_entropy_with_logits(
            outputs["marks"], torch.from_numpy(marks[chosen])
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return student.eval()


def stored(student: Student, folder: Path) -> Path:
    """As `finetune` leaves it."""
    recipe.begin(folder, "finetune", {}, {})
    save(student, {"final_side": SIDE}, folder / FILE)
    write_lists(LISTS, folder)
    recipe.finish(folder, {})
    return folder


def on_grid(weight: torch.Tensor) -> torch.Tensor:
    """Each output channel rounded to a multiple of its largest weight / 127."""
    step = step_of(weight)
    return (weight / step).round() * step


def copied(folder: Path, to: Path) -> Path:
    """A stage's folder, to spoil."""
    shutil.copytree(folder, to)
    return to


def captured(folder: Path, count: int) -> Path:
    """What `edge-tag capture` makes of a camera that shows the things."""
    pictures, _, _ = drawn(count, seed=30)
    frames = (Frame("camera", i, "2026-11-22T10:00:00Z", p) for i, p in enumerate(pictures))
    capture(frames, folder, CalibrationSet(1, "things", "a test", ""), count)
    return folder
