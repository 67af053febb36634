"""A camera of this machine, through OpenCV (V4L2 on Linux).

One that gives brightness and colour apart is read as it is; of any other OpenCV makes BGR.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from edge.errors import SourceError
from edge.pictures.buffers import Buffers
from edge.pictures.pixels import from_bgr
from edge.pictures.planes import planes_of
from edge.records import U8, Frame, Picture, Planes
from edge.sources import camera_number
from edge.sources.newest import PATIENCE_S, Newest

LAYOUTS = {"NV12": "NV12", "YU12": "I420", "I420": "I420", "YV12": "YV12"}  # by V4L2's name


class Capture(Protocol):
    """What is used of `cv2.VideoCapture`."""

    def read(self, image: Any = None) -> tuple[bool, Any]: ...
    def get(self, key: int) -> float: ...
    def set(self, key: int, value: float) -> bool: ...
    def release(self) -> None: ...


class CameraSource:
    """The newest frame of a camera, at most one each `every_s` seconds."""

    is_live = True
    count: int | None = None

    def __init__(
        self,
        name: str,
        capture: Capture,
        every_s: float,
        is_stopped: Callable[[], bool],
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.name = name
        self._capture = capture
        self._layout = apart(capture)
        self._buffers = Buffers()
        self._given: U8 | None = None  # the last frame, as OpenCV gave it
        self._is_stopped = is_stopped
        self.newest = Newest(self._read, name, every_s, patience_s)

    def frames(self) -> Iterator[Frame]:
        return self.newest.frames(self._is_stopped)

    def close(self) -> None:
        if self.newest.close():  # a capture released while a read hangs in it crashes the process
            self._capture.release()

    def _read(self) -> Picture | None:
        """Into memory that nobody uses any more: planes are passed on as they are read."""
        into = self._given
        if self._layout is not None and into is not None:
            into = self._given = self._buffers.array(*into.shape)
        ok, given = self._capture.read(into)
        if not ok:
            return None
        self._given = np.asarray(given, np.uint8)
        if self._layout is not None and self._given.ndim == 2:
            return self._planes(self._given, self._layout)
        if self._given.ndim != 3:
            raise SourceError(f"{self.name}: frame is {self._given.shape}, expected (H, W, 3)")
        return from_bgr(self._given, self._buffers.array(*self._given.shape))

    def _planes(self, stacked: U8, layout: str) -> Planes | None:
        """None for what does not hold such planes; OpenCV converts from then on, if it can."""
        try:
            return planes_of(stacked, layout)
        except ValueError:
            self._layout = None
            self._capture.set(cv2.CAP_PROP_CONVERT_RGB, 1)
            return None


def open_from(text: str, every_s: float, is_stopped: Callable[[], bool]) -> CameraSource:
    """Camera `text`, like `camera:0`. Raises SourceError, with what was found instead."""
    number = camera_number(text)
    on_linux = sys.platform.startswith("linux")
    if on_linux:
        check_camera(number)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # our error says it all
    capture = cv2.VideoCapture(number, cv2.CAP_V4L2 if on_linux else cv2.CAP_ANY)
    if not capture.isOpened():
        raise SourceError(
            f"camera:{number}: is there but does not open, expected a camera that gives pictures; "
            f"found {found_cameras()}",
            fix="close the program that uses it, or try another number: some cameras have several",
        )
    return CameraSource(f"camera:{number}", capture, every_s, is_stopped)


def apart(capture: Capture) -> str | None:
    """How its planes lie, with OpenCV told to leave them so; None when it gives something else.

    The format is the one it has: another one may be slower, or smaller, and is not ours to choose.
    """
    number = int(capture.get(cv2.CAP_PROP_FOURCC))
    name = "".join(chr(number >> shift & 0xFF) for shift in (0, 8, 16, 24))
    if name in LAYOUTS and capture.set(cv2.CAP_PROP_CONVERT_RGB, 0):
        return LAYOUTS[name]
    return None


def check_camera(
    number: int, dev: Path = Path("/dev"), sysfs: Path = Path("/sys/class/video4linux")
) -> None:
    """Raises SourceError when there is no such camera or it is not ours; OpenCV tells neither."""
    node = dev / f"video{number}"
    if not node.exists():
        raise SourceError(
            f"camera:{number}: no {node}, found {found_cameras(dev, sysfs)}",
            fix="plug a camera in, or name one that was found, like --camera 0",
        )
    if not os.access(node, os.R_OK | os.W_OK):
        raise SourceError(
            f"camera:{number}: permission denied on {node}",
            fix='sudo usermod -aG video "$USER", then log in again',
        )


def found_cameras(dev: Path = Path("/dev"), sysfs: Path = Path("/sys/class/video4linux")) -> str:
    """The cameras of this machine in words, like `/dev/video0 (HD Webcam)`."""
    nodes = sorted(dev.glob("video[0-9]*"), key=lambda node: (len(node.name), node.name))
    if not nodes:
        return f"no {dev}/video* at all"
    return ", ".join(f"{node} ({_title(sysfs / node.name / 'name')})" for node in nodes)


def _title(file: Path) -> str:
    try:
        return file.read_text("utf-8", "replace").strip()
    except OSError:
        return "no name"
