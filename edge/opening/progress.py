"""How far a command is: a bar on a terminal."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO


@contextmanager
def bar(flags: argparse.Namespace, count: int) -> Iterator[Callable[[], object]]:
    """A function that counts one more, with a bar on a terminal."""
    if not wants_bar(flags):
        yield lambda: None
        return
    from edge.sinks.progress import open_bar

    with open_bar(count, "pictures") as bar:
        yield bar.update


def wants_bar(flags: argparse.Namespace) -> bool:
    return is_terminal(sys.stderr) and not flags.quiet


def is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()
