"""The flags of `edge-tag`, and what --help says of them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from edge import __version__
from edge.opening.listeners import OUTBOX_MB
from edge.opening.results import EXPLAIN_KEEP
from edge.opening.sources import LIVE_MS
from edge.verbs.flags import (
    SOURCES,
    Parser,
    add_engine,
    add_pace,
    add_sources,
    at_least_1,
    milliseconds,
    new_parser,
    number,
    seconds,
    with_sources,
)

LIVE = "127.0.0.1:8464"  # the live page, when nobody says where

EXAMPLES = """\
examples:
  edge-tag photo.jpg                        what is on a picture, as a table
  edge-tag --json folder/ > tags.jsonl      all pictures and clips of a folder, as JSON lines
  edge-tag --annotate out/ clip.mp4         and write each frame with its tags drawn on it
  edge-tag --camera 0                       a camera, at most 200 ms a frame
  edge-tag --explain why/ photo.jpg         and a picture that says where it looked, and why
  edge-tag camera:0 camera:1 --budget-ms 100      two cameras, which share 100 ms
  edge-tag --device auto rtsp://cam/1       with the settings of this board's device profile
  edge-tag run --config edge.toml           cameras, zones, masks, schedules, targets from a file
  edge-tag --camera 0 --to mqtt://broker    events to a broker, and to Home Assistant
  edge-tag --camera 0 --live                a page to look at, on this machine

more commands (edge-tag COMMAND --help):
  edge-tag enroll --name Acme a.jpg b.jpg   a tag more, with a few pictures, no training
  edge-tag capture --camera 0 --out set/    take a calibration set
  edge-tag calibrate boards/ --square-mm 20 --out belt.json     a camera plane, to measure fish in
  edge-tag bench --threads 1                how fast is it here, and may that be trusted?
  edge-tag doctor --camera 0                what is wrong here, and what to do
  edge-tag config check edge.toml           is a config file right? also: show, schema
  edge-tag check                            is the bundle right, on each engine of this machine?
  edge-tag bundle install new.edge          another bundle, if it is right and newer; also: rollback
  edge-tag devices                          the device profiles

