"""python -m edge, and the `edge-tag` script."""

from __future__ import annotations

import gc
import os
import signal
import sys
from typing import NoReturn

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until `main` asks: no traceback of an import
_words = sys.argv[1:]
_has_config = any(word.partition("=")[0] == "--config" for word in _words)
_reads_again = _has_config and _words[0] not in ("capture", "calibrate", "doctor")
if hasattr(signal, "SIGHUP") and (_reads_again or "NOTIFY_SOCKET" in os.environ):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # "read it again" before the first time: it will
gc.disable()  # what is loaded stays: `main` takes it up again
# numpy's heads are small matrices: a thread that waits for larger ones takes 0.1 s of CPU time
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from edge.cli import main  # noqa: E402


def run() -> NoReturn:
    """The command, as a process."""
    exit_code = main()
    gc.freeze()  # it ends: to go through everything for rubbish once more would take 40 ms
    sys.exit(exit_code)


if __name__ == "__main__":
    run()
