"""A process that is watched while it tags: its frames, memory, files and threads."""

from __future__ import annotations

import os
import signal
import subprocess
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import monotonic, sleep

import msgspec

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
# Frames, until what Python, SQLite, FFmpeg and the engine keep for later is there.
WARM = {"null": 20_000, "real": 2_000}
MOST_MB = 2.0  # more than after the warm-up
PATIENCE_S = 120.0  # to the first frame, and between two answers: the machine may be busy


class Sample(msgspec.Struct, frozen=True):
    """The process at a moment."""

    at_s: float
    frames: int  # tagged so far
    rss_mb: float
    fds: int
    threads: int


def warmed(frames: Sequence[int], warm: int) -> int:
    """The number of the first sample after the warm-up; that of samples when there is none."""
    return next((n for n, done in enumerate(frames) if done >= warm), len(frames))


def watched(
    command: Sequence[str],
    health: str,
    frames: int,
    every: int,
    between: Callable[[Sample, subprocess.Popen[bytes]], None],
) -> Iterator[Sample]:
    """Samples of the process of `command`, one each `every` frames, until it tagged `frames`.

    health   where it listens, host:port
    between  called after each sample
    It is stopped by SIGTERM at the end. Raises RuntimeError when it ends before, or not well.
    """
    begin_s = heard_s = monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        due = 0
        while due < frames:
            done = _tagged(process, health)
            heard_s = monotonic() if done else heard_s
            if monotonic() - heard_s > PATIENCE_S:
                raise RuntimeError(f"{health} does not answer, expected edge-tag's metrics")
            if done < max(due, 1):
                sleep(0.05)
                continue
            sample = _sample(process.pid, monotonic() - begin_s, done)
            yield sample
            due = done + every
            between(sample, process)
        process.send_signal(signal.SIGTERM)
        if (code := process.wait(60)) != 0:
            raise RuntimeError(f"edge-tag ended with {code}, expected 0")
    finally:
        process.kill()
        process.wait()


def _tagged(process: subprocess.Popen[bytes], health: str) -> int:
    """Frames, as the process itself counts them; 0 while it does not answer."""
    if (code := process.poll()) is not None:
        raise RuntimeError(f"edge-tag ended with {code}, expected it to go on")
    try:
        with urllib.request.urlopen(f"http://{health}/metrics", timeout=10) as answer:
            text = answer.read().decode()
    except OSError:
        return 0
    lines = [line for line in text.splitlines() if line.startswith("edgetag_frames_total")]
    return round(sum(float(line.split()[-1]) for line in lines if 'outcome="tagged"' in line))


def _sample(pid: int, at_s: float, frames: int) -> Sample:
    process = Path(f"/proc/{pid}")
    resident = int((process / "statm").read_text("ascii").split()[1]) * PAGE_BYTES
    return Sample(
        round(at_s, 2),
        frames,
        resident / 2**20,
        len(list((process / "fd").iterdir())),
        len(list((process / "task").iterdir())),
    )
