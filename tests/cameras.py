"""Real cameras for tests, as far as there are any without hardware: on loopback, to be broken."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from edge.records import Frame
from edge.sources import Source
from tests.brokers import free_port, until

SCRIPT = Path(__file__).parent / "rtsp_server.py"
PYTHON = "/usr/bin/python3"  # the system's, which Debian's packages belong to
BALL = "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=15/1"
PACKAGES = "make cameras"


@cache
def why_no_gstreamer() -> str:
    return "" if shutil.which("gst-launch-1.0") else f"no gst-launch-1.0: {PACKAGES}"


@cache
def why_no_rtsp_server() -> str:
    """Empty where one can be started."""
    if why := why_no_gstreamer():
        return why
    code = "import gi; gi.require_version('GstRtspServer', '1.0')"
    code += "; from gi.repository import GstRtspServer, Gst; Gst.init(None)"
    code += "; assert Gst.ElementFactory.find('x264enc')"
    try:
        tried = subprocess.run([PYTHON, "-c", code], capture_output=True, check=False)
    except OSError as e:
        return f"{PYTHON}: {e.strerror}: {PACKAGES}"
    return "" if tried.returncode == 0 else f"no RTSP server: {PACKAGES}"


class RtspCamera:
    """GStreamer's RTSP server. It may be stopped and started again, on the same port."""

    def __init__(self, source: str = BALL, user: str = "", password: str = "") -> None:
        self.port = free_port()
        self.source, self._user, self._password = source, user, password
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/live"

    def start(self) -> RtspCamera:
        words = [PYTHON, str(SCRIPT), str(self.port), self.source, self._user, self._password]
        self._process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        return self

    def hang(self) -> None:
        """Its connections stay open, and nothing comes."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


class HttpCamera:
    """Serves one endless body, made piece by piece."""

    def __init__(self, kind: str, body: Callable[[], Iterator[bytes]]) -> None:
        """kind: the Content-Type"""

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.end_headers()
                with suppress(OSError):  # the reader has gone
                    for piece in body():
                        self.wfile.write(piece)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Nothing to stderr."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads, self._server.block_on_close = True, False
        self.url = f"http://127.0.0.1:{self._server.server_port}/live"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def silent_server() -> Iterator[int]:
    """The port of one that takes every connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


class Looking:
    """Takes a live source's frames as a tagger would, until it is closed."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.frames: list[Frame] = []
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._is_closing = False
        self._thread.start()

    @property
    def good(self) -> list[Frame]:
        return [frame for frame in self.frames if frame.pixels is not None]

    @property
    def errors(self) -> list[str]:
        return [frame.error for frame in self.frames if frame.pixels is None]

    def counts(self) -> dict[str, int]:
        """Kinds of faults that there were."""
        assert self.source.newest is not None
        assert self.source.newest.faults is not None
        return {kind: n for kind, n in self.source.newest.faults.counts().items() if n}

    @property
    def reconnects(self) -> int:
        assert self.source.newest is not None
        assert self.source.newest.faults is not None
        return self.source.newest.faults.reconnects

    def wait_for_more(self, count: int = 3) -> None:
        """Good frames."""
        wanted = len(self.good) + count
        until(lambda: len(self.good) >= wanted)

    def wait_for(self, says: str) -> None:
        """An error."""
        until(lambda: any(says in error for error in self.errors))

    def close(self) -> None:
        self._is_closing = True
        self.source.close()
        self._thread.join()

    def _look(self) -> None:
        assert self.source.newest is not None
        for frame in self.source.newest.frames(lambda: self._is_closing):
            self.frames.append(frame)
            time.sleep(0.01)
