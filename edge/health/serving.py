"""What serves any page of ours over HTTP.

A daemon thread and at most MOST connections, each with an end: whoever asks too much or too slowly
is sent away, and the frames go on.
"""

from __future__ import annotations

import json
import logging
import socket
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from errno import EADDRNOTAVAIL
from http import HTTPStatus
from http.client import LineTooLong
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from typing import Any, NamedTuple

from edge.errors import UsageError
from edge.health.address import Door

log = logging.getLogger(__name__)

MOST = 8  # connections at once
LONGEST_S = 5.0  # a connection
HEAD_BYTES = 1 << 16  # of all that comes before a body: the library would take 6 MB of everybody
JSON = "application/json; charset=utf-8"
FREEBIND = {  # Linux's option for addresses that are not there yet; Python has no names for it
    socket.AF_INET: (socket.IPPROTO_IP, 15),
    socket.AF_INET6: (socket.IPPROTO_IPV6, 78),
}
CLOSED = "default-src 'none'; frame-ancestors 'none'"  # a policy: these are not for browsers
ALWAYS = (  # nor is any page for pages from elsewhere
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("Connection", "close"),
)
BUSY = b"HTTP/1.0 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"


class Page(NamedTuple):
    """An answer."""

    status: int
    kind: str  # its Content-Type
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()  # and some more


def as_json(status: int, **fields: object) -> Page:
    """A page for machines that people can read."""
    return Page(status, JSON, json.dumps(fields).encode() + b"\n")


class Listening:
    """Listens from the start, in a thread. Raises UsageError when the address is not to be had."""

    def __init__(self, name: str, door: Door, server: Callable[[], Server]) -> None:
        try:
            self._server = server()
        except OSError as e:
            raise UsageError(
                f"--{name}: {door.host}:{door.port}: {e.strerror}", fix="name another port"
            ) from e
        self.host, self.port = door.host, int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.2,), name=name, daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(2.0)


class Server(ThreadingHTTPServer):
    """At most `most` connections at a time, each answered by a `request`."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 16

    def __init__(self, door: Door, request: type[Request], most: int = MOST) -> None:
        self.address_family = socket.AF_INET6 if ":" in door.host else socket.AF_INET
        self.door = door
        self._free = threading.BoundedSemaphore(most)
        super().__init__((door.host, door.port), request)

    def server_bind(self) -> None:
        """As the library does, without asking a name server who we are."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._bind()
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.door.host, self.server_address[1]

    def _bind(self) -> None:
        """Also to an address that a network has still to give: a board that begins before its
        network, or on a ship without any, tags all the same.
        """
        try:
            self.socket.bind(self.server_address)
        except OSError as e:
            if e.errno != EADDRNOTAVAIL or not sys.platform.startswith("linux"):
                raise
            self.socket.setsockopt(*FREEBIND[self.socket.family], 1)
            self.socket.bind(self.server_address)
            log.warning(
                "%s is no address of this machine now: pages are served there once it is one",
                self.door.host,
            )

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            try:
                super().process_request(request, client_address)
            except RuntimeError:  # no thread is to be had, which would give the place back
                self._free.release()
                raise
            return
        request.settimeout(0.1)
        with suppress(OSError):
            request.sendall(BUSY)
        self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.debug("a connection broke", exc_info=True)


def _cut(request: socket.socket) -> None:
    """A byte every few seconds is not a reason to stay."""
    with suppress(OSError):
        request.shutdown(socket.SHUT_RDWR)


class _Head:
    """What a connection gives, line by line up to HEAD_BYTES: a stranger, too, may send lines."""

    def __init__(self, file: BufferedIOBase) -> None:
        self._file, self._left = file, HEAD_BYTES
        self.read, self.close = file.read, file.close

    def readline(self, limit: int = -1) -> bytes:
        """The next one. Raises LineTooLong, which the library answers with a 431."""
        most = self._left + 1
        line = self._file.readline(most if limit < 0 else min(limit, most))
        self._left -= len(line)
        if self._left < 0:
            raise LineTooLong("headers")
        return line


class Request(BaseHTTPRequestHandler, ABC):
    """One request: `page` answers it, and LONGEST_S is all the time it has."""

    server: Server
    timeout = LONGEST_S
    server_version, sys_version = "edge-tag", ""
    policy = CLOSED
    late: threading.Timer | None = None

    def setup(self) -> None:
        super().setup()
        self.rfile = _Head(self.rfile)  # type: ignore[assignment]
        self.limit()

    def limit(self) -> None:
        """From now on it has LONGEST_S."""
        if self.late is not None:
            self.late.cancel()
        self.late = threading.Timer(LONGEST_S, _cut, (self.request,))
        self.late.daemon = True
        self.late.start()

    def unlimit(self) -> None:
        """For what has an end of its own."""
        if self.late is not None:
            self.late.cancel()

    def finish(self) -> None:
        self.unlimit()
        super().finish()

    def do_GET(self) -> None:
        self.give(self.answered(self.page))

    def do_HEAD(self) -> None:
        self.give(self.answered(self.page))

    @abstractmethod
    def page(self) -> Page:
        """The answer; asked for only where the host is one of ours."""

    def answered(self, page: Callable[[], Page]) -> Page:
        """What `page` gives; a name of somebody else's and our bugs have answers of their own."""
        if not self.server.door.is_meant(self.headers.get("Host", "")):
            return as_json(HTTPStatus.MISDIRECTED_REQUEST, error="this is not the host you mean")
        try:
            return page()
        except Exception:  # our bug: told in the log, and the next one may ask
            log.exception("%s: a bug", self.path.partition("?")[0])
            return as_json(HTTPStatus.INTERNAL_SERVER_ERROR, error="a bug")

    def give(self, page: Page) -> None:
        self.send_response(page.status)
        self.send_header("Content-Type", page.kind)
        self.send_header("Content-Length", str(len(page.body)))
        for name, value in page.headers:
            self.send_header(name, value)
        if page.status == HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", "Bearer")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(page.body)

    def end_headers(self) -> None:
        for name, value in (*ALWAYS, ("Content-Security-Policy", self.policy)):
            self.send_header(name, value)
        super().end_headers()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Without what stands behind the path: that may be a token."""
        log.debug("%s %s: %s", self.command, getattr(self, "path", "").partition("?")[0], code)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing: whoever asks every ten seconds would fill a log, and may show a token."""
