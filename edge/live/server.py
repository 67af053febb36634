"""The live page over HTTP: its files, its pictures, what happens as server-sent events, and POSTs
for what is to be done. See `visits` for who may.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from functools import cache
from http import HTTPStatus
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import parse_qs

import msgspec

from edge import __version__
from edge.errors import ConfigError, EdgeError
from edge.health.address import Door
from edge.health.server import JSON, Asked, Listening, Page, Server, as_json
from edge.health.vitals import FILES
from edge.live import shown
from edge.live.actions import Actions, Capture, Enrol, Freeze
from edge.live.shown import Hosts
from edge.live.visits import Visits, is_ours
from edge.live.window import Window

log = logging.getLogger(__name__)

MOST = 24  # connections at once
MOST_STREAMS = 8  # of those, pages that are open
MAX_BODY = 4096
BUFFER = 256 << 10  # bytes on their way to a page: one or two pictures, not many old ones
EVERY_S = 0.1  # between two frames told to one page
HEALTH_S = 2.0  # between two times its health is: also what shows that the connection lives
PAGES = {  # path -> file beside this one, and its kind
    "/": ("live.html", "text/html; charset=utf-8"),
    "/live.js": ("live.js", "text/javascript; charset=utf-8"),
    "/live.css": ("live.css", "text/css; charset=utf-8"),
    "/live.svg": ("live.svg", "image/svg+xml"),
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)


class Site:
    """What a page is made of. Without `actions` and `hosts` the run has not begun yet."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.actions: Actions | None = None
        self.hosts: Hosts | None = None
        self.streams = threading.BoundedSemaphore(MOST_STREAMS)


