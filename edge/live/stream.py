"""What happens in a run, told to one page after the other, as server-sent events."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from time import monotonic, sleep
from typing import Any

import msgspec

from edge import __version__
from edge.health.vitals import FILES
from edge.live import shown
from edge.live.actions import Actions
from edge.live.shown import Hosts
from edge.live.window import Window

MOST_STREAMS = 8  # pages that are open
EVERY_S = 0.1  # between two frames told to one page
HEALTH_S = 2.0  # between two times its health is: also what shows that the connection lives


class Site:
    """What a page is made of. Without `actions` and `hosts` the run has not begun yet."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.actions: Actions | None = None
        self.hosts: Hosts | None = None
        self.streams = threading.BoundedSemaphore(MOST_STREAMS)


def messages(site: Site, camera: str) -> Iterator[bytes]:
    """What one page is told, message by message; between two, whoever reads may take any time."""
    window = site.window
    sources = window.sources() or [FILES]
    camera = camera if camera in sources else sources[0]
    about = {"camera": camera, "cameras": sources, "version": __version__}
    hello = {**about, "points": window.points(camera)}
    yield _message("hello", hello)
    number = told = heard = 0
    due_s = 0.0
    while (newest := window.wait(number, HEALTH_S)) is not None:
        number = newest
        if (shot := window.look(camera)) is not None and shot.number > told:
            shot, data = window.jpeg(camera) or (shot, b"")
            told = shot.number
            yield _message("frame", {**shown.frame(camera, shot), "jpeg": data})
        heard, events = window.events(heard)
        if events:
            yield _message("events", [shown.event(one) for one in events])
        if monotonic() >= due_s:
            due_s = monotonic() + HEALTH_S
            yield _message("health", _health(site))
        sleep(EVERY_S)


def _health(site: Site) -> dict[str, Any]:
    if site.hosts is None or site.actions is None:
        return {"cameras": [], "sinks": [], "device": None, "can": None}
    return {**shown.health(site.window, site.hosts), "can": site.actions.known()}


def _message(kind: str, told: Any) -> bytes:
    """One server-sent event: JSON has no line breaks."""
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), msgspec.json.encode(told))