results go to stdout: a table on a terminal, JSON Lines elsewhere; everything else goes to stderr
exit codes: 0 fine, 2 usage, 3 source, 4 bundle, 5 engine, 6 check says no, 74 output, 78 config
"""


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """The flags. Raises UsageError."""
    parser = new_parser(
        "edge-tag", "Tags for fine detail in pictures, clips and cameras, on the device."
    )
    parser.epilog = EXAMPLES + SOURCES
    parser.add_argument("--version", action="version", version=f"edge-tag {__version__}")
    add_sources(parser)
    text = "a camera or stream, or a disk of --to, that is not there yet is waited for (with "
    text += "--config, always)"
    parser.add_argument("--wait", action="store_true", help=text)
    add_pace(parser, every_s=None)
    text = "a TOML with cameras, zones, masks, schedules, targets and most of what follows; other "
    text += "flags win over it, inputs too: the name of one of its cameras is that camera alone"
    parser.add_argument("--config", metavar="FILE", help=text)
    parser.add_argument("--frames", type=at_least_1, metavar="N", help="stop after N frames")
    add_engine(parser)
    _add_heads(parser)
    _add_looks(parser)
    _add_length(parser)
    _add_results(parser)
    _add_recipients(parser)
    _add_health(parser)
    _add_live(parser)
    _add_explain(parser)
    return with_sources(parser.parse_args(words))


def _add_heads(parser: Parser) -> None:
    """What a run takes beside the heads of its bundle."""
    group = parser.add_argument_group("tags beside those of the bundle")
    one = group.add_mutually_exclusive_group()
    text = "what was enrolled (default: the bundle's own gallery, see edge-tag enroll --help)"
    one.add_argument("--gallery", metavar="FILE", help=text)
    one.add_argument("--no-gallery", action="store_true", help="without what was enrolled")
    text = "tags by text embeddings, made by edge-quantize vocabulary"
    group.add_argument("--vocabulary", metavar="FILE", help=text)


def _add_looks(parser: Parser) -> None:
    add = parser.add_argument_group("how closely to look").add_argument
    text = (
        "what one frame may take, from its pixels to its tags; several cameras share it "
        f"(default: {LIVE_MS:g} for cameras, no limit for files)"
    )
    add("--budget-ms", type=milliseconds, metavar="MS", help=text)
    add("--whole", action="store_true", help="one look at the whole frame, no closer ones")
    text = "the N best tags of each head, however unsure; events tell those of them that are sure"
    add("--top-k", type=at_least_1, metavar="N", help=text)


def _add_results(parser: Parser) -> None:
    results = parser.add_argument_group("results")
    add = results.add_mutually_exclusive_group().add_argument
    add("--json", action="store_true", help="JSON Lines (default when stdout is no terminal)")
    add("--table", action="store_true", help="a table for people (default on a terminal)")
    text = "write each frame with its tags drawn on it into this folder"
    results.add_argument("--annotate", metavar="DIR", help=text)


def _add_recipients(parser: Parser) -> None:
    add = parser.add_argument_group("results elsewhere").add_argument
    text = (
        "also to jsonl:FILE, csv:FILE, coco:FILE (every frame), snapshots:DIR, events:FILE, "
        "mqtt://HOST/PREFIX, mqtts://, http://, https:// (what came, changed, went); options "
        "behind a #, like mqtt://broker/shop#user=cam,password-file=FILE; may be repeated"
    )
    add("--to", action="append", default=[], metavar="TARGET", help=text)
    text = "where events wait until they arrived (default: outbox.db in the user's state folder)"
    add("--outbox", metavar="FILE", help=text)
    text = f"what may wait there; more, and the least important go first (default {OUTBOX_MB})"
    add("--outbox-mb", type=at_least_1, metavar="N", help=text)


def _add_length(parser: Parser) -> None:
    group = parser.add_argument_group("length of fish")
    add = group.add_mutually_exclusive_group().add_argument
    text = "the camera plane that `edge-tag calibrate` wrote: fish are measured in it"
    add("--plane", metavar="FILE", help=text)
    text = "a plane seen from straight above: mm that a pixel shows"
    add("--mm-per-px", type=millimetres, metavar="X", help=text)
    text = "a fish outline that `edge-quantize quantize-outline` wrote: masks where colours fail"
    group.add_argument("--outline", metavar="DIR", help=text)
    text = 'where a fish ends: the "tips" of its tail, or its "fork" (default tips)'
    group.add_argument("--length-to", choices=("tips", "fork"), help=text)


def _add_health(parser: Parser) -> None:
    """Of `edge-tag`."""
    add = parser.add_argument_group("left alone").add_argument
    text = "serve /healthz, /readyz and /metrics there, like 127.0.0.1:9464 (default: nothing)"
    add("--health", metavar="HOST:PORT", help=text)
    text = "whoever asks has to know the line in it (Bearer); a must beyond loopback"
    add("--health-token-file", metavar="FILE", help=text)
    text = (
        "degrees C: from WARM on the budget shrinks, at HOT it is a quarter "
        "(default: the device profile's; it needs a budget)"
    )
    add("--thermal", type=thermal, metavar="WARM:HOT", help=text)


def _add_live(parser: Parser) -> None:
    add = parser.add_argument_group("live page").add_argument
    text = f"serve a page to look at, and to enrol things on, there (default: {LIVE})"
    add("--live", nargs="?", const=LIVE, metavar="HOST:PORT", help=text)
    text = "whoever looks has to know the line in it; a must beyond loopback"
    add("--live-token-file", metavar="FILE", help=text)
    text = "pictures kept on the page go there (default: captures/ beside the outbox)"
    add("--live-captures", metavar="DIR", help=text)


def _add_explain(parser: Parser) -> None:
    add = parser.add_argument_group("why these tags").add_argument
    text = (
        "write a picture a frame into this folder: heat, candidates, looks with gain and cost, "
        "what was skipped, what is known; drawing takes longer than tagging, outside the budget"
    )
    add("--explain", metavar="DIR", help=text)
    text = "cameras and clips: at most one such picture each S seconds (default 0)"
    add("--explain-every-s", type=seconds, metavar="S", help=text)
    text = f"such pictures in the folder at most, the oldest are removed (default {EXPLAIN_KEEP})"
    add("--explain-keep", type=at_least_1, metavar="N", help=text)


def millimetres(text: str) -> float:
    return number(text, float, 1e-4, "mm, above 0")


def thermal(text: str) -> tuple[float, float]:
    """`70:80` in degrees Celsius."""
    warm, _, hot = text.partition(":")
    try:
        limits = float(warm), float(hot)
    except ValueError:
        limits = float("nan"), float("nan")
    if not 0 <= limits[0] < limits[1] <= 150:  # a NaN fails too
        raise argparse.ArgumentTypeError(
            f"{text!r} is given, expected degrees C like 70:80, the second above the first"
        )
    return limits
