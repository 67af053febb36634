"""Stage `length`: rendered fish -> the regressor that tells a length from the shape of a mask."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from quantize import disk, recipe
from quantize.fish.regression import USUAL_CM, errors, learned, shapes
from quantize.training.settings import check_least

FILE = "regressor.json"
EXAMPLE = """\
Masks of rendered fish, half of them hidden in part, are all it learns from; what a device needs is
a JSON of a few thousand int8 weights. The one that ships lies in edge/length.

  edge-quantize length --out build/length
  cp build/length/regressor.json edge/length/regressor.json
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Flags of `edge-quantize length`."""
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--fish", type=int, default=3000, help="rendered masks to learn from")
    parser.add_argument("--judged", type=int, default=500, help="others, for the judge")
    parser.add_argument("--epochs", type=int, default=80, help="times through them")
    parser.add_argument("--seed", type=int, default=0, help="of the fish and of their order")


def run(args: argparse.Namespace) -> None:
    """Render, learn, judge."""
    asked = {name: getattr(args, name) for name in ("fish", "judged", "epochs", "seed")}
    check_least(args, {"fish": 1, "judged": 1, "epochs": 1, "seed": 0})
    if done := recipe.begin(args.out, "length", asked, {}):
        return _say(args.out, done.result)
    taught, held = shapes(2 * args.seed, args.fish), shapes(2 * args.seed + 1, args.judged)
    made, moved_cm = learned(taught, held, args.epochs, args.seed)
    disk.write(args.out / FILE, msgspec.json.encode(made) + b"\n")
    off = 100 * np.abs(errors(made, held))
    result = {
        "whole, mean error %": float(off[~held.is_hidden].mean()),
        "hidden, mean error %": float(off[held.is_hidden].mean()),
        f"int8 moves {USUAL_CM:g} cm by cm": moved_cm,
    }
    recipe.finish(args.out, result)
    return _say(args.out, result)


def _say(out: Path, result: dict[str, Any]) -> None:
    told = ", ".join(f"{k} {v:.3g}" for k, v in result.items() if k != "done")
    sys.stdout.write(f"{out / FILE}: {told}\n")
