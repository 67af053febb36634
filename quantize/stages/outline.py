"""Stage `outline`: rendered fish -> a small network: which pixels of a crop are the fish."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec

from quantize import recipe
from quantize.errors import WorkshopError
from quantize.fish.course import answers, judged, learn, made
from quantize.fish.network import Outline, save
from quantize.fish.settings import OutlineSettings
from quantize.training.settings import add_flags, from_flags

FILE = "outline.safetensors"
TAUGHT, JUDGED = (
    "taught.npz",
    "judged.npz",
)  # crops, for `quantize-outline` too
EXAMPLE = """\
Crops are rendered: one fish in the middle, others beside and over it, on belts, boards and cloth,
faded, blurred and lit in many ways. The truth is the drawing's own. It is judged by COCO's mask mAP
on crops of another seed.

  edge-quantize outline --out build/outline
  edge-quantize quantize-outline --outline build/outline --out build/outline-int8
  edge-tag --outline build/outline-int8 --mm-per-px 0.5 belt.jpg
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Flags of `edge-quantize outline`."""
    parser.add_argument("--out", type=Path, required=True, help="folder to write, or to go on in")
    add_flags(parser, OutlineSettings)


def run(args: argparse.Namespace) -> None:
    """Render, learn, judge."""
    settings = from_flags(args, OutlineSettings)
    _check(settings)
    if done := recipe.begin(args.out, "outline", msgspec.to_builtins(settings), {}):
        return _say(args.out, done.result)
    begin = perf_counter()
    taught = made(args.out / TAUGHT, 2 * settings.seed, settings.crops, settings.side)
    asked = made(args.out / JUDGED, 2 * settings.seed + 1, settings.judged, settings.side)
    seen = perf_counter()
    outline = Outline(settings.side)
    learn(outline, taught, settings)
    result = judged(answers(outline, asked.seen), asked) | {
        "weights": sum(p.numel() for p in outline.parameters()),
        "seconds rendering": round(seen - begin),
        "seconds learning": round(perf_counter() - seen),
    }
    save(outline, msgspec.to_builtins(settings), args.out / FILE)
    recipe.finish(args.out, result)
    return _say(args.out, result)


def _check(settings: OutlineSettings) -> None:
    if settings.side < 32 or settings.side % 16:
        raise WorkshopError("--side", str(settings.side), "a multiple of 16", "--side 160")
    for flag in ("crops", "judged", "epochs", "batch"):
        if (found := getattr(settings, flag)) < 1:
            raise WorkshopError(f"--{flag}", str(found), "1 or more", f"--{flag} OTHER")


def _say(out: Path, result: Mapping[str, Any]) -> None:
    told = ", ".join(f"{k} {v:.3f}" for k, v in result.items() if k.startswith(("mAP", "IoU")))
    sys.stdout.write(f"{out / FILE}: {told}\n")
