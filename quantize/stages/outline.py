"""Stage `outline`: fish on grounds -> a network: which pixels of a crop are the fish."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec
import torch

from quantize import recipe
from quantize.errors import WorkshopError
from quantize.fish.course import (
    Crops,
    answers,
    check_judging,
    crops_of_seed,
    drawn_larger,
    judge,
    learn,
)
from quantize.fish.grounds import Grounds, read_grounds
from quantize.fish.network import TRUNK, Outline, load, save
from quantize.fish.settings import OutlineSettings
from quantize.glance.network import Trunk
from quantize.students.starting import start
from quantize.training.loop import CHECKPOINT
from quantize.training.settings import (
    add_flags,
    check_batch,
    check_between,
    check_least,
    check_multiples,
    from_flags,
)

FILE = "outline.safetensors"
STUDENT = Path(__file__).parents[1] / "weights" / "default" / "student.safetensors"
TAUGHT, JUDGED = "taught.npz", "judged.npz"  # crops, for `quantize-outline` too
EXAMPLE = """\
Crops are rendered: one fish in the middle, others and things beside and over it, faded, blurred
and lit in many ways; and whole frames, with fish anywhere or none. With --grounds half of what they
lie on is photographed, with --fish half of the fish are cut out of photographs. The student's early
layers learn on. Stopped, it goes on. It is judged by COCO's mask mAP on crops of another seed, on
other grounds, of other fish.

  edge-quantize outline --student build/student --grounds data/photos data/clothing \\
    --fish data/fish --out build/outline
  edge-quantize quantize-outline --outline build/outline --out build/outline-int8
  edge-tag --outline build/outline-int8 --mm-per-px 0.5 belt.jpg
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Flags of `edge-quantize outline`."""
    parser.add_argument("--out", type=Path, required=True, help="folder to write, or to go on in")
    text = "folders of photographs to lay fish on"
    parser.add_argument("--grounds", type=Path, nargs="+", default=[], metavar="DIR", help=text)
    text = "a labelled folder of single fish (`file`, `fish`): they are cut out"
    parser.add_argument("--fish", type=Path, metavar="DIR", help=text)
    text = "the student whose early layers it begins with; or an earlier outline, to go on from"
    parser.add_argument("--student", type=Path, metavar="FILE", default=STUDENT, help=text)
    add_flags(parser, OutlineSettings)


def run(args: argparse.Namespace) -> None:
    """Render, learn, judge."""
    settings = from_flags(args, OutlineSettings)
    _check(settings)
    given = {"student": args.student, "fish": args.fish,
             **{f"grounds {n}": folder for n, folder in enumerate(args.grounds)}}  # fmt: skip
    inputs = {name: recipe.digest(path) for name, path in given.items() if path}
    done = recipe.begin(args.out, "outline", msgspec.to_builtins(settings), inputs)
    result = done.result if done else _made(args, settings)
    recipe.clear(args.out / CHECKPOINT)
    _say(args.out, result)


def _made(args: argparse.Namespace, settings: OutlineSettings) -> dict[str, Any]:
    """What came of the outline, which is written."""
    begin = perf_counter()
    asked = _judging(args, settings)
    taught = _crops(args, settings, is_judge=False)
    seen = perf_counter()
    outline = _begun(args.student, settings.side)
    outline = learn(outline, taught, asked, settings, args.out)
    drawn_larger(outline)
    result = judge(answers(outline, asked.seen), asked) | {
        "weights": sum(p.numel() for p in outline.parameters()),
        "seconds rendering": round(seen - begin),
        "seconds learning": round(perf_counter() - seen),
    }
    save(outline, msgspec.to_builtins(settings), args.out / FILE)
    recipe.finish(args.out, result)
    return result


def _crops(args: argparse.Namespace, settings: OutlineSettings, is_judge: bool) -> Crops:
    """To learn from or to judge by; as an earlier run left them, where it did."""
    file = args.out / (JUDGED if is_judge else TAUGHT)
    count, seed = settings.judged if is_judge else settings.crops, 2 * settings.seed + is_judge
    grounds = Grounds() if file.exists() else read_grounds(args.grounds, args.fish, is_judge)
    return crops_of_seed(file, seed, count, settings.side, grounds)


def _judging(args: argparse.Namespace, settings: OutlineSettings) -> Crops:
    """Raises WorkshopError for crops that judge nothing, and leaves the folder to better ones."""
    crops = _crops(args, settings, is_judge=True)
    try:
        check_judging(crops)
    except WorkshopError:
        (args.out / JUDGED).unlink()
        raise
    return crops


def _begun(file: Path, side: int) -> Outline:
    """On the early layers of a student, or as an earlier outline left off."""
    if file.name == FILE:
        return load(file)[0]
    return Outline(Trunk(start(str(file), TRUNK, {}, torch.zeros(1, 3, 32, 32), 0)), side)


def _check(settings: OutlineSettings) -> None:
    check_multiples(settings, 16, "side")
    check_least(settings, {"side": 32, "judged": 1, "epochs": 1, "batch": 1, "weight_decay": 0,
                           "seed": 0})  # fmt: skip
    check_between(settings, "lr")
    check_batch("--crops", settings.crops, settings.batch)


def _say(out: Path, result: Mapping[str, Any]) -> None:
    told = ", ".join(f"{k} {v:.3f}" for k, v in result.items() if k.startswith(("mAP", "IoU")))
    sys.stdout.write(f"{out / FILE}: {told}\n")
