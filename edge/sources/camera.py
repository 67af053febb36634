"""A camera of this machine, through OpenCV (V4L2 on Linux)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from edge.errors import SourceError
from edge.newest import PATIENCE_S, Newest
from edge.records import U8, Frame
from edge.sources import camera_number


class Capture(Protocol):
    """What is used of `cv2.VideoCapture`."""

    def read(self) -> tuple[bool, Any]: ...
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
        self._is_stopped = is_stopped
        self.newest = Newest(self._read, name, every_s, patience_s)

    def frames(self) -> Iterator[Frame]:
        return self.newest.frames(self._is_stopped)

    def close(self) -> None:
        if self.newest.close():  # a capture released while a read hangs in it crashes the process
            self._capture.release()

    def _read(self) -> U8 | None:
        ok, bgr = self._capture.read()
        if not ok:
            return None
        return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


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
