"""The picture sets of the default bundle, as one: `python -m quantize.pictures.shared`.

A split never parts what belongs together: `clothes` is split by sender, `fish` by individual fish,
`grocery` as published. SETS says where each set comes from and under which licence. `--more` puts
half of the held-out senders and fish into training, and all of grocery's held-out pictures: for the
bundle that ships, once the recipe is proven. What is left still tells when something went wrong.

said.json is what we saw ourselves in some of the clothing photos, by the first letters of their
names: pattern, sleeves of dresses and shirts, closure of jackets and hoodies. Patterns of held-out
senders are those of pictures drawn at random; of the others also of some that were looked for.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from os.path import abspath
from pathlib import Path

import msgspec

from edge.pictures import pixels
from quantize.pictures.folder import share_of, write_lists
from quantize.pictures.samples import BRANDS, PictureSet, Sample, Split, TagList

# What is said of a garment that is not sure enough: FashionSAP's symbol for it.
GARMENTS = {
    garment: symbol
    for symbol, garments in {
        "tops": "Blouse|Body|Hoodie|Longsleeve|Polo|Shirt|T-Shirt|Top|Undershirt",
        "pants": "Pants|Shorts",
        "skirts": "Skirt",
        "coats": "Blazer|Outwear",
        "dresses": "Dress",
        "shoes": "Shoes",
        "accessories": "Hat",
    }.items()
    for garment in garments.split("|")
}
SETS: tuple[dict[str, str], ...] = (
    {
        "name": "clothing",
        "source": "alexeygrigorev/clothing-dataset",
        "licence": "CC0",
        "held_out": "clothes: senders",
    },
    {
        "name": "grocery",
        "source": "marcusklasson/GroceryStoreDataset",
        "licence": "MIT",
        "held_out": "grocery: the published validation split",
    },
    {
        "name": "fish",
        "source": "kratzert/EGU2017_public",
        "licence": "MIT",
        "held_out": "fish: individuals",
    },
    {"name": "photos", "source": "drewnoakes/metadata-extractor-images", "licence": "free use"},
    {
        "name": "rendered",
        "source": "calib_data/scenes.py of this project",
        "licence": "this project's",
    },
    {"name": "brands", "source": "Simple Icons, by simpleicons on PyPI", "licence": "CC0"},
)
# Photos that show no garment, no produce and none of the seven fish: "none" for every head.
EMPTY = (8, 10, 14, 23, 27, 29, 42, 46, 48, 55, 59, 62, 72, 75, 83, 101)
VIEWS_A_PHOTO = 50
SAID = Path(__file__).with_name("said.json")
HELD_OUT = 0.2  # of the senders and of the fish
FISH_SHARE = 2.0  # the smallest set
ASIDE = 0.33  # photos and rendered pictures: an epoch shows a third of them


def tag_lists(root: Path) -> dict[str, TagList]:
    """Every head's tags, from the label files and the teacher's list."""
    clothes = sorted({row["category"] for row in _lines(root / "clothing/labels.jsonl")})
    fish = sorted({row["species"] for row in _lines(root / "fish/labels.jsonl")})
    products = [(row["product"], row["group"]) for row in _lines(root / "grocery/iconic.jsonl")]
    return {
        "clothes": TagList(tuple(clothes), tuple(map(GARMENTS.get, clothes))),
        "grocery": TagList(tuple(p for p, _ in products), tuple(g for _, g in products)),
        "fish": TagList(tuple(fish), (None,) * len(fish)),
        "tags": _general(root / "teachers/imagenet_labels.txt"),
    }


def picture_set(
    root: Path, rendered: Path | None = None, brands: Path | None = None, *, more: bool = False
) -> PictureSet:
    """All sets. `rendered` holds what `calib_data.scenes crops | tiles` made, `brands` what
    `quantize.pictures.brands` did. With `more` to learn from, all of grocery is in both splits: it
    tells nothing any more but what int8 loses.
    """
    held_out = HELD_OUT / 2 if more else HELD_OUT
    found = [*_clothing(root / "clothing", held_out), *_fish(root / "fish", held_out)]
    found += [*_grocery(root / "grocery"), *_photos(root / "photos")]
    if more:
        other: dict[Split, Split] = {"train": "val", "val": "train"}
        shop = [s for s in found if s.head == "grocery"]
        found += [msgspec.structs.replace(s, split=other[s.split]) for s in shop]
    found += _rendered(rendered) if rendered else []
    lists = tag_lists(root)
    if brands:
        found += (marks := list(_rendered(brands)))
        tags = tuple(sorted({s.tag for s in marks}))
        lists[BRANDS] = TagList(tags, (None,) * len(tags))
    return PictureSet(tuple(found), lists)


def write(pictures: PictureSet, out: Path) -> None:
    """labels.jsonl and tags.json, which every stage reads; the pictures stay where they are.

    tags.txt and teacher-tags.txt are for `label`: the teacher also knows "background".
    """
    out.mkdir(parents=True, exist_ok=True)
    write_lists(pictures.lists, out)
    tags = pictures.lists["tags"].tags
    (out / "tags.txt").write_text("\n".join(tags) + "\n", encoding="utf-8")
    (out / "teacher-tags.txt").write_text("\n".join(("background", *tags)) + "\n", encoding="utf-8")
    (out / "sources.json").write_text(json.dumps(SETS, indent=2) + "\n", encoding="utf-8")
    with (out / "labels.jsonl").open("w", encoding="utf-8") as file:
        for s in pictures.samples:
            row = msgspec.to_builtins(s, enc_hook=str)
            row["file"] = abspath(s.file)  # noqa: PTH100 - a link keeps its name
            file.write(json.dumps(row) + "\n")


def write_said(root: Path, out: Path) -> None:
    """attributes.jsonl: what is said of garments beyond their category, by their senders and us."""
    said: dict[str, dict[str, str]] = {}
    for group, tags in msgspec.json.decode(SAID.read_bytes()).items():
        for tag, names in tags.items():
            for name in names.split():
                said.setdefault(name, {})[group] = tag
    with (out / "attributes.jsonl").open("w", encoding="utf-8") as file:
        for row in _lines(root / "clothing/labels.jsonl"):
            name = Path(row["file"]).name
            known = {"age": "kids" if row["kids"] else "", **said.get(name[:8], {})}
            file.write(json.dumps({"file": name, "attributes": known}) + "\n")


def _clothing(folder: Path, held_out: float) -> Iterator[Sample]:
    for row in _lines(folder / "labels.jsonl"):
        split: Split = "val" if share_of(row["sender"]) < held_out else "train"
        yield Sample(folder / row["file"], "clothes", row["category"], split)


def _fish(folder: Path, held_out: float) -> Iterator[Sample]:
    rows = _lines(folder / "labels.jsonl")
    aside: set[str] = set()
    for species in {row["species"] for row in rows}:
        fish = sorted({row["fish"] for row in rows if row["species"] == species}, key=share_of)
        aside.update(fish[: max(1, int(len(fish) * held_out))])
    for row in rows:
        split: Split = "val" if row["fish"] in aside else "train"
        yield Sample(folder / row["file"], "fish", row["species"], split, share=FISH_SHARE)


def _grocery(folder: Path) -> Iterator[Sample]:
    for name in ("train", "val", "iconic"):
        for row in _lines(folder / f"{name}.jsonl"):
            split: Split = "val" if name == "val" else "train"
            yield Sample(folder / row["file"], "grocery", row["product"], split)


def _photos(folder: Path) -> Iterator[Sample]:
    """Random square parts of each photo, a fifth of its short side to all of it."""
    for file in sorted(folder.glob("*.jpg")):
        height, width = pixels.decode(file.read_bytes(), str(file)).shape[:2]
        draw = random.Random(file.name)
        for _ in range(VIEWS_A_PHOTO):
            side = int(min(height, width) * draw.uniform(0.2, 1.0))
            x, y = draw.randint(0, width - side), draw.randint(0, height - side)
            head = "none" if int(file.stem) in EMPTY else ""
            yield Sample(file, head, "", "train", (x, y, x + side, y + side), ASIDE)


def _rendered(folder: Path) -> Iterator[Sample]:
    for labels in sorted(folder.rglob("labels.jsonl")):
        for row in _lines(labels):
            tag = "" if row["head"] == "none" else row["tag"]
            share, trust = float(row.get("share", ASIDE)), float(row.get("trust", 1))
            file = labels.parent / row["file"]
            yield Sample(file, row["head"], tag, "train", share=share, trust=trust)


def _general(file: Path) -> TagList:
    """The teachers' 1,000 tags: the first name of each class, all its names where that is taken."""
    tags: list[str] = []
    for line in file.read_text("utf-8").splitlines()[1:]:
        short = line.split(",")[0].strip()
        tag = short if short not in tags else line.strip()
        tags.append(tag if tag not in tags else f"{tag} ({len(tags)})")
    return TagList(tuple(tags), (None,) * len(tags))


def _lines(file: Path) -> list[dict[str, str]]:
    return [msgspec.json.decode(line) for line in file.read_bytes().splitlines()]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path, help="holds clothing/, grocery/, fish/, photos/")
    parser.add_argument("--rendered", type=Path, help="what `calib_data.scenes` made")
    parser.add_argument("--brands", type=Path, help="what `quantize.pictures.brands` made")
    parser.add_argument("--more", action="store_true", help="to learn from, of what is held out")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    write(picture_set(args.root, args.rendered, args.brands, more=args.more), args.out)
    write_said(args.root, args.out)


if __name__ == "__main__":
    main()
