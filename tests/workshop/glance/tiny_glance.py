"""A student of seven blocks that never learned, gaudy things, and noise to lay them on."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from calib_data import composed
from edge.records import U8
from quantize import recipe
from quantize.cli import main
from quantize.glance import scenes, shards
from quantize.pictures import TagList, write_lists
from quantize.students import Student, inverted, normalise, save, table
from quantize.students.inverted import Plan, Stage
from quantize.students.starting import FILE

NAME = "tiny_glance"
PLAN = Plan(
    (
        Stage(3, 1, 8, 1, 1),
        Stage(3, 3, 16, 1, 2),
        Stage(3, 3, 24, 1, 2),
        Stage(3, 3, 32, 1, 2),
        Stage(3, 1, 32, 1, 2),
    ),
    stem=8,
    embedding=32,
)
SIDE, FRAMES, JUDGED = 128, 180, 36
THINGS = {"fish": ("perch", "bream"), "grocery": ("Lemon", "Lime", "Vine-Tomato")}
COLOURS = {"fish": (230, 20, 200), "grocery": (120, 240, 20)}
SMALL = ["--side", str(SIDE), "--frames", str(FRAMES), "--judged", str(JUDGED),
         "--epochs", "16", "--batch", "4", "--marks", "0"]  # fmt: skip
FREE = ["--gate-slowdown", "1000000"]  # so small a network says nothing about speed
LOOSE = ["--gate-precision", "0.05"]  # a frame in so few is worth as much
FEW = ["--ranges", "12", "--judged", str(JUDGED)]


def known(patch: pytest.MonkeyPatch) -> None:
    """The student by its name."""
    patch.setitem(table.STUDENTS, NAME, lambda: (inverted.backbone(PLAN), PLAN.embedding))


def close_up(patch: pytest.MonkeyPatch) -> None:
    """Frames with things so large that so small a glance can see them."""
    patch.setattr(composed, "SIDE_PX", (120.0, 360.0))
    patch.setattr(composed, "SMALL_PX", 200.0)
    patch.setattr(scenes, "SHARE", 0.0)
    patch.setattr(scenes, "WHOLE", 0.0)
    patch.setattr(shards, "EACH", FRAMES)  # one file a split: made in this process


def write_student(folder: Path) -> Path:
    """As `finetune` leaves it."""
    torch.manual_seed(0)
    student = Student({"fish": 3}, NAME).train()
    seen = [thing(head, tags[0], seed) for head, tags in THINGS.items() for seed in range(8, 12)]
    with torch.no_grad():
        for _ in range(30):  # so that its batch norms pass on what there is
            student(normalise(torch.from_numpy(np.stack(seen))))
    recipe.begin(folder, "finetune", {}, {})
    save(student, {"final_side": SIDE}, folder / FILE)
    write_lists({"fish": TagList(("a", "b"), (None, None))}, folder)
    recipe.finish(folder, {})
    return folder


def thing(head: str, tag: str, seed: int) -> U8:
    """(64, 64, 3) in the colour of its head, striped as its tag says."""
    draw = np.random.default_rng([seed, *tag.encode()])
    stripes = np.arange(64) // (4 + 2 * len(tag)) % 2 * draw.uniform(0.1, 0.2)
    light = (draw.uniform(0.85, 1.0) - stripes)[None, :, None]
    noise = draw.normal(0, 8, (64, 64, 3))
    return np.clip(np.array(COLOURS[head]) * light + noise, 0, 255).astype(np.uint8)


def write_images(folder: Path) -> Path:
    """Each thing three times to train on, twice to judge with, no picture on both sides."""
    folder.mkdir(parents=True)
    rows = []
    for head, tags in THINGS.items():
        for tag in tags:
            for i in range(5):
                name = f"{tag}-{i}.png"
                cv2.imwrite(str(folder / name), thing(head, tag, i)[:, :, ::-1])
                split = "train" if i < 3 else "val"
                rows.append({"file": name, "head": head, "tag": tag, "split": split})
    (folder / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return folder


def write_photos(folder: Path, count: int = 5) -> Path:
    """Soft grey noise."""
    folder.mkdir(parents=True)
    for n in range(count):
        noise = np.random.default_rng(n).integers(90, 160, (30, 40, 1), np.uint8).repeat(3, 2)
        cv2.imwrite(str(folder / f"{n}.png"), cv2.resize(noise, (800, 600)))
    return folder


def flags(home: Path, out: Path) -> list[str]:
    """Of the stage `glance` at this size."""
    return ["glance", "--student", str(home / "student"), "--images", str(home / "images"),
            "--canvases", str(home / "photos"), "--out", str(out), *SMALL]  # fmt: skip


def learned(home: Path) -> Path:
    """All that the stage `glance` needs, and what it makes of it."""
    torch.set_num_threads(1)
    write_student(home / "student")
    write_images(home / "images")
    write_photos(home / "photos")
    with pytest.MonkeyPatch.context() as patch:
        close_up(patch)
        assert main(flags(home, home / "glance")) == 0
    return home


def quantised(glance: Path, out: Path, *more: str) -> Path:
    """What `quantize-glance` makes of it."""
    args = ["quantize-glance", "--glance", str(glance), "--out", str(out), *FEW, *FREE, *LOOSE,
            *more]  # fmt: skip
    assert main(args) == 0
    return out
