"""Somebody else's work: one busy process a core, as nice as ours."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import sleep

BUSY = "import os\nwhile os.getppid() == {}: pass"  # it outlives no benchmark that was killed


@contextmanager
def busy() -> Iterator[None]:
    """Meanwhile one process a core does nothing as fast as it can."""
    running = [
        subprocess.Popen([sys.executable, "-c", BUSY.format(os.getpid())])
        for _ in range(os.cpu_count() or 1)
    ]
    try:
        sleep(0.5)  # until they have started
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()
