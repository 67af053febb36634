"""What the commands of `edge-tag` take alike. Nothing is opened here."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import NoReturn

from edge.errors import UsageError
from edge.spelling import nearest

BEYOND = 10**9  # of any number

SOURCES = """
cameras and streams, with options behind a #:
  camera:0  usb:046d:0825[:SERIAL]  /dev/v4l/by-id/...  v4l2:///dev/video0
  rtsp://cam/1#transport=udp,user=shop,password-file=FILE    tcp unless it says udp
  csi://0#size=1920x1080,fps=15     also libcamera://NAME, gst:videotestsrc
  ...#timeout=30,frozen=0           s without a frame; s of the same picture, 0: any (10, 30)
  test://belt?fps=10&size=640x384&seed=1&freeze=60:15&vanish=90:20&silent=200:15&resize=120:30&rubbish=45:5
                                    a made-up camera; faults in the last 15 of every 60 s
one that breaks is opened again, after 0.5 to 30 s; what is wrong is told once each ten minutes
"""


class Parser(argparse.ArgumentParser):
    """Says what is wrong the way every other error is said."""

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str], namespace: None = None
    ) -> argparse.Namespace:
        """Raises UsageError, with the flag that was meant where one is near."""
        flags, unknown = self.parse_known_args(args, namespace)
        if (inputs := self._many()) and not any(word.startswith("-") for word in unknown):
            # argparse leaves those behind a flag: photo.jpg --json clip.mp4
            setattr(flags, inputs, [*getattr(flags, inputs), *unknown])
            return flags
        if unknown:
            near = nearest(unknown[0].partition("=")[0], self._option_string_actions)
            fix = near or f"{self.prog} --help"
            raise UsageError(f"unrecognized arguments: {' '.join(unknown)}", fix=fix)
        return flags

    def _many(self) -> str | None:
        """Of the words without a flag, where there may be many of them: their name."""
        words = (action for action in self._actions if not action.option_strings)
        return next((action.dest for action in words if action.nargs in ("*", "+")), None)

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, fix=f"{self.prog} --help")


def new_parser(name: str, what: str) -> Parser:
    """Of the command `name`, with how much it says about its work."""
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


def add_sources(parser: Parser) -> None:
    """What to read; `named` and `with_sources` give it as one list."""
    text = "a picture, a clip, a folder, a glob, camera:0, usb:046d:0825, an rtsp:// or http:// "
    text += "address, csi://0, libcamera://NAME, gst:SOURCE, test://belt (a made-up camera)"
    parser.add_argument("inputs", nargs="*", metavar="INPUT", help=text)
    parser.add_argument("--camera", type=whole_number, metavar="N", help="the same as camera:N")
    parser.add_argument("--source", metavar="S", help="one more INPUT")


def add_pace(parser: Parser, every_s: float | None) -> None:
    """every_s: None where a config file may say it."""
    text = f"cameras and clips: at most one frame each S seconds (default {every_s or 0:g})"
    parser.add_argument("--every-s", type=seconds, default=every_s, metavar="S", help=text)


def add_cameras(parser: Parser) -> None:
    """Of a command that reads the cameras of a config file, and tags nothing."""
    text = "the TOML of `edge-tag run`: its cameras, or those that are named, with their masks and "
    text += "hours; nothing else of it counts"
    parser.add_argument("--config", metavar="FILE", help=text)


def add_engine(parser: Parser) -> None:
    """A bundle, and what runs it."""
    add = parser.add_argument_group("what runs it").add_argument
    add(
        "--bundle",
        metavar="PATH",
        help="a bundle's folder or .edge file (default: what is installed, else what ships)",
    )
    add(
        "--engine",
        metavar="NAME",
        help="onnxruntime, openvino, tflite; auto: the fastest (default: the first installed)",
    )
    add("--provider", metavar="NAME", help="the engine's own target, like CPU or CUDA")
    add("--threads", type=at_least_1, metavar="N", help="threads of the engine")
    text = "a device profile, by name or file, or auto; flags win over it. --engine virtual beside "
    text += "it: in the time that is predicted for that device"
    add("--device", metavar="PROFILE", help=text)


def with_sources(flags: argparse.Namespace) -> argparse.Namespace:
    """With `.sources`, their `.paces_s` and `.names`. Raises UsageError where there is none."""
    flags.sources = _sources(flags)
    flags.paces_s = [None] * len(flags.sources)  # a config file may say them one by one
    flags.names = None  # likewise
    return flags


def _sources(flags: argparse.Namespace) -> list[str]:
    texts = named(flags)
    if not texts and getattr(flags, "config", None) is None:
        raise UsageError(
            "no input is given, expected a picture, a clip, a folder or a camera",
            fix="edge-tag photo.jpg, or edge-tag --camera 0",
        )
    return texts


def named(flags: argparse.Namespace) -> list[str]:
    """Everything to read, as texts."""
    camera = [] if flags.camera is None else [f"camera:{flags.camera}"]
    return [*flags.inputs, *([] if flags.source is None else [flags.source]), *camera]


def at_least_1(text: str) -> int:
    return int(number(text, int, 1, "a whole number, 1 or more"))


def whole_number(text: str) -> int:
    return int(number(text, int, 0, "a whole number, 0 or more"))


def seconds(text: str) -> float:
    return number(text, float, 0, "seconds, 0 or more")


def milliseconds(text: str) -> float:
    return number(text, float, 0, "ms, 0 or more")


def number(text: str, kind: Callable[[str], float], least: float, expected: str) -> float:
    """Of an argument. Raises ArgumentTypeError below `least`, and from BEYOND on."""
    try:
        found = kind(text)
    except ValueError:
        found = float("nan")
    if found >= BEYOND:
        raise argparse.ArgumentTypeError(f"{text!r} is given, expected less than {BEYOND:,}")
    if not found >= least:  # a NaN fails too
        raise argparse.ArgumentTypeError(f"{text!r} is given, expected {expected}")
    return found
