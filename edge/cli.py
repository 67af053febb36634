"""edge-tag: the command line.

A command is a module of its own (see `edge.verbs`), imported when it is asked for: `--help` and a
wrong flag are quick.
"""

from __future__ import annotations

import argparse
import gc
import logging
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from edge.errors import ConfigError, EdgeError, UsageError
from edge.process import log_to_stderr, results, say, stop_on_signals
from edge.spelling import nearest

VERBS = {  # the first word of a command -> its module; any other word means run
    "run": "edge.verbs.run",
    "enroll": "edge.verbs.enroll",
    "capture": "edge.verbs.capture",
    "calibrate": "edge.verbs.calibrate",
    "check": "edge.verbs.check",
    "bundle": "edge.verbs.bundle",
    "bench": "edge.verbs.bench",
    "doctor": "edge.verbs.doctor",
    "config": "edge.verbs.config",
    "devices": "edge.verbs.devices",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command, return its exit code. Never calls `sys.exit`; our bugs are tracebacks."""
    try:
        flags = parse(sys.argv[1:] if argv is None else argv)
        log_to_stderr(_level(flags))
        gc.enable()
        with stop_on_signals() as stop, results() as out:
            exit_code: int = import_module(VERBS[flags.verb]).main(flags, out, stop)
            return exit_code
    except SystemExit as e:  # --help and --version
        return e.code if isinstance(e.code, int) else 0
    except BrokenPipeError:  # the reader of our results has what it wanted
        return 0
    except EdgeError as e:
        for one in (e, *(e.also if isinstance(e, ConfigError) else ())):
            say(f"edge-tag: {one}")
            if one.fix:
                say(f"  fix: {one.fix}")
        return e.exit_code


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The command in `argv`; `.verb` is one of `VERBS`.

    Raises UsageError. `--help` and `--version` print and raise SystemExit, as argparse does.
    """
    verb, words = (argv[0], argv[1:]) if argv and argv[0] in VERBS else ("run", argv)
    _refuse_misspelt(argv)
    flags: argparse.Namespace = import_module(VERBS[verb]).parsed(words)
    flags.verb = verb
    return flags


def _refuse_misspelt(argv: Sequence[str]) -> None:
    """Of a command: as a picture's name its flags would be the wrong ones. Raises UsageError."""
    first = argv[0] if argv else ""
    is_word = first.isalpha() and first not in VERBS and not Path(first).exists()
    may_be_camera = any(word.partition("=")[0] == "--config" for word in argv)
    if is_word and not may_be_camera and (near := nearest(first, VERBS)):
        raise UsageError(f"{first}: no command has this name, and no file", fix=near)


def _level(flags: argparse.Namespace) -> int:
    if flags.verbose:
        return logging.DEBUG
    return logging.ERROR if flags.quiet else logging.WARNING
