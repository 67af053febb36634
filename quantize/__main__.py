"""`python -m quantize STAGE`, the same as `edge-quantize STAGE`."""

import sys

from quantize.allocator import keep_freed
from quantize.cli import main


def run() -> None:
    """The entry point of `edge-quantize`."""
    keep_freed()
    sys.exit(main())


if __name__ == "__main__":
    run()
