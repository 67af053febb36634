"""Attributes and colours of garments: `make bench-fashion`, or `python -m benchmarks.fashion`.

Attributes: what `edge-quantize attributes` measures for the student that had not learned from
held-out photos (quantize/weights/proof); judged on photos of other senders, by what their category
implies and by what was seen in them, and on garments drawn with other seeds. Then the bundle that
ships, int8, on each engine: on photos that it has not learned from. Colours: the word that the
runtime measures on rendered garments of one dye, against the dye, under several white balances.
Retrieval with a published FashionSAP checkpoint has no row: none is at hand, and numbers of random
weights would say nothing. Some minutes on one core.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.machine import RESULTS, about, bundle_id
from benchmarks.readme import put
from calib_data.camera import BALANCES, balanced
from calib_data.crops import SEWN, sewn
from edge.bundle import DEFAULT
from edge.engines import installed
from edge.heads.colour import BASIC, colour_of
from edge.heads.scores import ATTRIBUTES
from edge.records import Region
from edge.tagger import open_tagger
from quantize import recipe
from quantize.cli import main as edge_quantize
from quantize.fashion.attributes import table as known_table
from quantize.fashion.attributes import tags_given
from quantize.fashion.items import photos, read_said
from quantize.pictures import read_folder
from quantize.pictures.shared import picture_set, write, write_said

FIRST_SEED, SEEDS = 1000, 40  # of garments whose colour is measured; names were chosen on others
COLOUR_PX = 128
ENGINES = [name for name in ("onnxruntime", "openvino", "tflite") if name in installed()]
TABLE = re.compile(r"(?<=<!-- fashion -->\n).*?(?=<!-- /fashion -->\n)", re.DOTALL)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--student", type=Path, default=Path("quantize/weights/proof"))
    parser.add_argument("--bundle", type=Path, help="with attributes; None: the one that ships")
    parser.add_argument("--out", type=Path, default=Path("build/fashion"))
    args = parser.parse_args()
    begun = about("attributes and colours of garments", bundle_id(args.bundle or DEFAULT))
    for name in ("pictures", "more"):
        write(picture_set(args.data, more=name == "more"), args.out / name)
        write_said(args.data, args.out / name)
    code = edge_quantize(
        ["attributes", "--student", str(args.student), "--images", str(args.out / "pictures"),
         "--out", str(args.out / "proof")]
    )  # fmt: skip
    if code == 0:
        made = recipe.read(args.out / "proof", "attributes").result
        told = {name: on_engine(args.bundle, name, args.out / "more") for name in ENGINES}
        lights = {name: colours(name) for name in BALANCES}
        keep(begun | {"attributes": made, "engines": compared(told), "colours": lights})
    return code


def on_engine(bundle: Path | None, engine: str, images: Path) -> dict[str, Any]:
    """What the bundle tells of held-out garments: (N, T) bool and what is known of them."""
    known, rows = [], []
    with open_tagger(bundle, engine, threads=1) as tagger:
        if ATTRIBUTES not in tagger.tags:
            raise SystemExit(f"{tagger.bundle.root}: no attributes, expected a bundle with some")
        names = tagger.tags[ATTRIBUTES]
        [head] = [head for head in tagger.heads if head.name == ATTRIBUTES]
        for about, source, is_held_out, view in photos(
            read_folder(images).samples, read_said(images)
        ):
            if source == "photos" and is_held_out:
                picture = view()
                whole = Region(0, 0, picture.shape[1], picture.shape[0], "full")
                rows.append(tagger.look(picture, [whole]).scores[ATTRIBUTES][0])
                known.append(about)
    tags = [tag for tag, _ in names]
    told = tags_given(np.array(rows), head.thresholds, tags)
    return {"tags": tags, "told": told, "known": known_table(known, tags)}


def compared(found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """By engine: precision and recall of all tags together, and how often all are the first's."""
    first = next(iter(found.values()))["told"]
    result = {}
    for engine, one in found.items():
        told, (wanted, sure) = one["told"], one["known"]
        right = int((told & sure & (wanted > 0)).sum())
        result[engine] = {
            "pictures": len(told),
            "precision": round(right / int((told & sure).sum()), 4),
            "recall": round(right / int((sure & (wanted > 0)).sum()), 4),
            "same": round(float((told == first).all(1).mean()), 4),
        }
    return result


