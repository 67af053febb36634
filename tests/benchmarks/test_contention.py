"""What keeps the cores busy for a benchmark ends with it, however it ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import pytest

ROOT = Path(__file__).parents[2]
PROC = Path("/proc")
HELD = "import sys; from benchmarks.contention import busy\nwith busy(): print(flush=True); input()"


@pytest.mark.skipif(not PROC.is_dir(), reason="no /proc: who runs is read there")
def test_busy_processes_end_with_a_benchmark_that_is_killed() -> None:
    held = subprocess.Popen(
        [sys.executable, "-c", HELD], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert held.stdout is not None
    held.stdout.readline()
    busy = (PROC / f"{held.pid}/task/{held.pid}/children").read_text().split()
    assert busy
    held.kill()
    held.communicate()
    until = monotonic() + 20
    while any(_runs(process) for process in busy):
        assert monotonic() < until
        sleep(0.05)


def _runs(process: str) -> bool:
    try:
        return (PROC / process / "stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
