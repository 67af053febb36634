"""What every benchmark's command does at its end: one thread, errors in words, an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable

import cv2

from edge.errors import EdgeError
from edge.tagger import Tagger, open_tagger


def finish(work: Callable[[], object]) -> int:
    """Run it; the exit code of `edge-tag` for what it raises."""
    cv2.setNumThreads(1)
    try:
        work()
    except EdgeError as e:
        sys.stderr.write(f"{e}\n" + (f"fix: {e.fix}\n" if e.fix else ""))
        return e.exit_code
    return 0


def with_tagger(bundle: str | None, engine: str, work: Callable[[Tagger], object]) -> int:
    """`finish` what needs one session on one thread."""

    def opened() -> None:
        with open_tagger(bundle, engine, threads=1) as tagger:
            work(tagger)

    return finish(opened)
