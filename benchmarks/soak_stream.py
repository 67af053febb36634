"""Frames without end, as H.264, the same seconds again and again: over HTTP, as a network camera
gives them, or as a long clip, of which every frame is tagged however slow the machine is.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from pathlib import Path
from time import monotonic, sleep

import av
from av.video.frame import VideoFrame

from edge.records import U8


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
