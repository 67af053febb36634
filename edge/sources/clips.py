"""Clips: video files and animated pictures, through OpenCV's FFmpeg."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2
import numpy as np

from edge.clock import utc_now
from edge.errors import SourceError
from edge.records import Frame

EARLY = 0.9  # containers state their length roughly; a clip that ends before this share is damaged


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
            self.count = -(-_stated(clip) // self._step(clip)) or None

    def frames(self) -> Iterator[Frame]:
        with _opened(self.name) as clip:
            step, index = self._step(clip), 0
            while not self._is_stopped():
                if not clip.grab():
                    self._check_end(index, _stated(clip))
                    return
                if index % step == 0:  # the others are decoded and not converted
                    yield self._frame(clip, index)
                index += 1

    def close(self) -> None:
        """Nothing is held open between clips: there may be many."""

    def _step(self, clip: cv2.VideoCapture) -> int:
        fps = clip.get(cv2.CAP_PROP_FPS)
        return max(1, round(self._every_s * fps)) if 0 < fps < 1e4 else 1

    def _frame(self, clip: cv2.VideoCapture, index: int) -> Frame:
        ok, bgr = clip.retrieve()
        if not ok:
            return Frame(
                self.name, index, utc_now(), None, f"{self.name}: frame {index} is damaged"
            )
        rgb = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
        return Frame(self.name, index, utc_now(), rgb)

    def _check_end(self, read: int, stated: int) -> None:
        if read == 0 or read < stated * EARLY - 1:
            expected = stated or "at least 1"
            raise SourceError(
                f"{self.name}: the clip ends after {read} frames, expected {expected}",
                fix="the file is cut short or damaged: copy or record it again",
            )


def open_from(text: str, every_s: float, is_stopped: Callable[[], bool]) -> ClipSource:
    """The clip at `text`."""
    return ClipSource(text, every_s, is_stopped)


def _stated(clip: cv2.VideoCapture) -> int:
    """The frames the container says it holds; 0 when it does not say."""
    count = clip.get(cv2.CAP_PROP_FRAME_COUNT)
    return int(count) if 0 < count < 1e9 else 0


@contextmanager
def _opened(name: str) -> Iterator[cv2.VideoCapture]:
    """The clip. Raises SourceError when it cannot be opened."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # quiet; read when FFmpeg is first used
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # our error says it all
    try:
        size = Path(name).stat().st_size
        Path(name).open("rb").close()  # OpenCV does not say why it could not
    except OSError as e:
        raise SourceError(f"{name}: {e.strerror}") from e
    # an absolute path: FFmpeg would take the front of `a:b.mp4` for a protocol
    clip = cv2.VideoCapture(str(Path(name).absolute()), cv2.CAP_FFMPEG)
    if not clip.isOpened():
        raise SourceError(f"{name}: {size} bytes that FFmpeg cannot read, expected a clip")
    try:
        yield clip
    finally:
        clip.release()
