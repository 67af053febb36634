"""Clips: video files and animated pictures. Through PyAV where it is installed (extra `video`),
whose frames come as planes, else through OpenCV's own FFmpeg, which makes each one RGB.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from edge.clock import utc_now
from edge.errors import SourceError
from edge.pictures.buffers import Buffers
from edge.pictures.pixels import from_bgr
from edge.records import U8, Frame, Picture
from edge.redact import encodable
from edge.sources.request import SourceRequest

AGAIN = "the file is cut short or damaged: copy or record it again"
EARLY = 0.9  # containers state their length roughly; a clip that ends before this share is damaged


class Reader(Protocol):
    """An open clip."""

    @property
    def fps(self) -> float: ...

    @property
    def stated(self) -> int:
        """The frames the container says it holds; 0 when it does not say."""
        ...

    def grab(self) -> bool:
        """Decode the next frame; False at the end."""
        ...

    def picture(self) -> Picture | None:
        """The frame that was decoded; None when it is damaged."""
        ...

    def close(self) -> None: ...


class ClipSource:
    """Every frame of a clip, or one each `every_s` seconds of it."""

    is_live = False
    newest = None

    def __init__(self, name: str, every_s: float, is_stopped: Callable[[], bool]) -> None:
        """Does not fail: a clip that cannot be opened says so when its frames are asked for."""
        self.name = name
        self.count: int | None = None
        self._every_s = every_s
        self._is_stopped = is_stopped
        with suppress(SourceError), _opened(name) as clip:
            self.count = -(-clip.stated // self._step(clip)) or None

    def frames(self) -> Iterator[Frame]:
        with _opened(self.name) as clip:
            step, index = self._step(clip), 0
            while not self._is_stopped():
                if not clip.grab():
                    self._check_end(index, clip.stated)
                    return
                if index % step == 0:  # the others are decoded and not converted
                    yield self._frame(clip, index)
                index += 1

    def close(self) -> None:
        """Nothing is held open between clips: there may be many."""

    def _step(self, clip: Reader) -> int:
        return max(1, round(self._every_s * clip.fps)) if _is_known(clip.fps) else 1

    def _frame(self, clip: Reader, index: int) -> Frame:
        at_s = index / clip.fps if _is_known(clip.fps) else None
        picture = clip.picture()
        name = encodable(self.name)
        error = "" if picture is not None else f"{name}: frame {index} is damaged"
        return Frame(name, index, utc_now(), picture, error, at_s, error and AGAIN)

    def _check_end(self, read: int, stated: int) -> None:
        if read == 0 or read < stated * EARLY - 1:
            expected = stated or "at least 1"
            raise SourceError(
                f"{self.name}: the clip ends after {read} frames, expected {expected}",
                fix=AGAIN,
            )


class OpenCVClip:
    """A clip through OpenCV: turned as its container says, and every frame RGB."""

    def __init__(self, path: str) -> None:
        """Raises ValueError for what cannot be read as a clip."""
        if path != encodable(path):
            raise ValueError(f"{path}: OpenCV dies of such a name, expected UTF-8")
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # quiet; read at FFmpeg's first use
        self._clip = cv2.VideoCapture(path, cv2.CAP_FFMPEG)
        if not self._clip.isOpened():
            raise ValueError(f"{path}: FFmpeg cannot read it, expected a clip")
        self.fps = self._clip.get(cv2.CAP_PROP_FPS)
        self._bgr: U8 | None = None
        self._buffers = Buffers()

    @property
    def stated(self) -> int:
        count = self._clip.get(cv2.CAP_PROP_FRAME_COUNT)
        return int(count) if 0 < count < 1e9 else 0

    def grab(self) -> bool:
        return bool(self._clip.grab())

    def picture(self) -> U8 | None:
        ok, bgr = self._clip.retrieve(self._bgr)
        if not ok:
            return None
        self._bgr = np.asarray(bgr, np.uint8)
        return from_bgr(self._bgr, self._buffers.array(*self._bgr.shape))

    def close(self) -> None:
        self._clip.release()


def open_from(request: SourceRequest) -> ClipSource:
    """The clip that was asked for."""
    return ClipSource(request.text, request.every_s, request.is_stopped)


def open_reader(path: str) -> Reader:
    """PyAV's, where it is installed and reads the clip the right way up; else OpenCV's.

    Raises ValueError when neither can.
    """
    try:
        through_av: Any = import_module("edge.sources.decoder")
        clip: Any = through_av.Clip(path)
    except (ImportError, ValueError):
        return OpenCVClip(path)
    if clip.is_upright:
        return clip  # type: ignore[no-any-return]  # mypy cannot look into what may not be there
    clip.close()
    return OpenCVClip(path)


def _is_known(fps: float) -> bool:
    return 0 < fps < 1e4


@contextmanager
def _opened(name: str) -> Iterator[Reader]:
    """The clip. Raises SourceError when it cannot be opened."""
    try:
        size = Path(name).stat().st_size
        Path(name).open("rb").close()  # FFmpeg does not say why it could not
    except OSError as e:
        raise SourceError(
            f"{name}: {e.strerror}", fix="ls -l tells what is there, and who may read it"
        ) from e
    try:
        # an absolute path: FFmpeg would take the front of `a:b.mp4` for a protocol
        clip = open_reader(str(Path(name).absolute()))
    except ValueError as e:
        message = f"{encodable(name)}: {size} bytes that FFmpeg cannot read, expected a clip"
        raise SourceError(
            message, fix="does a player show it? then save it as MP4; else copy it again"
        ) from e
    try:
        yield clip
    finally:
        clip.close()
