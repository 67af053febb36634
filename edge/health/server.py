"""Three pages over HTTP, for machines: /healthz, /readyz, /metrics."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from edge.health.address import Door
from edge.health.serving import Listening, Page, Request, Server, as_json

Pages = dict[str, Callable[[], Page]]  # path -> what is there


class HealthServer(Listening):
    """The pages for machines."""

    def __init__(self, door: Door, pages: Pages) -> None:
        super().__init__("health", door, lambda: _Pages(door, pages))


class _Pages(Server):
    def __init__(self, door: Door, pages: Pages) -> None:
        self.pages = pages
        super().__init__(door, _Machine)


class _Machine(Request):
    server: _Pages

    def page(self) -> Page:
        """Strangers are not told which pages there are."""
        if not self.server.door.opens(self.headers.get("Authorization", "")):
            return as_json(HTTPStatus.UNAUTHORIZED, error="a token is needed")
        page = self.server.pages.get(self.path.partition("?")[0])
        if page is None:
            return as_json(HTTPStatus.NOT_FOUND, pages=sorted(self.server.pages))
        return page()