class LiveServer(Listening):
    """Raises UsageError when the address is not to be had."""

    def __init__(self, door: Door, site: Site) -> None:
        super().__init__("live", door, lambda: _Live(door, site))

    @property
    def address(self) -> str:
        """For people."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}/"


class _Live(Server):
    def __init__(self, door: Door, site: Site) -> None:
        super().__init__(door, _Visitor, MOST)
        self.site, self.visits = site, Visits(door, self.server_port)


class _Visitor(Asked):
    server: _Live
    policy = POLICY

    def do_GET(self) -> None:  # noqa: N802
        self.limit()  # browsers connect seconds before they ask
        if self._asked()[0] == "/happening":
            self.stream()
        else:
            super().do_GET()

    def do_POST(self) -> None:  # noqa: N802
        self.limit()
        self.give(self.answered(self.change))

    def page(self) -> Page:
        path, asked = self._asked()
        if path == "/live.css":  # strangers, too: where the token is asked for looks like the rest
            return Page(200, PAGES[path][1], _read("live.css"))
        refused = self._refused()
        if refused is not None:
            return refused
        if path in PAGES:
            return self._file(path, bool(asked.get("token")))
        window = self.server.site.window
        if path == "/frame.jpg" and (found := window.jpeg(asked.get("camera", ""))) is not None:
            shot, data = found
            return Page(200, "image/jpeg", data, (("Edge-Tag-Number", str(shot.number)),))
        if path == "/frozen.jpg":
            try:
                return Page(200, "image/jpeg", window.frozen_jpeg(asked.get("frozen", "")))
            except EdgeError as e:
                return as_json(HTTPStatus.GONE, error=str(e), fix=e.fix)
        return as_json(HTTPStatus.NOT_FOUND, error="there is nothing here")

    def change(self) -> Page:
        """A POST: only from our own page, or from a program that says so."""
        refused = self._refused()
        if refused is not None:
            return refused
        if not is_ours(self.headers):
            return as_json(HTTPStatus.FORBIDDEN, error="this does not come from our own page")
        body = self._body()
        if isinstance(body, Page):
            return body
        actions = self.server.site.actions
        if actions is None:
            return as_json(HTTPStatus.SERVICE_UNAVAILABLE, error="the run has not begun yet")
        try:
            return _done(actions, self._asked()[0], body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as e:
            return as_json(HTTPStatus.BAD_REQUEST, error=str(e)[:200])
        except EdgeError as e:
            also = [str(one) for one in e.also] if isinstance(e, ConfigError) else []
            return as_json(HTTPStatus.CONFLICT, error=str(e), fix=e.fix, also=also)

    def stream(self) -> None:
        """What happens, until somebody leaves. Who reads slowly gets the newest and misses some."""
        refused = self.answered(lambda: self._refused() or Page(200, "", b""))
        if refused.kind:
            self.give(refused)
            return
        site = self.server.site
        if not site.streams.acquire(blocking=False):
            self.give(as_json(HTTPStatus.SERVICE_UNAVAILABLE, error="too many pages are open"))
            return
        try:
            self.unlimit()  # each write has its own end: the time-out of the socket
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "text/event-stream; charset=utf-8")
            self.end_headers()
            for kind, told in happening(site, self._asked()[1].get("camera", "")):
                self.wfile.write(_message(kind, told))
        except OSError:
            log.debug("a page was left")
        finally:
            site.streams.release()

    def _asked(self) -> tuple[str, dict[str, str]]:
        """Path, and the first of each thing that is asked for."""
        path, _, query = self.path.partition("?")
        try:
            found = parse_qs(query, max_num_fields=8)
        except ValueError:
            found = {}
        return path, {name: values[0] for name, values in found.items()}

    def _refused(self) -> Page | None:
        """Strangers see where the token is asked for, and nothing else."""
        token = self._asked()[1].get("token", "")
        address = str(self.client_address[0])
        may = self.server.visits.may(self.headers, token, address)
        if may == "yes":
            return None
        if may == "later":
            wait = (("Retry-After", "60"),)
            page = as_json(HTTPStatus.TOO_MANY_REQUESTS, error="too many wrong tokens: wait")
            return page._replace(headers=wait)
        if self.command == "GET" and "text/html" in self.headers.get("Accept", ""):
            return Page(HTTPStatus.UNAUTHORIZED, PAGES["/"][1], _read("token.html"))
        return as_json(HTTPStatus.UNAUTHORIZED, error="a token is needed")

    def _file(self, path: str, has_shown: bool) -> Page:
        """has_shown: the token, on the page itself; from then on it is a cookie."""
        name, kind = PAGES[path]
        is_secure = self.headers.get("X-Forwarded-Proto", "") == "https"
        is_first = has_shown and path == "/" and self.server.door.token is not None
        line = self.server.visits.cookie_line(is_secure) if is_first else ""
        return Page(200, kind, _read(name), (("Set-Cookie", line),) if line else ())

    def _body(self) -> bytes | Page:
        size = self.headers.get("Content-Length", "")
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip()
        if kind != "application/json":
            return as_json(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, error="expected JSON")
        if not (size.isascii() and size.isdecimal()) or "Transfer-Encoding" in self.headers:
            return as_json(HTTPStatus.LENGTH_REQUIRED, error="expected a Content-Length")
        if len(size) > 9 or int(size) > MAX_BODY:
            limit = f"expected at most {MAX_BODY} bytes"
            return as_json(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, error=limit)
        try:
            body = self.rfile.read(int(size))
        except OSError:
            return as_json(HTTPStatus.REQUEST_TIMEOUT, error="the body did not come")
        self.unlimit()  # from here on it is our own time: a first tag takes 150 looks
        return body


def happening(site: Site, camera: str) -> Iterator[tuple[str, Any]]:
    """What one page is told, as (kind, what); between two, whoever reads may take any time."""
    window = site.window
    sources = window.sources() or [FILES]
    camera = camera if camera in sources else sources[0]
    yield "hello", {"camera": camera, "version": __version__, "points": window.points(camera)}
    number = told = heard = 0
    due_s = 0.0
    while (newest := window.wait(number, HEALTH_S)) is not None:
        number = newest
        if (shot := window.look(camera)) is not None and shot.number > told:
            shot, data = window.jpeg(camera) or (shot, b"")
            told = shot.number
            yield "frame", {**shown.frame(camera, shot), "jpeg": data}
        heard, events = window.events(heard)
        if events:
            yield "events", [shown.event(one) for one in events]
        if monotonic() >= due_s:
            due_s = monotonic() + HEALTH_S
            yield "health", _health(site)
        sleep(EVERY_S)


def _health(site: Site) -> dict[str, Any]:
    if site.hosts is None or site.actions is None:
        return {"cameras": [], "sinks": [], "device": None, "can": None}
    return {**shown.health(site.window, site.hosts), "can": site.actions.known()}


def _done(actions: Actions, path: str, body: bytes) -> Page:
    """Raises EdgeError, and what msgspec raises."""
    done: dict[str, Any]
    if path == "/freeze":
        done = actions.freeze(msgspec.json.decode(body, type=Freeze))
    elif path == "/enrol":
        done = actions.enrol(msgspec.json.decode(body, type=Enrol))
    elif path == "/capture":
        done = actions.capture(msgspec.json.decode(body, type=Capture))
    elif path == "/reload":
        done = actions.reload()
    else:
        return as_json(HTTPStatus.NOT_FOUND, error="there is nothing to do here")
    return Page(200, JSON, msgspec.json.encode(done))


def _message(kind: str, told: Any) -> bytes:
    """One server-sent event: JSON has no line breaks."""
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), msgspec.json.encode(told))


@cache
def _read(name: str) -> bytes:
    return (Path(__file__).parent / name).read_bytes()
