"""Real footage: garments found in street photos, and time against tiling on clips.

    python -m benchmarks.real_footage --street DIR --clips DIR --out DIR

Street photos have true boxes (`objects`: label, box). A garment is found by a look that holds 70 %
of its box and gives one of the tags that its label may have (GARMENTS). Clips have no truth: what
is told is compared with what tiling tells of the same frame. Everybody uses the same open tagger,
in turns. Writes real-footage.json.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import msgspec

from benchmarks.command import with_tagger
from benchmarks.contenders.sahi_slices import slices
from benchmarks.looking import Look, look_at
from benchmarks.machine import RESULTS, machine, write_json
from benchmarks.measures import finite, mean, median, order, over
from benchmarks.scoring import is_held
from benchmarks.subjects import SHARED
from edge.errors import SourceError
from edge.frames import tag_frame
from edge.memory.known import Memory
from edge.pictures import pixels
from edge.pictures.suffixes import CLIPS
from edge.records import Box, Budget, Picture, Region, Tag
from edge.seen import View
from edge.sources import open_source
from edge.tagger import Tagger

GARMENTS = {  # a street label -> the tags that are right for it; others are left out and counted
    "blazer": {"Blazer", "Outwear"},
    "blouse": {"Blouse", "Shirt", "Top"},
    "bodysuit": {"Body"},
    "boots": {"Shoes"},
    "cardigan": {"Longsleeve", "Outwear"},
    "coat": {"Outwear"},
    "dress": {"Dress"},
    "flats": {"Shoes"},
    "hat": {"Hat"},
    "heels": {"Shoes"},
    "jacket": {"Outwear", "Blazer"},
    "jeans": {"Pants"},
    "jumper": {"Longsleeve", "Hoodie"},
    "leggings": {"Pants"},
    "loafers": {"Shoes"},
    "pants": {"Pants"},
    "pumps": {"Shoes"},
    "sandals": {"Shoes"},
    "shirt": {"Shirt", "Polo"},
    "shoes": {"Shoes"},
    "shorts": {"Shorts"},
    "skirt": {"Skirt"},
    "sneakers": {"Shoes"},
    "sweater": {"Longsleeve", "Hoodie"},
    "sweatshirt": {"Longsleeve", "Hoodie"},
    "t-shirt": {"T-Shirt"},
    "top": {"Top", "T-Shirt", "Undershirt"},
    "vest": {"Outwear", "Top"},
    "wedges": {"Shoes"},
}
HEAD = "clothes"
SMALL_PX, LARGE_PX, LARGE_FRAME = 320, 640, 1280  # tiles; frames as wide get the large ones
EVERY_S, BUDGET_MS = 0.2, 50.0  # of clips
WAYS = ("ours", "tiling", "full")


class Garment(msgspec.Struct, frozen=True):
    """An object of a street photo."""

    label: str
    box: Box


class Photo(msgspec.Struct, frozen=True):
    """A row of the label file."""

    file: str
    objects: tuple[Garment, ...]


class Glimpse(msgspec.Struct, frozen=True):
    """One way of looking at one photo, or one frame."""

    looks: tuple[Look, ...]
    tags: tuple[Tag, ...]
    engine_ms: float
    cpu_ms: float
    wall_ms: float


def look(
    tagger: Tagger, picture: Picture, way: str, view: View, past: Memory, at_s: float | None = None
) -> Glimpse:
    """Look at a picture in one of WAYS."""
    wall, cpu = perf_counter(), process_time()
    if way == "ours":
        found = tag_frame(tagger, picture, view, past, at_s=at_s)
        looks = tuple(Look(look.region, look.engine_ms, look.tags) for look in found.looks)
        tags, engine_ms = found.tags, found.spent.engine_ms
    else:
        width, height = pixels.size(picture)
        tile_px = LARGE_PX if width >= LARGE_FRAME else SMALL_PX
        whole = [Region(0, 0, width, height, "full")]
        regions = whole if way == "full" else slices(width, height, tile_px)
        looks = look_at(tagger, picture, regions)
        tags = tuple(tag for look in looks for tag in look.tags)
        engine_ms = sum(look.engine_ms for look in looks)
    spent = (process_time() - cpu) * 1e3, (perf_counter() - wall) * 1e3
    return Glimpse(looks, tags, engine_ms, *spent)


def found_in(looks: Sequence[Look], garments: Sequence[Garment]) -> int:
    """How many of the garments some look names."""
    return sum(any(_names(look, garment) for look in looks) for garment in garments)


def street(tagger: Tagger, folder: Path) -> dict[str, Any]:
    """Every photo with boxes, all ways."""
    totals = {way: {"found": 0.0, "engine_ms": 0.0, "cpu_ms": 0.0} for way in WAYS}
    garments, left_out, photos = 0, 0, 0
    for number, (photo, rgb) in enumerate(_photos(folder)):
        known = [g for g in photo.objects if g.label in GARMENTS]
        garments, photos = garments + len(known), photos + 1
        left_out += len(photo.objects) - len(known)
        for way in order(WAYS, number, 1):
            glimpse = look(tagger, rgb, way, View(), Memory())
            totals[way]["found"] += found_in(glimpse.looks, known)
            totals[way]["engine_ms"] += glimpse.engine_ms
            totals[way]["cpu_ms"] += glimpse.cpu_ms
    return {
        "photos": photos,
        "garments": garments,
        "left_out": left_out,
        "ways": {
            way: {
                "found_share": row["found"] / max(1, garments),
                "engine_ms": row["engine_ms"] / max(1, photos),
                "cpu_ms": row["cpu_ms"] / max(1, photos),
            }
            for way, row in totals.items()
        },
    }


def clip(tagger: Tagger, file: Path, most: int) -> dict[str, Any]:
    """A clip at 5 frames a second, ours with a budget beside tiling of every frame."""
    heads = {head.name for head in tagger.heads if head.kind == "softmax"}
    glimpses: dict[str, list[Glimpse]] = {"ours": [], "tiling": []}
    past, view = Memory(), View(budget=Budget(BUDGET_MS))
    for number, picture in enumerate(_frames(file, most)):
        for way in order(list(glimpses), number, 1):
            at_s = number * EVERY_S
            glimpses[way].append(look(tagger, picture, way, view, past, at_s))
    said = {way: [_said(g, heads) for g in kept] for way, kept in glimpses.items()}
    agreed = sum(len(a & b) for a, b in zip(said["ours"], said["tiling"]))
    cpu = {way: mean([g.cpu_ms for g in kept]) for way, kept in glimpses.items()}
    return {
        "frames": len(glimpses["ours"]),
        "size": list(pixels.size(picture)) if glimpses["ours"] else None,
        "cpu_ms": cpu,
        "wall_p50_ms": {way: median([g.wall_ms for g in kept]) for way, kept in glimpses.items()},
        "tiling_over_ours_cpu": finite(over(cpu["tiling"], cpu["ours"])),
        "tiling_tags_told_too": finite(over(agreed, sum(map(len, said["tiling"])))),
        "tags_a_frame": {way: mean([float(len(s)) for s in kept]) for way, kept in said.items()},
    }


def _names(look: Look, garment: Garment) -> bool:
    right = GARMENTS[garment.label]
    held = is_held(garment.box, look.region.box)
    return held and any(tag.head == HEAD and tag.tag in right for tag in look.tags)


def _said(glimpse: Glimpse, heads: set[str]) -> set[tuple[str, str]]:
    return {(tag.head, tag.tag) for tag in glimpse.tags if tag.head in heads}


def _photos(folder: Path) -> Iterator[tuple[Photo, Any]]:
    for file in sorted(folder.rglob("*.jsonl")):
        for line in file.read_bytes().splitlines():
            row = msgspec.json.decode(line, type=dict[str, Any])
            if "objects" in row:
                photo = msgspec.convert(row, Photo)
                path = file.parent / photo.file
                yield photo, pixels.decode(path.read_bytes(), str(path))


def _frames(file: Path, most: int) -> Iterator[Picture]:
    source = open_source(str(file), every_s=EVERY_S)
    try:
        for frame in islice(source.frames(), most):
            if frame.pixels is not None:
                yield frame.pixels
    finally:
        source.close()


def table(found: Mapping[str, Any]) -> str:
    """For a person."""
    lines = []
    if at := found.get("street"):
        lines.append(
            f"street: {at['photos']} photos, {at['garments']} garments; {at['left_out']} objects "
            "of other kinds left out"
        )
        for way, row in at["ways"].items():
            lines.append(
                f"  {way:<8} found {row['found_share']:.3f}  engine {row['engine_ms']:.1f} ms"
                f"  cpu {row['cpu_ms']:.1f} ms a photo"
            )
    for name, row in found.get("clips", {}).items():
        lines.append(
            f"{name}: {row['frames']} frames, cpu {row['cpu_ms']['ours']:.1f} ms, tiling "
            f"{row['cpu_ms']['tiling']:.1f} ms, of tiling's tags told too: "
            f"{row['tiling_tags_told_too'] if row['tiling_tags_told_too'] is not None else '-'}"
        )
    return "\n".join(lines)


def run(args: argparse.Namespace, tagger: Tagger) -> dict[str, Any]:
    """Measure, write, and say what came of it."""
    found: dict[str, Any] = {
        "benchmark": "real footage", "machine": machine(), "engine": tagger.engine,
        "bundle": tagger.bundle.id, "has_glance": tagger.has_glance, "budget_ms": BUDGET_MS,
    }  # fmt: skip
    tagger.pace.measure(tagger)  # before the first frame, which would take longer by it
    if args.street.is_dir():
        found["street"] = street(tagger, args.street)
    files = sorted(p for p in args.clips.glob("*") if p.suffix.lower() in CLIPS)
    found["clips"] = {file.name: clip(tagger, file, args.frames) for file in files}
    if not files and "street" not in found:
        raise SourceError(f"{args.street}, {args.clips}: hold no photos with boxes and no clip")
    write_json(args.out / "real-footage.json", found)
    sys.stdout.write(table(found) + "\n")
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; gives the exit code."""
    say = argparse.ArgumentParser(
        prog="python -m benchmarks.real_footage", description=(__doc__ or "").split("\n")[0]
    )
    say.add_argument("--street", type=Path, metavar="DIR", default=SHARED / "street")
    say.add_argument("--clips", type=Path, metavar="DIR", default=SHARED / "clips")
    say.add_argument("--frames", type=int, default=150, help="of a clip, at most (default 150)")
    say.add_argument("--engine", default="onnxruntime", help="default onnxruntime")
    say.add_argument("--bundle", help="default: the one that comes with edge-tag")
    say.add_argument("--out", type=Path, default=RESULTS, help="default benchmarks/results")
    args = say.parse_args(argv)
    return with_tagger(args.bundle, args.engine, partial(run, args))


if __name__ == "__main__":
    sys.exit(main())
