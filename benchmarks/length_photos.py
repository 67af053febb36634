"""How well fish are measured on photographs: `python -m benchmarks.length_photos DATA`.

Fish of known length, drawn and cut out of photographs, laid on photographs that no network here has
learned on (a fifth, by name), fish likewise; a hand, a label, a ruler or another thing beside or a
little over them. What is judged is the tag that scores highest, as who reads the JSON would take
it. DATA holds photos/, clothing/ and fish/ (see README). Seeds 0 to 99 are for tuning, the results
are of seeds from 100 on. Writes benchmarks/results/length-photos.json and .md, and README's table.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
from msgspec import UNSET

from benchmarks.machine import RESULTS, machine, write_json
from benchmarks.readme import put
from calib_data.belts import turned
from calib_data.camera import photograph
from calib_data.draw_fish import SPECIES, fish
from calib_data.measured import TIPS
from calib_data.paint import lay, trim, turn
from edge.bundle import DEFAULT
from edge.length.ends import body
from edge.length.measure import Look
from edge.length.midline import arc, midline
from edge.length.outline import Outliner, open_outline
from edge.length.plane import FlatPlane
from edge.length.ruler import Measured, Ruler
from edge.records import F32, U8
from quantize.fish import strewn
from quantize.fish.grounds import Grounds, read_grounds
from quantize.fish.outlines import faded, ground, placed
from quantize.fish.skins import bowed

KINDS = ("drawn", "cut out")
HELD_FROM = 100  # seeds below were tuned on
SIZE = (1280, 960)
MM_PER_PX = 0.5
BUNDLED = DEFAULT / "outline"
TABLE = re.compile(r"^\| fish on photographs \|.*?(?=\n\n)", re.DOTALL | re.MULTILINE)
Rng = np.random.Generator


class Posed(msgspec.Struct, frozen=True, eq=False):
    """A frame and the truth of its fish."""

    pixels: U8
    mask: F32  # (H, W) how much of each pixel shows it
    length_px: float
    is_hidden: bool  # more than a hundredth of it


class Tried(msgspec.Struct, frozen=True):
    """What was said of it."""

    kind: str
    seed: int
    true_cm: float
    overlap: float  # of the masks, of what scores highest
    cm: float
    sd_cm: float
    score: float
    is_hidden: bool
    is_flagged: bool


def posed(seed: int, kind: str, grounds: Grounds) -> Posed:
    """One frame. The same for the same seed, kind and grounds."""
    rng = np.random.default_rng([seed, KINDS.index(kind), 77])
    side = max(SIZE)
    canvas = ground(rng, side, grounds)[: SIZE[1]].copy()
    for _ in range(int(rng.choice([0, 0, 1, 2]))):
        strewn.something(rng, canvas, ground(rng, side, grounds), 0.6)
    if rng.random() < 0.3:
        strewn.ruler(rng, canvas)
    long = side * rng.uniform(0.25, 0.8)
    sprite, length = (_drawn if kind == "drawn" else _cut)(rng, long, canvas, grounds)
    tall, wide = sprite.shape[:2]
    x, y = (int((s - w) / 2 + rng.uniform(-0.45, 0.45) * max(0, s - w))
            for s, w in zip(SIZE, (wide, tall)))  # fmt: skip
    lay(canvas, sprite, x, y, rng.uniform(0.1, 0.5))
    mask = placed(sprite[..., 3], x, y, side)[: SIZE[1]]
    whole = float(mask.sum())
    if rng.random() < 0.3:
        over = strewn.something(rng, canvas, ground(rng, side, grounds), 0.5)
        mask = mask * (1 - over)
    strewn.lit(rng, canvas)
    pixels = photograph(rng, np.clip(canvas, 0, 1), rng.uniform(0.4, 1.2), rng.uniform(0.003, 0.02))
    hidden = float(mask.sum()) < 0.99 * float(sprite[..., 3].sum()) or mask.sum() < 0.99 * whole
    return Posed(pixels, mask, length, bool(hidden))


def _drawn(rng: Rng, long: float, canvas: F32, grounds: Grounds) -> tuple[F32, float]:
    tag = str(rng.choice(list(SPECIES)))
    length = _fitting(rng, long)
    made = turned(fish(rng, tag, length[0], rng.uniform(-0.1, 0.1), 0.0), length[1])
    sprite = faded(rng, made.sprite, canvas)
    return sprite, length[0] * (1 + TIPS * SPECIES[tag].fork)


def _cut(rng: Rng, long: float, canvas: F32, grounds: Grounds) -> tuple[F32, float]:
    """Its length is that of its own sharp alpha: what is judged is what a photograph adds."""
    skin = grounds.skins[int(rng.integers(len(grounds.skins)))]
    length, degrees = _fitting(rng, long)
    scale = length / skin.sprite.shape[1]
    sprite = cv2.resize(skin.sprite, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    level = bowed(sprite.astype(np.float32) / 255, rng.uniform(-0.08, 0.08), 0.0)
    inside = level[..., 3] > 0.5
    middle = level[inside, :3].mean(0)
    bright = rng.uniform(0.25, 0.7) + rng.uniform(-0.04, 0.04, 3)
    level[..., :3] = np.clip((level[..., :3] - middle) * rng.uniform(1, 2.2) + bright, 0, 1)
    out = trim(turn(level, degrees))
    soft = np.pad(out[..., 3], 8)
    line = midline((soft >= 0.5).astype(np.uint8))
    found = None if line is None else body(soft, line)
    if found is None:  # too ragged to have a length: another one
        return _cut(rng, long, canvas, grounds)
    return out, float(arc(found.part(found.snout, found.tips))[-1])


def _fitting(rng: Rng, long: float) -> tuple[float, float]:
    """A length and an angle at which a fish stays inside the frame."""
    degrees = float(rng.normal(0, 12) if rng.random() < 0.6 else rng.uniform(0, 360))
    room = 0.86 * SIZE[1] / max(abs(np.sin(np.radians(degrees))), 1e-6)
    return min(long, room * 0.9), degrees


def tried(seed: int, kind: str, grounds: Grounds, outliner: Outliner | None) -> Tried:
    """A frame, looked at once."""
    made = posed(seed, kind, grounds)
    of, ids = Measured(), count(1)
    ruler = Ruler(FlatPlane(MM_PER_PX), "tips", outliner)
    tags = of.look(ruler, made.pixels, 0.0, lambda: np.inf, lambda: next(ids))
    true = float(made.length_px * MM_PER_PX / 10)
    if not tags:
        return Tried(kind, seed, true, 0.0, 0.0, 0.0, 0.0, made.is_hidden, False)
    tag = max(tags, key=lambda tag: tag.score)
    look = next(k.looks[-1] for k in of.known if k.id == tag.track)
    assert tag.length_cm is not UNSET
    assert tag.length_sd_cm is not UNSET
    overlap = _overlap(look, made.mask)
    cm, sd_cm, score = float(tag.length_cm), float(tag.length_sd_cm), float(tag.score)
    hidden, flagged = made.is_hidden, bool(tag.occluded)
    return Tried(kind, seed, true, overlap, cm, sd_cm, score, hidden, flagged)


def _overlap(look: Look, mask: F32) -> float:
    drawn = np.zeros(mask.shape, np.uint8)
    cv2.fillPoly(drawn, [look.outline.round().astype(np.int32)], 1)
    truth = mask >= 0.5
    return float(((drawn > 0) & truth).sum() / max(1, ((drawn > 0) | truth).sum()))


def summary(rows: Sequence[Tried]) -> dict[str, Any]:
    """Of the fish that nothing hides; shares of them."""
    seen = [row for row in rows if not row.is_hidden]
    off = np.array([abs(row.cm / row.true_cm - 1) for row in seen])
    told = [row for row in seen if row.cm]
    honest = [abs(row.cm - row.true_cm) <= 2 * row.sd_cm for row in told]
    return {
        "frames": len(seen),
        "found": float(np.mean([row.overlap >= 0.5 for row in seen])),
        "overlap": float(np.mean([row.overlap for row in seen])),
        "within 5 %": float((off <= 0.05).mean()),
        "within 2 %": float((off <= 0.02).mean()),
        "median %": float(100 * np.median(off)),
        "within 2 sd": float(np.mean(honest)) if honest else 0.0,
        "sd %": float(100 * np.median([r.sd_cm / r.cm for r in told])) if told else 0.0,
        "flagged": float(np.mean([row.is_flagged for row in told])) if told else 0.0,
    }


def table(by_kind: dict[str, dict[str, Any]]) -> str:
    """Markdown, a row a kind."""
    lines = [
        "| fish on photographs | frames | found | overlap | within 5 % | within 2 % | median error "
        "| within 2 sd | median sd | flagged |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for kind, s in by_kind.items():
        lines.append(
            f"| {kind} | {s['frames']} | {s['found']:.0%} | {s['overlap']:.2f} "
            f"| {s['within 5 %']:.0%} | {s['within 2 %']:.0%} | {s['median %']:.1f} % "
            f"| {s['within 2 sd']:.0%} | {s['sd %']:.1f} % | {s['flagged']:.0%} |"
        )
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; gives the exit code."""
    say = argparse.ArgumentParser(description=__doc__)
    say.add_argument("data", type=Path, metavar="DATA", help="holds photos/, clothing/, fish/")
    say.add_argument("--frames", type=int, default=40, help="of each kind (default 40)")
    say.add_argument("--seed", type=int, default=HELD_FROM, help=f"first (default {HELD_FROM})")
    say.add_argument("--outline", type=Path, default=BUNDLED, help="default: the bundle's own")
    args = say.parse_args(argv)
    on = machine()
    folders = [args.data / "photos", args.data / "clothing"]
    grounds = read_grounds(folders, args.data / "fish", is_judge=True)
    outliner = open_outline(args.outline, threads=1)
    seeds = range(args.seed, args.seed + args.frames)
    rows = [tried(seed, kind, grounds, outliner) for kind in KINDS for seed in seeds]
    by_kind = {kind: summary([row for row in rows if row.kind == kind]) for kind in KINDS}
    told = table(by_kind)
    sys.stdout.write(told + "\n")
    if args.seed >= HELD_FROM and args.outline == BUNDLED:
        write_json(RESULTS / "length-photos.json", {"machine": on, "seed": args.seed,
                   "by kind": by_kind, "rows": msgspec.to_builtins(rows)})  # fmt: skip
        (RESULTS / "length-photos.md").write_text(f"{told}\n", "utf-8")
        put(TABLE, told)
    return 0


if __name__ == "__main__":
    sys.exit(main())
