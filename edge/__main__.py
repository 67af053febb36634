"""python -m edge, and the `edge-tag` script."""

from __future__ import annotations

import sys
from typing import NoReturn

from edge.cli import main


def run() -> NoReturn:
    """The command, as a process."""
    sys.exit(main())


if __name__ == "__main__":
    run()
