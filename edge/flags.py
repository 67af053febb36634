"""The flags of `edge-tag`: what it takes, what it says about itself. Nothing is opened here."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import NoReturn

from edge import __version__
from edge.errors import UsageError
from edge.flags_gallery import ABOUT, add_enroll, add_heads, checked
from edge.flags_health import add_doctor, add_health
from edge.flags_live import add_live

EXPLAIN_KEEP = 500  # pictures, 0.2 to 0.4 MB each
OUTBOX_MB = 64
VERBS = (
    "run",
    "enroll",
    "capture",
    "calibrate",
    "check",
    "doctor",
    "config",
    "devices",
)  # the first word of a command; any other means run

EXAMPLES = """\
examples:
  edge-tag photo.jpg                        what is on a picture, as a table
  edge-tag --json folder/ > tags.jsonl      every picture of a folder, one JSON line each
  edge-tag --annotate out/ clip.mp4         and write each frame with its tags drawn on it
  edge-tag --camera 0 --budget-ms 200       a camera, at most 200 ms a frame
  edge-tag --explain why/ photo.jpg         and a picture that says where it looked, and why
  edge-tag camera:0 camera:1 --budget-ms 200      two cameras, which share the 200 ms
  edge-tag --device rpi5 rtsp://cam/1       with the settings of a device profile
  edge-tag run --config edge.toml           cameras, zones, masks, schedules, targets from a file
  edge-tag --camera 0 --to mqtt://broker    events to a broker, and to Home Assistant
  edge-tag --camera 0 --live                a page to look at, on this machine

more commands (edge-tag COMMAND --help):
  edge-tag enroll --name Acme a.jpg b.jpg   a tag more, with a few pictures, no training
  edge-tag capture --camera 0 --out set/    take a calibration set
  edge-tag calibrate boards/ --square-mm 20 --out belt.json     a camera plane, to measure fish in
  edge-tag doctor --camera 0                what is wrong here, and what to do
  edge-tag config check edge.toml           is a config file right? also: show, schema
  edge-tag check                            is the bundle right, on each engine of this machine?
  edge-tag devices                          the device profiles

