"""Frames without end, and a process that is watched while it tags them.

H.264, the same seconds of it again and again: over HTTP, as a network camera gives it, or as a
long clip, of which every frame is tagged however slow the machine is.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from pathlib import Path
from time import monotonic, sleep

import av
import msgspec
from av.video.frame import VideoFrame

from edge.records import U8

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
WARM = {"null": 20_000, "real": 2_000}  # frames, until what Python, SQLite, FFmpeg and the engine
# keep for later is there
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


def encoded(frames: Sequence[U8], fps: int = 25) -> list[bytes]:
    """(H, W, 3) each -> H.264, a packet a frame; the first needs none before it."""
    codec = av.CodecContext.create("libx264", "w")
    codec.height, codec.width = frames[0].shape[:2]
    codec.pix_fmt, codec.framerate = "yuv420p", fps
    codec.options = {"tune": "zerolatency", "preset": "veryfast", "g": "1000"}
    pictures = (VideoFrame.from_ndarray(frame, format="rgb24") for frame in frames)
    return [bytes(p) for picture in (*pictures, None) for p in codec.encode(picture)]


def clip(file: Path, packets: Sequence[bytes], frames: int) -> Path:
    """A file of that many frames, or a few more."""
    file.write_bytes(b"".join(packets) * -(-frames // len(packets)))
    return file


@contextmanager
def camera(packets: Sequence[bytes], fps: float) -> Iterator[str]:
    """The address of a stream without end, at most `fps` frames a second."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "video/h264")
            self.end_headers()
            due_s = monotonic()
            for packet in cycle(packets):
                try:
                    self.wfile.write(packet)
                except OSError:  # nobody looks any more
                    return
                due_s = max(due_s + 1 / fps, monotonic() - 1)  # no rush after a stop
                sleep(max(0.0, due_s - monotonic()))

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/loop.h264"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


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
