"""AutoFish as a labelled picture set: a line a fish, from which every stage learns species.

Split as published, by group (../shared/reference/seeds.md, 4.2): what is not asked to judge is left
out, so that the test part is looked at once, at the end.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args

from edge.errors import EdgeError
from edge.records import Box
from quantize.errors import WorkshopError
from quantize.fish.coco import Fish, FishSet, Picture, path_of, read_coco
from quantize.fish.splits import split

HEAD, IMAGES = "fish", "images"
Judge = Literal["val", "test"]
SOURCE = {
    "name": "AutoFish",
    "source": "https://huggingface.co/datasets/vapaau/autofish",
    "licence": "CC BY 4.0",
}


def write(folder: Path, judge: Judge, out: Path) -> int:
    """labels.jsonl and sources.json in `out`, beside a link to `folder`; how many fish.

    Raises WorkshopError where annotations.json is no such file, a picture is missing, a fish is on
    two sides of the split, or `out` holds something already.
    """
    rows = list(rows_of(read_coco(folder / "annotations.json"), folder, judge))
    if not rows:
        raise WorkshopError(folder, "no fish", "some to learn from or to judge", "copy it again")
    if out.exists():
        raise WorkshopError(out, "something is there", "no such folder yet", "--out OTHER")
    out.mkdir(parents=True)
    (out / IMAGES).symlink_to(folder.resolve(), target_is_directory=True)
    (out / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    about = SOURCE | {"held_out": f"AutoFish, its {judge} groups"}
    (out / "sources.json").write_text(json.dumps([about], indent=1) + "\n", "utf-8")
    return len(rows)


def rows_of(found: FishSet, folder: Path, judge: Judge) -> Iterator[dict[str, Any]]:
    """Lines of labels.jsonl: those of train, then those of `judge`, which are held out."""
    species = {category.id: category.name for category in found.categories}
    sides = split(found)
    for side, held in (("train", "train"), (judge, "val")):
        part = sides[side]
        pictures = {picture.id: picture for picture in part.images}
        files = {number: _file(picture, folder) for number, picture in pictures.items()}
        for fish in part.annotations:
            if not fish.iscrowd:
                box = box_of(fish, pictures[fish.image_id])
                label = {"head": HEAD, "tag": species[fish.category_id], "split": held}
                yield {"file": files[fish.image_id], **label, "box": box}


def box_of(fish: Fish, picture: Picture) -> Box:
    """x0, y0, x1, y1 in whole px, inside the picture, all of the fish in it, a pixel at least."""
    x, y, width, height = fish.bbox
    x0, y0 = min(max(0, int(x)), picture.width - 1), min(max(0, int(y)), picture.height - 1)
    x1, y1 = (-int(-(at + size) // 1) for at, size in ((x, width), (y, height)))  # rounded up
    return x0, y0, max(x0 + 1, min(x1, picture.width)), max(y0 + 1, min(y1, picture.height))


def _file(picture: Picture, folder: Path) -> str:
    file = path_of(picture, folder)
    if not file.is_file():
        raise WorkshopError(file, "no such file", "every picture of the file", "copy it again")
    return f"{IMAGES}/{file.relative_to(folder).as_posix()}"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="holds annotations.json and group_01/, ...")
    parser.add_argument("--judge", choices=get_args(Judge), default="val", help="what is held out")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    try:
        count = write(args.folder, args.judge, args.out)
    except EdgeError as e:
        sys.exit(f"{e}\n  fix: {e.fix}")
    sys.stdout.write(f"{args.out}: {count} fish\n")


if __name__ == "__main__":
    main()
