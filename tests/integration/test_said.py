"""The bundle that ships says a group where the product is unsure, and "none" where it is neither;
and what garments have, the same on every engine.
"""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from calib_data.crops import TAGS, crop

SIDE = 224
KINDS = {
    "Apple": ("Golden-Delicious", "Granny-Smith", "Red-Delicious"),
    "Pepper": ("Green-Bell-Pepper", "Red-Bell-Pepper", "Yellow-Bell-Pepper"),
}


def told(folder: Path, pictures: dict[str, np.ndarray], *flags: str) -> dict[str, dict[str, Any]]:
    """Name -> the line that the command prints of a picture."""
    for name, rgb in pictures.items():
        cv2.imwrite(str(folder / f"{name}.png"), rgb[:, :, ::-1])
    command = [sys.executable, "-m", "edge", "--json", "--whole", *flags, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {Path(line["source"]).stem: line for line in lines}


def test_between_two_products_of_a_group_the_group_is_said(tmp_path: Path) -> None:
    """Half of one and half of the other: which of them it is nobody can say."""
    pictures = {}
    for group, kinds in KINDS.items():
        for one, other in combinations(kinds, 2):
            for seed in range(3):
                a, b = (crop("grocery", kind, seed, SIDE) for kind in (one, other))
                halves = np.hstack([a[:, : SIDE // 2], b[:, : SIDE // 2]])
                pictures[f"{group}-{one}-{other}-{seed}-mixed"] = cv2.addWeighted(a, 0.5, b, 0.5, 0)
                pictures[f"{group}-{one}-{other}-{seed}-halves"] = halves
    groups = [
        (name.partition("-")[0], tag)
        for name, line in told(tmp_path, pictures).items()
        for tag in line["tags"]
        if tag["level"] == "group"
    ]
    assert len(groups) >= 3
    for wanted, tag in groups:
        assert (tag["head"], tag["tag"], tag["group"]) == ("grocery", wanted, wanted)
        assert tag["score"] >= 0.6


def test_what_is_no_product_is_said_to_be_none(tmp_path: Path) -> None:
    pictures = {
        f"{tag}-{seed}": crop("none", tag, seed, SIDE) for tag in TAGS["none"] for seed in (0, 1)
    }
    lines = told(tmp_path, pictures)
    assert len(lines) == len(pictures)
    for name, line in lines.items():
        assert {tag["head"] for tag in line["tags"]} <= {"tags"}, name
        [none] = line["none"]
        assert none["track"] is None
        assert min(none["heads"].values()) > 0.5, name
    with_a_lemon = told(tmp_path, {"lemon": crop("grocery", "Lemon", 5, SIDE)})["lemon"]
    assert with_a_lemon["none"] == []
