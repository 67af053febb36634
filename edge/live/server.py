"""The live page over HTTP: its files, its pictures, what happens as server-sent events, and POSTs
for what is to be done. See `access` for who may.
"""

from __future__ import annotations

import logging
import socket
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import parse_qs

from edge.errors import EdgeError
from edge.health.address import Door
from edge.health.serving import Listening, Page, Request, Server, as_json
from edge.live.access import Access, is_drawn_elsewhere, is_ours
from edge.live.files import PAGES, POLICY, read
from edge.live.posts import FORM, body_of, changed
from edge.live.stream import Site, messages

log = logging.getLogger(__name__)

MOST = 24  # connections at once
PICTURE_S = 2.0  # so long one is waited for: none is kept before somebody asks
BUFFER = 256 << 10  # bytes on their way to a page: one or two pictures, not many old ones


class LiveServer(Listening):
    """Raises UsageError when the address is not to be had."""

    def __init__(self, door: Door, site: Site) -> None:
        super().__init__("live", door, lambda: _Live(door, site))

    @property
    def address(self) -> str:
        """For people: no browser opens 0.0.0.0, which is every address of this machine."""
        host = socket.gethostname() if ip_address(self.host).is_unspecified else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/"


class _Live(Server):
    def __init__(self, door: Door, site: Site) -> None:
        super().__init__(door, _Visitor, MOST)
        self.site, self.access = site, Access(door, self.server_port)


class _Visitor(Request):
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
        self.give(self.answered(self.enter if self._asked()[0] == "/" else self.change))

    def page(self) -> Page:
        path, asked = self._asked()
        if path == "/live.css":  # strangers, too: where the token is asked for looks like the rest
            return Page(200, PAGES[path][1], read("live.css"))
        refused = self._refused()
        if refused is not None:
            return refused
        if path in PAGES:
            return self._file(path, bool(asked.get("token")))
        if path == "/frame.jpg":
            return self._frame(asked.get("camera", ""))
        if path == "/frozen.jpg":
            window = self.server.site.window
            try:
                return Page(200, "image/jpeg", window.frozen_jpeg(asked.get("frozen", "")))
            except EdgeError as e:
                return as_json(HTTPStatus.GONE, error=str(e), fix=e.fix)
        return as_json(HTTPStatus.NOT_FOUND, error="there is nothing here")

    def enter(self) -> Page:
        """The token, of the form that asks for it: in an address a proxy would log it."""
        body = body_of(self.headers, self.rfile.read, FORM)
        if isinstance(body, Page):
            return body
        refused = self._refused(_fields(body.decode("ascii", "replace")).get("token", ""))
        if refused is not None:
            return refused
        return Page(HTTPStatus.SEE_OTHER, FORM, b"", (("Location", "/"), *self._cookies()))

    def change(self) -> Page:
        """A POST: only from our own page, or from a program that says so."""
        refused = self._refused()
        if refused is not None:
            return refused
        if not is_ours(self.headers):
            return as_json(HTTPStatus.FORBIDDEN, error="this does not come from our own page")
        body = body_of(self.headers, self.rfile.read)
        if isinstance(body, Page):
            return body
        self.unlimit()  # from here on it is our own time: a first tag takes 150 looks
        actions = self.server.site.actions
        if actions is None:
            return as_json(HTTPStatus.SERVICE_UNAVAILABLE, error="the run has not begun yet")
        return changed(actions, self._asked()[0], body)

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
            for message in messages(site, self._asked()[1].get("camera", "")):
                self.wfile.write(message)
        except OSError:
            log.debug("a page was left")
        finally:
            site.streams.release()

    def _asked(self) -> tuple[str, dict[str, str]]:
        """Path, and the first of each thing that is asked for."""
        path, _, query = self.path.partition("?")
        return path, _fields(query)

    def _refused(self, token: str = "") -> Page | None:
        """The answer for a stranger, which only asks for the token; None for whoever may look."""
        if self.server.door.token is None and is_drawn_elsewhere(self.headers):
            return as_json(HTTPStatus.FORBIDDEN, error="this is not for pages from elsewhere")
        token = token or self._asked()[1].get("token", "")
        address = str(self.client_address[0])
        may = self.server.access.may(self.headers, token, address)
        if may == "yes":
            return None
        if may == "later":
            wait = (("Retry-After", "60"),)
            page = as_json(HTTPStatus.TOO_MANY_REQUESTS, error="too many wrong tokens: wait")
            return page._replace(headers=wait)
        if self.command != "HEAD" and "text/html" in self.headers.get("Accept", ""):
            return Page(HTTPStatus.UNAUTHORIZED, PAGES["/"][1], read("token.html"))
        return as_json(HTTPStatus.UNAUTHORIZED, error="a token is needed")

    def _frame(self, name: str) -> Page:
        """The newest picture; without a name, that of the only source."""
        window = self.server.site.window
        names = window.sources()
        name = name or (names[0] if len(names) == 1 else "")
        if name not in names:
            fix = "/frame.jpg?camera=NAME with one of: " + ", ".join(names)
            return as_json(HTTPStatus.NOT_FOUND, error="no source has this name", fix=fix)
        found = window.jpeg(name, PICTURE_S)
        if found is None:
            page = as_json(HTTPStatus.SERVICE_UNAVAILABLE, error="no picture came")
            return page._replace(headers=(("Retry-After", "2"),))
        shot, data = found
        return Page(200, "image/jpeg", data, (("Edge-Tag-Number", str(shot.number)),))

    def _file(self, path: str, has_shown: bool) -> Page:
        """has_shown: the token, on the page itself; from then on it is a cookie."""
        name, kind = PAGES[path]
        is_first = has_shown and path == "/"
        return Page(200, kind, read(name), self._cookies() if is_first else ())

    def _cookies(self) -> tuple[tuple[str, str], ...]:
        """For whoever has shown the token; where there is none, nobody needs one."""
        if self.server.door.token is None:
            return ()
        is_secure = self.headers.get("X-Forwarded-Proto", "") == "https"
        return (("Set-Cookie", self.server.access.cookie_line(is_secure)),)


def _fields(query: str) -> dict[str, str]:
    """The first of each; none where there are too many."""
    try:
        found = parse_qs(query, max_num_fields=8)
    except ValueError:
        found = {}
    return {name: values[0] for name, values in found.items()}
