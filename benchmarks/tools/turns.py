"""Two processes that work in turns: one stands still (SIGSTOP) while the other runs.

A peer's tool times itself, and cannot be told to wait after each launch. Stopped for a while, it
takes one launch for very long and all others as ever: its least and its low quantiles stay.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep

TURN_S = 0.25


def in_turns(commands: Sequence[Sequence[str]], turn_s: float = TURN_S) -> list[str]:
    """What each printed to stdout. Raises RuntimeError when one fails, with what it said."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        running = []
        for n, command in enumerate(commands):
            out = stack.enter_context((folder / f"{n}.out").open("wb"))
            err = stack.enter_context((folder / f"{n}.err").open("wb"))
            process = subprocess.Popen(command, stdout=out, stderr=err)
            stack.callback(_end, process)
            process.send_signal(signal.SIGSTOP)
            running.append(process)
        _take_turns(running, turn_s)
        for n, process in enumerate(running):
            if process.returncode:
                said = (folder / f"{n}.err").read_text("utf-8", "replace")[-1000:]
                raise RuntimeError(f"{' '.join(commands[n])}: {process.returncode}: {said}")
        return [(folder / f"{n}.out").read_text("utf-8") for n in range(len(running))]


def _take_turns(running: Sequence[subprocess.Popen[bytes]], turn_s: float) -> None:
    while any(process.poll() is None for process in running):
        for process in running:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                sleep(turn_s)
                process.send_signal(signal.SIGSTOP)


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    process.wait()


def script(name: str) -> str:
    """A command that a package installed beside this Python."""
    return os.fspath(Path(sys.executable).with_name(name))
