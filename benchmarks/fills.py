"""How often a thing is named, by how much of its crop's side it fills.

    python -m benchmarks.fills

What edge/schedule/candidates.py knows of a look (SHARE, RIGHT) is this table. Every thing of
composed 4K scenes, of the mix that benchmark A has, is looked at alone, in a square crop; named is
what its own tag was given to, in its head, above the bundle's threshold.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial

from benchmarks.command import with_tagger
from benchmarks.contenders.oracle import about_things
from benchmarks.looking import look_at
from benchmarks.scoring import finds
from benchmarks.subjects import subjects
from calib_data.composed import Composed, scenes
from edge.tagger import Tagger

FILLS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.15)


def shares(tagger: Tagger, made: Sequence[Composed]) -> dict[float, float]:
    """Fill -> share of all things named."""
    return {fill: _named(tagger, made, fill) for fill in FILLS}


def _named(tagger: Tagger, made: Sequence[Composed], fill: float) -> float:
    hits = [
        bool(finds(look, [thing]))
        for scene in made
        for thing in scene.placed
        for look in look_at(tagger, scene.pixels, about_things(scene, [thing.box], fill))
    ]
    return sum(hits) / len(hits)


def run(args: argparse.Namespace, tagger: Tagger) -> None:
    """Measure and say."""
    of = subjects(tagger, None, None)
    made = list(scenes(of.things, of.canvases, args.seed, args.scenes))
    found = shares(tagger, made)
    sys.stdout.write("fills of the side  named\n")
    sys.stdout.writelines(f"{fill:18.2f}  {share:.2f}\n" for fill, share in found.items())


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; gives the exit code."""
    say = argparse.ArgumentParser(
        prog="python -m benchmarks.fills", description=(__doc__ or "").split("\n")[0]
    )
    say.add_argument("--scenes", type=int, default=36, help="how many (default 36)")
    say.add_argument(
        "--seed", type=int, default=2, help="of the scenes; benchmark A has 1 (default 2)"
    )
    say.add_argument("--engine", default="onnxruntime", help="default onnxruntime")
    say.add_argument("--bundle", help="default: the one that comes with edge-tag")
    args = say.parse_args(argv)
    if args.scenes < 1 or args.seed < 0:
        say.error("--scenes must be 1 or more, --seed 0 or more")
    return with_tagger(args.bundle, args.engine, partial(run, args))


if __name__ == "__main__":
    sys.exit(main())
