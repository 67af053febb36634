"""Attributes and colours of garments: `python -m benchmarks.fashion`.

Attributes: a head on the embedding of the student that ships (quantize/weights/proof), learned
from clothing photos by what their category implies and from rendered garments, whose attributes
are known by construction; judged on photos of other senders and on garments drawn with other
seeds. Colours: the word that the runtime measures on rendered garments of one dye, against the dye.
Retrieval with a published FashionSAP checkpoint has no row: none is at hand, and numbers of random
weights would say nothing. About three minutes on one core.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

from calib_data.crops import SEWN, sewn
from edge.heads.colour import colour_of
from quantize.cli import main as edge_quantize
from quantize.pictures.folder import share_of

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
FIRST_SEED, SEEDS = (
    1000,
    40,
)  # of garments whose colour is measured; the names were chosen on others
COLOUR_PX = 128
START, END = "<!-- fashion -->\n", "<!-- /fashion -->\n"  # around the README's table


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--student", type=Path, default=Path("quantize/weights/proof"))
    parser.add_argument("--rendered", default="60")
    parser.add_argument("--side", default="224", help="px")
    parser.add_argument("--out", type=Path, default=Path("build/fashion"))
    args = parser.parse_args()
    write_set(args.data, args.out / "pictures")
    code = edge_quantize(
        [
            "attributes", "--student", str(args.student), "--images", str(args.out / "pictures"),
            "--rendered", args.rendered, "--side", args.side, "--out", str(args.out / "worn"),
        ]
    )  # fmt: skip
    if code == 0:
        worn = json.loads((args.out / "worn" / "recipe.json").read_text("utf-8"))["result"]
        keep({"attributes": worn, "colours": colours()})
    return code


def write_set(data: Path, out: Path) -> None:
    """labels.jsonl of clothes by sender and of groceries; attributes.jsonl of what is for kids."""
    out.mkdir(parents=True, exist_ok=True)
    clothing, grocery = data / "clothing", data / "grocery"
    rows = [_rows(clothing / "labels.jsonl"), _rows(grocery / "train.jsonl"),
            _rows(grocery / "val.jsonl")]  # fmt: skip
    labels = [
        {"file": str((clothing / row["file"]).resolve()), "head": "clothes",
         "tag": row["category"], "split": "val" if share_of(row["sender"]) < 0.2 else "train"}
        for row in rows[0]
    ]  # fmt: skip
    for split, part in (("train", rows[1]), ("val", rows[2])):
        labels += [
            {"file": str((grocery / row["file"]).resolve()), "head": "grocery",
             "tag": row["product"], "split": split}
            for row in part
        ]  # fmt: skip
    said = [{"file": row["file"], "attributes": {"age": "kids" if row["kids"] else ""}}
            for row in rows[0]]  # fmt: skip
    for name, lines in (("labels.jsonl", labels), ("attributes.jsonl", said)):
        (out / name).write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")


def colours() -> dict[str, Any]:
    """How often the word is the dye's, what it was instead, and ms a garment."""
    asked = right = 0
    instead: Counter[str] = Counter()
    spent = 0.0
    for seed in range(FIRST_SEED, FIRST_SEED + SEEDS):
        for tag in SEWN:
            pixels, known = sewn(tag, seed, COLOUR_PX)
            if "colour" not in known:
                continue
            start = perf_counter()
            word = colour_of(pixels)
            spent += perf_counter() - start
            asked, right = asked + 1, right + (word == known["colour"])
            instead[f"{known['colour']} as {word}"] += word != known["colour"]
    mistakes = {what: count for what, count in instead.most_common() if count}
    return {"garments": asked, "right": right, "mistakes": mistakes,
            "ms": round(1e3 * spent / asked, 2)}  # fmt: skip


def keep(result: Mapping[str, Any]) -> None:
    """The numbers beside other results, and their table in the README."""
    (RESULTS / "fashion.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    readme = ROOT / "README.md"
    before, rest = readme.read_text("utf-8").split(START)
    after = rest.split(END)[1]
    readme.write_text(f"{before}{START}{table(result)}{END}{after}", "utf-8")
    sys.stdout.write(table(result))


def table(result: Mapping[str, Any]) -> str:
    """A row a tag: held-out photos of other senders, and rendered garments."""
    held_out = result["attributes"]["held_out"]
    photos, drawn = ({row["tag"]: row for row in held_out[part]["tags"] if row["present"]}
                     for part in ("photos", "rendered"))  # fmt: skip
    lines = ["| attribute | photos: have it | precision | recall | AP | rendered: have it | "
             "precision | recall | AP |", "|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    lines += [
        f"| {tag} | {_cells(photos.get(tag))} | {_cells(drawn.get(tag))} |"
        for tag in result["attributes"]["tags"]
    ]
    found = result["colours"]
    share = 100 * found["right"] / found["garments"]
    others = held_out["others"]
    lines.append("")
    lines.append(f"On {others['pictures']} pictures of groceries it gives "
                 f"{others['given_a_picture']} tags a picture.")  # fmt: skip
    lines.append(f"Colour: {share:.1f} % of {found['garments']} rendered garments of one dye are "
                 "named as they were dyed.")  # fmt: skip
    return "\n".join(lines) + "\n"


def _cells(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "- | - | - | -"
    shares = (row["precision"], row["recall"], row["average_precision"])
    return " | ".join([f"{row['present']} of {row['count']}", *(f"{100 * s:.1f}" for s in shares)])


def _rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


if __name__ == "__main__":
    sys.exit(main())
