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
import msgspec
import numpy as np
import pytest

from calib_data.crops import SEWN, TAGS, crop, sewn
from edge.bundle import open_bundle
from edge.bundle.write import stored, write_bundle
from edge.engines import installed
from edge.heads.attributes import FILE
from edge.heads.scores import ATTRIBUTES
from edge.records import Region
from edge.seen import View
from edge.tagger import open_tagger

SIDE = 224
ENGINES = [name for name in ("onnxruntime", "openvino", "tflite") if name in installed()]
WEIGHTS = Path(__file__).parents[2] / "quantize" / "weights" / "attributes"
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


@pytest.fixture(scope="module")
def worn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle that ships, with the attributes of quantize/weights and without the outline."""
    folder = tmp_path_factory.mktemp("worn") / "bundle"
    with open_bundle() as bundle:
        about = stored(FILE, (WEIGHTS / FILE).read_bytes())
        manifest = msgspec.structs.replace(bundle.manifest, outline=(), attributes=about)
        files = {file.file: bundle.read(file) for file in manifest.files() if file != about}
    write_bundle(folder, {**files, FILE: (WEIGHTS / FILE).read_bytes()}, manifest)
    return folder


@pytest.fixture(scope="module")
def garments() -> list[tuple[np.ndarray, dict[str, str]]]:
    """Drawn with seeds that nobody learned from."""
    return [sewn(tag, seed, SIDE) for tag in SEWN for seed in (70_001, 70_002)]


@pytest.fixture(scope="module")
def scores(worn: Path, garments: list[tuple[np.ndarray, dict[str, str]]]) -> dict[str, np.ndarray]:
    """Engine -> (N, T) probabilities."""
    found = {}
    for engine in ENGINES:
        with open_tagger(worn, engine, threads=1) as tagger:
            rows = [tagger.look(rgb, [Region(0, 0, SIDE, SIDE)]).scores for rgb, _ in garments]
            found[engine] = np.concatenate([row[ATTRIBUTES] for row in rows])
    return found


def test_engines_agree_on_attributes(scores: dict[str, np.ndarray]) -> None:
    """As far as int8 kernels do: a few hundredths; and none is told here that is not there."""
    first = scores[ENGINES[0]]
    for engine in ENGINES[1:]:
        assert np.abs(scores[engine] - first).mean() < 0.01, engine
        assert ((scores[engine] >= 0.5) == (first >= 0.5)).mean() > 0.99, engine


def test_what_drawn_garments_have_is_told(
    worn: Path, garments: list[tuple[np.ndarray, dict[str, str]]]
) -> None:
    """Beside the garment's tag, of each group one, and of four in five the one it was made with."""
    right, wrong, named = 0, [], 0
    with open_tagger(worn, threads=1) as tagger:
        groups = {group for _, group in tagger.tags[ATTRIBUTES]}
        for rgb, made in garments:
            tags = tagger.tag(rgb, View(whole=True))
            assert ATTRIBUTES not in {tag.head for tag in tags}
            for tag in (tag for tag in tags if tag.head == "clothes"):
                named += 1
                said = {one.group: one.tag for one in tag.attributes}  # type: ignore[union-attr]
                assert len(said) == len(tag.attributes)  # type: ignore[arg-type]
                for group in {*said, *made} & (groups - {"pattern"}):
                    right += said.get(group) == made.get(group)
                    wrong += [] if said.get(group) == made.get(group) else [(tag.tag, said, made)]
    assert named >= 0.8 * len(garments)
    assert right >= 0.8 * (right + len(wrong)), wrong


def test_the_command_tells_attributes_of_garments_alone(worn: Path, tmp_path: Path) -> None:
    pictures = {
        "shirt": sewn("Longsleeve", 902, SIDE)[0],
        "lemon": crop("grocery", "Lemon", 5, SIDE),
        "trout": crop("fish", "rainbowtrout", 3, SIDE),
    }
    lines = told(tmp_path, pictures, "--bundle", str(worn))
    [shirt] = [tag for tag in lines["shirt"]["tags"] if tag["head"] == "clothes"]
    said = {one["group"]: (one["tag"], one["score"]) for one in shirt["attributes"]}
    assert said["sleeve"][0] == "long-sleeve"
    assert 0.5 <= said["sleeve"][1] <= 1
    for name in ("lemon", "trout"):
        assert lines[name]["tags"]
        assert not any("attributes" in tag for tag in lines[name]["tags"])
