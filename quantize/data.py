"""The pictures a student learns from: which file, which head, which label, which split.

A split never parts what belongs together: `clothes` is split by sender, `fish` by individual fish,
`grocery` as published. SETS says where each set comes from and under which licence.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Literal

import msgspec

from edge import pixels
from edge.records import U8, Box, Region

Split = Literal["train", "val"]

SETS: tuple[dict[str, str], ...] = (
    {"name": "clothing", "source": "alexeygrigorev/clothing-dataset", "licence": "CC0"},
    {"name": "grocery", "source": "marcusklasson/GroceryStoreDataset", "licence": "MIT"},
    {"name": "fish", "source": "kratzert/EGU2017_public", "licence": "MIT"},
    {"name": "photos", "source": "drewnoakes/metadata-extractor-images", "licence": "free use"},
    {
        "name": "rendered",
        "source": "calib_data/scenes.py of this project",
        "licence": "this project's",
    },
)
# Photos that show no garment, no produce and none of the seven fish: "none" for every head.
EMPTY_PHOTOS = frozenset(
    [
        "008",
        "010",
        "014",
        "023",
        "027",
        "029",
        "042",
        "046",
        "048",
        "055",
        "059",
        "062",
        "072",
        "075",
        "083",
        "101",
    ]
)
VIEWS_A_PHOTO = 50


class Sample(msgspec.Struct, frozen=True):
    """A picture, or a part of one, and what a person said about it."""

    file: Path
    head: str  # "clothes", "grocery", "fish"; "none": no head should name it; "": nobody said
    tag: str  # the label; "" where head is "none" or ""
    split: Split
    box: Box | None = None  # the part that is meant; None: all of it

    @property
    def key(self) -> str:
        """What soft targets are filed under."""
        return "/".join(self.file.parts[-5:]) + (f"@{self.box}" if self.box else "")


class TagList(msgspec.Struct, frozen=True):
    """The tags a head can give, in the order of its logits."""

    tags: tuple[str, ...]
    groups: tuple[str | None, ...]


def read(sample: Sample) -> U8:
    """The sample's pixels, (H, W, 3) RGB. Raises SourceError when the file cannot be read."""
    rgb = _decoded(sample.file)
    return pixels.cut(rgb, Region(*sample.box)) if sample.box else rgb


@lru_cache(maxsize=1)  # a photo is asked for once a view, one after the other
def _decoded(file: Path) -> U8:
    return pixels.decode(file.read_bytes(), str(file))


def tag_lists(root: Path) -> dict[str, TagList]:
    """Every head's tags, from the label files and the teacher's list."""
    clothes = sorted({row["category"] for row in _rows(root / "clothing/labels.jsonl")})
    fish = sorted({row["species"] for row in _rows(root / "fish/labels.jsonl")})
    products = [(row["product"], row["group"]) for row in _rows(root / "grocery/iconic.jsonl")]
    return {
        "clothes": TagList(tuple(clothes), (None,) * len(clothes)),
        "grocery": TagList(tuple(p for p, _ in products), tuple(g for _, g in products)),
        "fish": TagList(tuple(fish), (None,) * len(fish)),
        "tags": _general(root / "teachers/imagenet_labels.txt"),
    }


def samples(root: Path, rendered: Path | None = None) -> list[Sample]:
    """All samples of all sets. `rendered` holds what `calib_data.scenes crops | tiles` made."""
    found = [*_clothing(root / "clothing"), *_grocery(root / "grocery"), *_fish(root / "fish")]
    found += _photos(root / "photos")
    return found + (list(_rendered(rendered)) if rendered else [])


def _clothing(folder: Path) -> Iterator[Sample]:
    for row in _rows(folder / "labels.jsonl"):
        split: Split = "val" if _share(row["sender"]) < 0.2 else "train"
        yield Sample(folder / row["file"], "clothes", row["category"], split)


def _fish(folder: Path) -> Iterator[Sample]:
    rows = _rows(folder / "labels.jsonl")
    held_out: set[str] = set()
    for species in {row["species"] for row in rows}:
        fish = sorted({row["fish"] for row in rows if row["species"] == species}, key=_share)
        held_out.update(fish[: max(1, len(fish) // 5)])
    for row in rows:
        split: Split = "val" if row["fish"] in held_out else "train"
        yield Sample(folder / row["file"], "fish", row["species"], split)


def _grocery(folder: Path) -> Iterator[Sample]:
    for name in ("train", "val", "iconic"):
        for row in _rows(folder / f"{name}.jsonl"):
            split: Split = "val" if name == "val" else "train"
            yield Sample(folder / row["file"], "grocery", row["product"], split)


def _photos(folder: Path) -> Iterator[Sample]:
    """Random square parts of each photo, a fifth of its short side to all of it."""
    for file in sorted(folder.glob("*.jpg")):
        height, width = _decoded(file).shape[:2]
        draw = random.Random(file.name)
        for _ in range(VIEWS_A_PHOTO):
            side = int(min(height, width) * draw.uniform(0.2, 1.0))
            x, y = draw.randint(0, width - side), draw.randint(0, height - side)
            head = "none" if file.stem in EMPTY_PHOTOS else ""
            yield Sample(file, head, "", "train", (x, y, x + side, y + side))


def _rendered(folder: Path) -> Iterator[Sample]:
    for labels in sorted(folder.rglob("labels.jsonl")):
        for row in _rows(labels):
            tag = "" if row["head"] == "none" else row["tag"]
            yield Sample(labels.parent / row["file"], row["head"], tag, "train")


def _general(file: Path) -> TagList:
    """The teachers' 1,000 tags: the first name of each class, all its names where that is taken."""
    tags: list[str] = []
    for line in file.read_text("utf-8").splitlines()[1:]:
        short = line.split(",")[0].strip()
        tag = short if short not in tags else line.strip()
        tags.append(tag if tag not in tags else f"{tag} ({len(tags)})")
    return TagList(tuple(tags), (None,) * len(tags))


def _share(name: str) -> float:
    """A fixed number in 0..1 for a name: the same split on every machine."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) / 0x1_0000_0000


def _rows(file: Path) -> list[dict[str, str]]:
    return [msgspec.json.decode(line) for line in file.read_bytes().splitlines()]
