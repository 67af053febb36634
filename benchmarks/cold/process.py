"""A fresh process, from its start to its first line and to its end."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter

import msgspec

from edge.errors import EdgeError


class Cost(msgspec.Struct, frozen=True):
    """What it took."""

    first_line_s: float  # from its start, on the wall's clock
    cpu_s: float  # of all its threads, from start to end
    rss_mb: float  # the most memory it held; never less than whoever started it held then


def cost(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Cost:
    """Run it in a folder. Raises EdgeError, with what it said, when it fails or prints nothing."""
    begin = perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env={**os.environ, **environment}, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    first_s = perf_counter() - begin
    process.stdout.read()
    said = process.stderr.read().decode(errors="replace")
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    process.stderr.close()
    if process.returncode or not line:
        raise EdgeError(f"{' '.join(command)}: ended with {process.returncode}: {said[-500:]}")
    return Cost(first_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
