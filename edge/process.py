"""What a process owes its surroundings: results on stdout, the rest on stderr, a quick end."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from types import FrameType
from typing import BinaryIO

from edge.errors import SinkError


class Stop:
    """Set by Ctrl-C and SIGTERM. A flag without a lock, which a signal handler may set."""

    def __init__(self) -> None:
        self.is_set = False

    def __call__(self) -> bool:
        return self.is_set


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """The first Ctrl-C or SIGTERM asks for an end, a second one does not wait for it."""
    stop = Stop()

    def ask(number: int, _: FrameType | None) -> None:
        stop.is_set = True
        signal.signal(number, signal.SIG_DFL)

    if threading.current_thread() is not threading.main_thread():
        yield stop  # only the main thread may set handlers
        return
    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def hangups() -> Iterator[Callable[[], bool]]:
    """A function that is true once for each SIGHUP: a daemon is to read its config again."""
    came: list[int] = []  # a signal handler may append, it must not take locks

    def taken() -> bool:
        was = bool(came)
        came.clear()
        return was

    number = getattr(signal, "SIGHUP", None)
    if number is None or threading.current_thread() is not threading.main_thread():
        yield taken
        return
    before = signal.signal(number, lambda which, _: came.append(which))
    try:
        yield taken
    finally:
        signal.signal(number, before)


@contextmanager
def results() -> Iterator[BinaryIO]:
    """The real stdout, for results alone: whatever a library prints from here on goes to stderr."""
    if sys.stdout is not None:
        sys.stdout.flush()
    try:
        kept = os.dup(1)
    except OSError as e:
        raise SinkError(
            f"stdout: {e.strerror}", fix="send it somewhere: edge-tag ... > tags.jsonl"
        ) from e
    try:
        os.dup2(2, 1)
    except OSError:  # no stderr either
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    out = os.fdopen(kept, "wb")
    try:
        yield out
    finally:
        os.dup2(kept, 1)
        with suppress(OSError):  # everything was flushed as it was written; a reader may be gone
            out.close()


def write(out: BinaryIO, data: bytes, name: str) -> None:
    """All of it, now. Raises SinkError, which says `name`, and BrokenPipeError."""
    try:
        out.write(data)
        out.flush()
    except BrokenPipeError:
        raise  # the reader left; the command ends quietly
    except OSError as e:
        raise SinkError(f"{name}: {e.strerror}", fix="make room, or write somewhere else") from e


def write_line(out: BinaryIO, line: str) -> None:
    """A line of results for people. Raises SinkError, and BrokenPipeError."""
    write(out, printable(line).encode("utf-8", "replace") + b"\n", "stdout")


def print_table(out: BinaryIO, rows: Sequence[Sequence[str]]) -> None:
    """Rows in columns. Raises SinkError, and BrokenPipeError."""
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    for row in rows:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        write_line(out, line.rstrip())


def printable(text: str) -> str:
    """Safe for a terminal: a file name or a tag list may hold escape sequences."""
    return "".join(c if c.isprintable() else "?" for c in text)


def say(line: str) -> None:
    """To stderr, where there is one."""
    if sys.stderr is not None:
        with suppress(OSError):
            print(printable(line), file=sys.stderr, flush=True)  # noqa: T201


class Handler(logging.Handler):
    """Writes to stderr; a progress bar there steps aside."""

    def emit(self, record: logging.LogRecord) -> None:
        shown = sys.modules.get("tqdm")
        with shown.tqdm.external_write_mode() if shown else nullcontext():
            say(self.format(record))


def log_to_stderr(level: int) -> None:
    """Our own log, from `level` on."""
    handler = Handler()
    handler.setFormatter(logging.Formatter("edge-tag: %(message)s"))
    ours = logging.getLogger("edge")
    ours.handlers, ours.propagate = [handler], False
    ours.setLevel(level)
