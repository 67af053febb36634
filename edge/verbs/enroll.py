"""`edge-tag enroll`: tags with a few pictures, on the device."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import BinaryIO

from edge.errors import UsageError
from edge.opening.defaults import with_defaults
from edge.process import Stop
from edge.verbs.flags import add_engine, new_parser

ACTIONS = ("list", "remove", "merge", "import", "export")  # the first word; any other is a picture

ABOUT = "Add a tag on the device with a few pictures, no training."
EXAMPLES = """\
examples:
  edge-tag enroll --name Acme a.jpg b.jpg c.jpg      five pictures are good, one is a start
  edge-tag enroll --name Acme shop.jpg --box 410,96,522,180      only that part of the picture
  edge-tag enroll --name "Acme Zero" --group Acme zero/      when it is unsure, the group is said
  edge-tag enroll --none shelf.jpg belt.jpg          pictures that show none of the tags
  edge-tag enroll list                               what is enrolled, and how sure it will be
  edge-tag enroll remove Acme
  edge-tag enroll export acme.gallery                a copy, for another device
  edge-tag enroll merge acme.gallery                 its tags too; a tag of both has all examples

edge-tag finds the gallery by itself and tells its tags under the head "gallery". It lies beside
the bundle (shop.edge.gallery), or in ~/.local/share/edge-tag for the bundle that ships; --gallery
FILE names another. A gallery belongs to the embedding it was made with: another bundle refuses it.

what helps: pictures like those the camera will take, cut close (--box x0,y0,x1,y1, px, one for
each picture, in their order); then --none with pictures of the place without the thing
"""


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """The flags. Raises UsageError."""
    parser = new_parser("edge-tag enroll", ABOUT)
    parser.epilog = EXAMPLES
    add = parser.add_argument
    text = "pictures or folders of them; or: list, remove TAG, merge FILE, export FILE"
    add("words", nargs="+", metavar="PICTURE", help=text)
    add("--name", metavar="TAG", help="the tag that the pictures show; one that is there gets more")
    add("--group", metavar="G", help="the coarser tag that it belongs to")
    text = "the part of the picture that shows it; once for each picture, or not at all"
    add("--box", type=box, action="append", default=[], metavar="X0,Y0,X1,Y1", help=text)
    text = "it has no right way round, like fruit: learn its mirror image too"
    add("--mirrored", action="store_true", help=text)
    add("--none", action="store_true", help="the pictures show none of the tags")
    add("--gallery", metavar="FILE", help="the gallery (default: the bundle's own)")
    add_engine(parser)
    parser.set_defaults(budget_ms=None, thermal=None)  # a device profile may have them
    return _checked(parser.parse_args(words))


def main(flags: argparse.Namespace, out: BinaryIO, stop: Stop) -> int:
    """Tags with a few pictures, on the device."""
    from edge.heads.enrolling import enroll as change

    return change(with_defaults(flags), out, stop)


def _checked(flags: argparse.Namespace) -> argparse.Namespace:
    """With `.action` and what it is about: `.words` without it. Raises UsageError."""
    is_pictures = flags.name is not None or flags.none
    first = flags.words[0]
    flags.action = "add" if is_pictures or first not in ACTIONS else first
    if flags.action == "add":
        _check_add(flags)
        return flags
    flags.words = flags.words[1:]
    least, most = {"list": (0, 0), "remove": (1, 1), "export": (1, 1)}.get(first, (1, 100))
    if not least <= len(flags.words) <= most:
        wanted = {"list": "nothing more", "remove": "one TAG"}.get(first, "a FILE")
        raise UsageError(
            f"enroll {first}: {len(flags.words)} words are given, expected {wanted}",
            fix="edge-tag enroll --help",
        )
    return flags


def _check_add(flags: argparse.Namespace) -> None:
    if flags.none == (flags.name is not None):
        raise UsageError(
            "enroll: expected --name TAG, or --none, and not both",
            fix='edge-tag enroll --name "Acme" picture.jpg',
        )
    if flags.none and (flags.box or flags.group or flags.mirrored):
        raise UsageError(
            "enroll: --none takes pictures as they are, without --box or --group",
            fix="leave --box, --group and --mirrored out",
        )


def box(text: str) -> tuple[int, int, int, int]:
    """`x0,y0,x1,y1`, px. Raises ArgumentTypeError."""
    try:
        x0, y0, x1, y1 = (int(part) for part in text.split(","))
    except ValueError:
        x0 = y0 = x1 = y1 = 0
    if not (0 <= x0 < x1 < 10**6 and 0 <= y0 < y1 < 10**6):
        raise argparse.ArgumentTypeError(f"{text!r} is given, expected x0,y0,x1,y1 in px")
    return x0, y0, x1, y1
