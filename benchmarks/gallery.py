"""Brands enrolled with a few pictures, on photos nobody learned: `python -m benchmarks.gallery`.

Crops: so many examples a brand are enrolled as `edge-tag enroll --box` does it, and the boxes of
all other pictures are asked for. "No logo" crops are cut at random from pictures without any.
Whole pictures: the same gallery in `edge-tag`, which has to find the logo itself. Any bundle
(`--bundle`), any folder with a `labels.jsonl` of `file`, `brand` (null: no logo) and `boxes`
(`--logos`). Nothing is tuned on these pictures. The report goes into benchmarks/results: JSON, a
table, a plot; no picture of the data.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.drawing import line_panels
from benchmarks.galleries.crops import SHOTS, on_crops
from benchmarks.galleries.photos import brands_of, read_photos
from benchmarks.galleries.table import markdown
from benchmarks.galleries.whole import on_whole
from benchmarks.machine import RESULTS, machine, write_json
from edge.tagger import open_tagger

TARGETS = {"top1": 0.85, "recall": 0.70, "whole": 0.70}


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logos", type=Path, default=Path("../shared/data/logos"))
    parser.add_argument("--bundle")
    parser.add_argument("--engine")
    parser.add_argument("--seeds", type=int, default=5, help="draws of the examples")
    parser.add_argument("--whole", type=int, default=100, help="whole pictures a brand, at most")
    parser.add_argument("--whole-seeds", type=int, default=3, help="draws for whole pictures")
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    found: dict[str, Any] = {"machine": machine()}
    photos = read_photos(args.logos)
    with open_tagger(args.bundle, args.engine, threads=1) as tagger:
        found |= {"bundle": tagger.bundle.id, "engine": tagger.engine}
        crops, lines = on_crops(tagger, photos, range(args.seeds))
        found |= {"brands": len(brands_of(photos)), "crops": crops}
    found["whole"] = []
    for seed in range(args.whole_seeds):
        with open_tagger(args.bundle, args.engine, threads=1) as tagger:
            found["whole"].append(on_whole(tagger, photos, args.whole, seed))
    found["targets"] = targets(found)
    write_json(args.out / "gallery.json", found)
    (args.out / "gallery.md").write_text(markdown(found), "utf-8")
    line_panels(args.out / "gallery.png", lines, "no-logo crops taken for a brand", "named right")
    sys.stdout.write(markdown(found))
    return 0


def targets(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What was wanted, what was measured, whether it is met."""
    five = found["crops"][str(SHOTS[-1])]
    named = round(mean(run["named"] for run in found["whole"]), 4) if found["whole"] else 0.0
    got = {"top1": five["top1"][0], "recall": five["recall"][0], "whole": named}
    return {
        key: {"wanted": wanted, "measured": got[key], "is_met": got[key] >= wanted}
        for key, wanted in TARGETS.items()
    }


if __name__ == "__main__":
    sys.exit(main())