def colours(balance: str) -> dict[str, Any]:
    """How often the word, and its basic term, is the dye's; what it was instead; ms a garment."""
    count = right = basic = 0
    instead: Counter[str] = Counter()
    spent = 0.0
    for seed in range(FIRST_SEED, FIRST_SEED + SEEDS):
        for tag in SEWN:
            pixels, known = sewn(tag, seed, COLOUR_PX)
            if "colour" not in known:
                continue
            seen = balanced(pixels, balance)
            start = perf_counter()
            word = colour_of(seen)
            spent += perf_counter() - start
            dye = known["colour"]
            count, right = count + 1, right + (word == dye)
            basic += BASIC.get(word, word) == BASIC.get(dye, dye)
            instead[f"{dye} as {word}"] += word != dye
    mistakes = {what: times for what, times in instead.most_common() if times}
    return {"garments": count, "right": right, "basic": basic, "mistakes": mistakes,
            "ms": round(1e3 * spent / count, 2)}  # fmt: skip


def keep(result: Mapping[str, Any]) -> None:
    """The numbers beside other results, and their table in the README."""
    (RESULTS / "fashion.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    sys.stdout.write(table(result))
    put(TABLE, table(result))


def table(result: Mapping[str, Any]) -> str:
    """Markdown: attributes, then engines, then colours."""
    others = result["attributes"]["held_out"]["others"]
    said = (
        f"On {others['pictures']} pictures of other things it gives {others['given_a_picture']} "
        "tags a picture, before the clothes head is asked."
    )
    tables = _attributes(result["attributes"]), [said], _engines(result), _dyes(result)
    return "\n\n".join("\n".join(lines) for lines in tables) + "\n"


def _attributes(found: Mapping[str, Any]) -> list[str]:
    """A row a tag: held-out photos of other senders, and rendered garments."""
    photos, drawn = ({row["tag"]: row for row in found["held_out"][part]["tags"] if row["present"]}
                     for part in ("photos", "rendered"))  # fmt: skip
    return [
        "| attribute | photos: have it | precision | recall | AP | F1 | F1 blindly | ships | "
        "rendered: have it | F1 |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *(
            f"| {tag} | {_cells(photos.get(tag))} | "
            f"{'yes' if tag in found['worth telling'] else 'no'} | {_short(drawn.get(tag))} |"
            for tag in found["tags"]
        ),
    ]


def _engines(result: Mapping[str, Any]) -> list[str]:
    lines = [
        "| int8, as packed | photos | precision | recall | all as the first engine |",
        "|---|---|---|---|---|",
    ]
    for engine, found in result["engines"].items():
        shares = (f"{100 * found[key]:.1f}" for key in ("precision", "recall", "same"))
        lines.append(f"| {engine} | {found['pictures']} | {' | '.join(shares)} |")
    return lines


def _dyes(result: Mapping[str, Any]) -> list[str]:
    lines = [
        "| colour, by light | garments of one dye | named as dyed | basic term right |",
        "|---|---|---|---|",
    ]
    for light, found in result["colours"].items():
        shares = (f"{100 * found[key] / found['garments']:.1f}" for key in ("right", "basic"))
        lines.append(f"| {light} | {found['garments']} | {' | '.join(shares)} |")
    return lines


def _cells(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "- | - | - | - | - | -"
    keys = ("precision", "recall", "average_precision", "f1", "baseline")
    return " | ".join(
        [f"{row['present']} of {row['count']}", *(f"{100 * row[k]:.1f}" for k in keys)]
    )


def _short(row: Mapping[str, Any] | None) -> str:
    return f"{row['present']} of {row['count']} | {100 * row['f1']:.1f}" if row else "- | -"


if __name__ == "__main__":
    sys.exit(main())
