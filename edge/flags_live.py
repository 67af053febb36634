"""The flags of the live page."""

from __future__ import annotations

import argparse

LIVE = "127.0.0.1:8464"  # where it is when nobody says where


def add_live(parser: argparse.ArgumentParser) -> None:
    """Of `edge-tag`."""
    add = parser.add_argument_group("live page").add_argument
    text = f"serve a page to look at, and to enrol things on, there (default: {LIVE})"
    add("--live", nargs="?", const=LIVE, metavar="HOST:PORT", help=text)
    text = "whoever looks has to know the line in it; a must beyond loopback"
    add("--live-token-file", metavar="FILE", help=text)
    text = "pictures kept on the page go there (default: captures/ beside the outbox)"
    add("--live-captures", metavar="DIR", help=text)
