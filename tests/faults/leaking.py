"""edge-tag with a leak: `python -m tests.faults.leaking memory|files ...`, then its own words."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from edge.cli import main
from edge.sinks.jsonl import JsonlFile

kept: list[object] = []
LEAKS: dict[str, Callable[[], object]] = {  # a small frame has 9 kB
    "memory": lambda: os.urandom(16384),
    "files": lambda: os.dup(2),
}
MOST = {"memory": 10**9, "files": 900}  # a process may have 1,024 open


def leak(kind: str) -> None:
    """Every line that is written leaves something behind."""
    write = JsonlFile.write

    def leaky(self: JsonlFile, *given: object) -> None:
        if len(kept) < MOST[kind]:
            kept.append(LEAKS[kind]())
        write(self, *given)  # type: ignore[arg-type]

    JsonlFile.write = leaky  # type: ignore[method-assign]


if __name__ == "__main__":
    leak(sys.argv[1])
    sys.exit(main(sys.argv[2:]))
