"""Converters talk: to stdout, to stderr, from C++ too. What they say goes into a file."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOG = "converters.log"


@contextmanager
def logged(file: Path) -> Iterator[None]:
    """Everything that this process writes to its outputs meanwhile is appended to `file`."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    level = logging.root.level
    with file.open("ab") as log, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.root.setLevel(logging.ERROR)  # their advice to one another
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            logging.root.setLevel(level)
            for theirs, ours in zip((1, 2), kept):
                os.dup2(ours, theirs)
                os.close(ours)
