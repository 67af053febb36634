"""A camera of this machine, through OpenCV (V4L2 on Linux).

One that gives brightness and colour apart is read as it is; of any other OpenCV makes BGR.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from edge.errors import SourceError
from edge.pictures.buffers import Buffers
from edge.pictures.pixels import from_bgr
from edge.pictures.planes import planes_of
from edge.records import U8, Picture, Planes
from edge.sources.faults import Lost
from edge.sources.lasting import LastingSource, lasting
from edge.sources.request import SourceRequest
from edge.sources.usb import DEV, NUMBER, SYSFS, found_cameras, nodes, numbers

LAYOUTS = {"NV12": "NV12", "YU12": "I420", "I420": "I420", "YV12": "YV12"}  # by V4L2's name


class Capture(Protocol):
    """What is used of `cv2.VideoCapture`."""

    def read(self, image: Any = None) -> tuple[bool, Any]: ...
    def get(self, key: int) -> float: ...
    def set(self, key: int, value: float) -> bool: ...
    def release(self) -> None: ...


class CameraLink:
    """An open camera."""

    def __init__(self, name: str, capture: Capture, node: Path | None = None) -> None:
        """node: a file that is gone when the camera is."""
        self._name, self._capture, self._node = name, capture, node
        self._layout = apart(capture)
        self._buffers = Buffers()
        self._given: U8 | None = None  # the last frame, as OpenCV gave it

    def close(self) -> None:
        self._capture.release()

    def read(self) -> Picture | None:
        """Into memory that nobody uses any more: planes are passed on as they are read."""
        into = self._given
        if self._layout is not None and into is not None:
            into = self._given = self._buffers.array(*into.shape)
        try:
            ok, given = self._capture.read(into)
        except cv2.error as e:
            raise Lost(
                f"{self._name}: {e.err}, expected a frame", fix="unplug it and plug it in again"
            ) from e
        if not ok:
            self._check_plug()
            return None
        self._given = np.asarray(given, np.uint8)
        if self._layout is not None and self._given.ndim == 2:
            return self._planes(self._given, self._layout)
        if self._given.ndim != 3:
            raise Lost(
                f"{self._name}: frame is {self._given.shape}, expected (H, W, 3)",
                fix="read it with GStreamer: 'gst:v4l2src device=/dev/videoN'",
            )
        return from_bgr(self._given, self._buffers.array(*self._given.shape))

    def _check_plug(self) -> None:
        if self._node is not None and not self._node.exists():
            raise Lost(
                f"{self._name}: no {self._node} any more, is it unplugged?", fix="plug it in again"
            )

    def _planes(self, stacked: U8, layout: str) -> Planes | None:
        """None for what does not hold such planes; OpenCV converts from then on, if it can."""
        try:
            return planes_of(stacked, layout)
        except ValueError:
            self._layout = None
            self._capture.set(cv2.CAP_PROP_CONVERT_RGB, 1)
            return None


def open_from(request: SourceRequest) -> LastingSource:
    """A camera, like `camera:0`. Raises SourceError, with what was found instead."""
    found = NUMBER.fullmatch(request.text)
    name = f"camera:{int(found[1])}" if found else request.text
    numbers(request.text)  # a wrong form is told at once, and not waited for
    return lasting(request.shown_as(name), lambda: connect(name))


def connect(text: str) -> CameraLink:
    """Whatever number it has now. Raises SourceError."""
    on_linux = sys.platform.startswith("linux")
    number = the_one(text)
    if on_linux:
        check_camera(number)
    capture = cv2.VideoCapture(number, cv2.CAP_V4L2 if on_linux else cv2.CAP_ANY)
    if not capture.isOpened():
        raise SourceError(
            f"{text}: is there but does not open, expected a camera that gives pictures; "
            f"found {found_cameras()}",
            fix="close the program that uses it, or try another number: some cameras have several",
        )
    return CameraLink(text, capture, DEV / f"video{number}" if on_linux else None)


def the_one(text: str, dev: Path = DEV, sysfs: Path = SYSFS) -> int:
    """The number of the camera that `text` names. Raises SourceError unless it is one."""
    found = numbers(text, dev, sysfs)
    if len(found) == 1:
        return found[0]
    seen = found_cameras(dev, sysfs)
    if not found:
        raise SourceError(f"{text}: no such camera, found {seen}", fix="plug it in")
    raise SourceError(
        f"{text}: {len(found)} such cameras, found {seen}",
        fix="add its serial number, usb:VVVV:PPPP:SERIAL, or name its socket: /dev/v4l/by-path/...",
    )


def apart(capture: Capture) -> str | None:
    """How its planes lie, with OpenCV told to leave them so; None when it gives something else.

    The format is the one it has: another one may be slower, or smaller, and is not ours to choose.
    """
    number = int(capture.get(cv2.CAP_PROP_FOURCC))
    name = "".join(chr(number >> shift & 0xFF) for shift in (0, 8, 16, 24))
    if name in LAYOUTS and capture.set(cv2.CAP_PROP_CONVERT_RGB, 0):
        return LAYOUTS[name]
    return None


def check_camera(number: int, dev: Path = DEV, sysfs: Path = SYSFS) -> None:
    """Raises SourceError when there is no such camera or it is not ours; OpenCV tells neither."""
    node = dev / f"video{number}"
    if not node.exists():
        others = [f"--camera {n.number}" for n in nodes(dev, sysfs) if n.place == 0]
        raise SourceError(
            f"camera:{number}: no {node}, found {found_cameras(dev, sysfs)}",
            fix=" or ".join(others[:3]) or "plug a camera in; without one: edge-tag test://belt",
        )
    if not os.access(node, os.R_OK | os.W_OK):
        raise SourceError(
            f"camera:{number}: permission denied on {node}",
            fix='sudo usermod -aG video "$USER", then log in again',
        )
