"""`edge-quantize refit`: a student in, one with other heads out, and nothing else of it changed."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from quantize import recipe  # noqa: E402
from quantize.cli import main  # noqa: E402
from quantize.students import Student, load, save  # noqa: E402
from quantize.students.starting import FILE  # noqa: E402

COLOURS = {"blue": (200, 40, 30), "green": (40, 190, 50), "red": (30, 30, 210)}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Plain cards of three colours, in class folders."""
    draw = np.random.default_rng(0)
    for tag, bgr in COLOURS.items():
        for split, count in (("train", 12), ("val", 4)):
            folder = tmp_path / "shop" / split / tag
            folder.mkdir(parents=True)
            for n in range(count):
                card = np.clip(draw.normal(bgr, 12, (80, 80, 3)), 0, 255).astype(np.uint8)
                cv2.imwrite(str(folder / f"{n}.png"), card)
    return tmp_path / "shop"


def student(folder: Path, tags: list[str]) -> Path:
    """One that has learned nothing."""
    torch.manual_seed(1)
    recipe.begin(folder, "finetune", {}, {})
    made = Student({"cards": len(tags) + 1, "tags": 5}, "mobilenet_v2")
    save(made, {"final_side": 64}, folder / FILE)
    about = {"cards": {"tags": tags, "groups": [None] * len(tags)}}
    (folder / "tags.json").write_text(json.dumps(about))
    recipe.finish(folder, {"done": True})
    return folder


def refit(shop: Path, of: Path, out: Path, *more: str) -> int:
    flags = ["--student", str(of), "--images", str(shop), "--head", "cards", "--out", str(out)]
    return main(["refit", *flags, *more])


def test_a_student_that_learned_nothing_tells_colours_apart(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = student(tmp_path / "before", list(COLOURS))
    assert refit(shop, before, tmp_path / "after", "--share", "1") == 0
    assert "cards" in capsys.readouterr().out
    result = json.loads((tmp_path / "after/recipe.json").read_text())["result"]
    assert result["top1"]["cards"] > max(0.9, result["before"]["cards"])
    old, new = (load(tmp_path / name / FILE)[0].state_dict() for name in ("before", "after"))
    changed = {key for key in old if not torch.equal(old[key], new[key])}
    assert changed == {"heads.cards.weight", "heads.cards.bias"}
    assert (tmp_path / "after/tags.json").exists()


def test_pictures_of_other_tags_are_refused(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = student(tmp_path / "before", ["blue", "green"])
    assert refit(shop, before, tmp_path / "after") == 2
    assert "expected {'cards': 4} as in the pictures" in capsys.readouterr().err
