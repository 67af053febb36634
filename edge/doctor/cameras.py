"""Cameras and streams: which there are, may we open them, do they give frames."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from edge.doctor.finding import Finding, fail, ok, warn
from edge.errors import EdgeError, SourceError
from edge.pictures import pixels
from edge.redact import without_secrets
from edge.sources import open_source
from edge.sources.usb import found_cameras

AREA = "camera"
ANSWERS = "is it plugged in, switched on, and used by nobody else?"
PLUG = "plug a camera in; in a container, pass it: --device /dev/video0"
GROUP = 'sudo usermod -aG video "$USER", then log in again'


def nodes(
    dev: Path = Path("/dev"), sysfs: Path = Path("/sys/class/video4linux")
) -> Iterator[Finding]:
    """The cameras of this machine, and whether they are ours to open."""
    found = sorted(dev.glob("video[0-9]*"))
    if not sys.platform.startswith("linux"):
        yield warn(AREA, "devices", "not Linux: cannot be listed", "edge-tag doctor --camera 0")
        return
    if not found:
        yield warn(AREA, "devices", found_cameras(dev, sysfs), PLUG)
        return
    yield ok(AREA, "devices", found_cameras(dev, sysfs))
    closed = [node.name for node in found if not os.access(node, os.R_OK | os.W_OK)]
    if closed:
        yield warn(AREA, "permissions", f"no permission to open {', '.join(closed)}", GROUP)
    else:
        yield ok(AREA, "permissions", "all of them may be opened")


def named(
    texts: Sequence[str],
    is_stopped: Callable[[], bool],
    names: Sequence[str | None] | None = None,
) -> Iterator[Finding]:
    """Each source that was named, opened, and its first frame. names: of a config file."""
    for text, name in zip(texts, names or [None] * len(texts), strict=True):
        shown = name or without_secrets(text)
        try:
            yield ok(AREA, shown, _first(text, name, is_stopped))
        except EdgeError as e:
            yield fail(AREA, shown, e)


def _first(text: str, name: str | None, is_stopped: Callable[[], bool]) -> str:
    with closing(open_source(text, is_stopped=is_stopped, name=name)) as source:
        for frame in source.frames():
            if frame.pixels is None:
                raise SourceError(frame.error, fix=frame.fix or ANSWERS)
            width, height = pixels.size(frame.pixels)
            return f"gives frames of {width} x {height}"
    raise SourceError(f"{without_secrets(text)}: gives no frame, expected one", fix=ANSWERS)