results go to stdout: a table on a terminal, JSON Lines elsewhere; everything else goes to stderr
exit codes: 0 fine, 2 usage, 3 source, 4 bundle, 5 engine, 6 check says no, 74 output, 78 config
"""


class Parser(argparse.ArgumentParser):
    """Says what is wrong the way every other error is said."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, fix=f"{self.prog} --help")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The command in `argv`; `.verb` is one of `VERBS`.

    Raises UsageError. `--help` and `--version` print and raise SystemExit, as argparse does.
    """
    verb, rest = (argv[0], argv[1:]) if argv and argv[0] in VERBS else ("run", argv)
    makers = {
        "run": _run,
        "enroll": _enroll,
        "capture": _capture,
        "calibrate": _calibrate,
        "check": _check,
        "doctor": _doctor,
        "config": _config,
        "devices": _devices,
    }
    flags = makers[verb]().parse_args(rest)
    flags.verb = verb
    if verb in ("run", "capture", "calibrate"):
        flags.sources = _sources(flags)
        flags.paces_s = [None] * len(flags.sources)  # a config file may say them one by one
        flags.names = None  # likewise
    if verb == "doctor":
        flags.sources = _named(flags)
    if verb == "config" and flags.action != "schema" and flags.file is None:
        raise UsageError(
            f"config {flags.action}: no file is given, expected one",
            fix=f"edge-tag config {flags.action} edge.toml",
        )
    return checked(flags) if verb == "enroll" else flags


def _run() -> Parser:
    parser = _parser(
        "edge-tag", "Tags for fine detail in pictures, clips and cameras, on the device."
    )
    parser.epilog = EXAMPLES
    parser.add_argument("--version", action="version", version=f"edge-tag {__version__}")
    _add_sources(parser)
    _add_pace(parser, every_s=None)
    text = "a TOML with cameras, zones, masks, schedules, targets and most of what follows; other "
    text += "flags win over it, inputs too: the name of one of its cameras is that camera alone"
    parser.add_argument("--config", metavar="FILE", help=text)
    parser.add_argument("--frames", type=at_least_1, metavar="N", help="stop after N frames")
    _add_engine(parser)
    add_heads(parser)
    add = parser.add_argument_group("how closely to look").add_argument
    text = (
        "what one frame may take, from its pixels to its tags; several cameras share it "
        "(default: no limit)"
    )
    add("--budget-ms", type=milliseconds, metavar="MS", help=text)
    add("--whole", action="store_true", help="one look at the whole frame, no closer ones")
    add(
        "--top-k", type=at_least_1, metavar="N", help="the N best tags of each head, however unsure"
    )
    _add_length(parser)
    results = parser.add_argument_group("results")
    add = results.add_mutually_exclusive_group().add_argument
    add("--json", action="store_true", help="JSON Lines (default when stdout is no terminal)")
    add("--table", action="store_true", help="a table for people (default on a terminal)")
    text = "write each frame with its tags drawn on it into this folder"
    results.add_argument("--annotate", metavar="DIR", help=text)
    _add_recipients(parser)
    add_health(parser)
    add_live(parser)
    _add_explain(parser)
    return parser


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
    text = 'where a fish ends: the "tips" of its tail, or its "fork" (default %(default)s)'
    group.add_argument("--length-to", choices=("tips", "fork"), default="tips", help=text)


def _add_explain(parser: Parser) -> None:
    add = parser.add_argument_group("why these tags").add_argument
    text = (
        "write a picture a frame into this folder: heat, candidates, looks with gain and cost, "
        "what was skipped, what is known; drawing takes longer than tagging, outside the budget"
    )
    add("--explain", metavar="DIR", help=text)
    text = "cameras and clips: at most one such picture each S seconds (default %(default)g)"
    add("--explain-every-s", type=seconds, default=0.0, metavar="S", help=text)
    text = "such pictures in the folder at most, the oldest are removed (default %(default)s)"
    add("--explain-keep", type=at_least_1, default=EXPLAIN_KEEP, metavar="N", help=text)


def _enroll() -> Parser:
    parser = _parser("edge-tag enroll", ABOUT)
    add_enroll(parser)
    _add_engine(parser)
    parser.set_defaults(budget_ms=None, thermal=None)  # a device profile may have them
    return parser


def _capture() -> Parser:
    parser = _parser(
        "edge-tag capture", "Take a calibration set: pictures and a manifest with hashes."
    )
    _add_sources(parser)
    _add_pace(parser, every_s=1.0)
    parser.add_argument(
        "--out", required=True, metavar="DIR", help="a new folder, or a set to continue"
    )
    text = "pictures in the set at the end (default %(default)s)"
    parser.add_argument("--count", type=at_least_1, default=200, metavar="N", help=text)
    parser.add_argument("--name", default="", help="the set's name (default: the folder's)")
    text = "who may use the pictures for what, as it goes into the manifest"
    parser.add_argument("--licence", default="", metavar="TEXT", help=text)
    return parser


def _calibrate() -> Parser:
    parser = _parser(
        "edge-tag calibrate",
        "Pictures of a checkerboard -> a camera plane: the file that --plane takes. The board of\n"
        "the first lies flat in the plane that fish will lie in; others are turned and tilted.",
    )
    _add_sources(parser)
    _add_pace(parser, every_s=1.0)
    add = parser.add_argument
    add("--square-mm", type=square, required=True, metavar="MM", help="side of a square, measured")
    text = "inner corners, columns x rows (default 9x6: ten squares by seven)"
    add("--board", type=board, default=(9, 6), metavar="CxR", help=text)
    add("--out", required=True, metavar="FILE", help="the plane's file; a .jpg goes beside it")
    text = "boards in different places, at most (default %(default)s)"
    add("--count", type=at_least_1, default=30, metavar="N", help=text)
    return parser


def _check() -> Parser:
    parser = _parser(
        "edge-tag check", "Check a bundle's hashes and its golden answers, on each engine."
    )
    parser.add_argument("bundle", nargs="?", metavar="BUNDLE", help="default: the one that ships")
    return parser


def _doctor() -> Parser:
    parser = _parser(
        "edge-tag doctor",
        "What is wrong here, and what to do: machine, cameras, engines, bundle. Exit code 0, or\n"
        "that of the first thing that fails.",
    )
    _add_sources(parser)
    _add_engine(parser)
    parser.set_defaults(budget_ms=None, thermal=None)  # a device profile may have them
    add_doctor(parser)
    return parser


def _config() -> Parser:
    parser = _parser(
        "edge-tag config",
        "A config file, as `edge-tag run --config FILE` takes it: is it right? what does it come\n"
        "to, without credentials? and what may stand in one, as a JSON schema for editors.",
    )
    parser.add_argument("action", choices=("check", "show", "schema"))
    parser.add_argument("file", nargs="?", metavar="FILE", help="TOML; schema needs none")
    return parser


def _devices() -> Parser:
    return _parser("edge-tag devices", "List the device profiles.")


def _parser(name: str, what: str) -> Parser:
    parser = Parser(
        prog=name,
        description=what,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,  # a shortened flag would change its meaning with the next release
    )
    loudness = parser.add_mutually_exclusive_group()
    loudness.add_argument("-v", "--verbose", action="store_true", help="log every frame")
    loudness.add_argument(
        "-q", "--quiet", action="store_true", help="log errors only, no progress bar"
    )
    return parser


def _add_sources(parser: Parser) -> None:
    text = "a picture, a clip, a folder, camera:0, or an rtsp:// or http:// address"
    parser.add_argument("inputs", nargs="*", metavar="INPUT", help=text)
    parser.add_argument("--camera", type=whole_number, metavar="N", help="the same as camera:N")
    parser.add_argument("--source", metavar="S", help="one more INPUT")


def _add_pace(parser: Parser, every_s: float | None) -> None:
    """every_s: None where a config file may say it."""
    text = f"cameras and clips: at most one frame each S seconds (default {every_s or 0:g})"
    parser.add_argument("--every-s", type=seconds, default=every_s, metavar="S", help=text)


def _add_engine(parser: Parser) -> None:
    add = parser.add_argument_group("what runs it").add_argument
    add(
        "--bundle",
        metavar="PATH",
        help="a bundle's folder or .edge file (default: the one that ships)",
    )
    add(
        "--engine",
        metavar="NAME",
        help="onnxruntime, openvino or tflite (default: the first installed)",
    )
    add("--provider", metavar="NAME", help="the engine's own target, like CPU or CUDA")
    add("--threads", type=at_least_1, metavar="N", help="threads of the engine")
    add("--device", metavar="PROFILE", help="a device profile, by name or file; flags win over it")


def _sources(flags: argparse.Namespace) -> list[str]:
    texts = _named(flags)
    if not texts and getattr(flags, "config", None) is None:
        raise UsageError(
            "no input is given, expected a picture, a clip, a folder or a camera",
            fix="edge-tag photo.jpg, or edge-tag --camera 0",
        )
    return texts


def _named(flags: argparse.Namespace) -> list[str]:
    camera = [] if flags.camera is None else [f"camera:{flags.camera}"]
    return [*flags.inputs, *([] if flags.source is None else [flags.source]), *camera]


def at_least_1(text: str) -> int:
    return int(_number(text, int, 1, "a whole number, 1 or more"))


def whole_number(text: str) -> int:
    return int(_number(text, int, 0, "a whole number, 0 or more"))


def seconds(text: str) -> float:
    return _number(text, float, 0, "seconds, 0 or more")


def milliseconds(text: str) -> float:
    return _number(text, float, 0, "ms, 0 or more")


def millimetres(text: str) -> float:
    return _number(text, float, 1e-4, "mm, above 0")


def square(text: str) -> float:
    return _number(text, float, 0.5, "mm, 0.5 or more: the side of a square, measured")


def board(text: str) -> tuple[int, int]:
    sides = text.lower().split("x")
    if len(sides) != 2 or not all(s.isdecimal() and 3 <= int(s[:4]) <= 60 for s in sides):
        raise argparse.ArgumentTypeError(
            f"{text!r} is given, expected inner corners like 9x6, 3 to 60 each way"
        )
    return int(sides[0]), int(sides[1])


def _number(text: str, kind: Callable[[str], float], least: float, expected: str) -> float:
    try:
        number = kind(text)
    except ValueError:
        number = float("nan")
    if not least <= number < 1e9:  # a NaN fails too
        raise argparse.ArgumentTypeError(f"{text!r} is given, expected {expected}")
    return number
