"""Streams: rtsp:// and http:// addresses, through PyAV (extra `video`).

A user and a password in the address reach FFmpeg and nothing else: names and messages are made from
`without_secrets`, and FFmpeg's own messages, which quote the address, are not passed on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, Colorspace

from edge.clock import utc_now
from edge.errors import SourceError
from edge.newest import Newest
from edge.records import U8, Frame, Picture, Planes
from edge.sources import without_secrets

WIDTHS = {"yuv420p": (1, 2, 2), "nv12": (1, 1)}  # of the frame, over bytes in a row of each plane
TIMEOUT_S = 10.0  # to open, and between two packets


class StreamSource:
    """A live stream gives its newest frame; an address of a clip gives every frame."""

    count: int | None = None

    def __init__(
        self, name: str, container: InputContainer, every_s: float, is_stopped: Callable[[], bool]
    ) -> None:
        self.name = name
        self.is_live = container.duration is None
        self._container = container
        self._decoded = container.decode(video=0)
        self._every_s = every_s
        self._is_stopped = is_stopped
        self.newest = Newest(self._read, name, every_s) if self.is_live else None

    def frames(self) -> Iterator[Frame]:
        if self.newest is not None:
            return self.newest.frames(self._is_stopped)
        return self._all_frames()

    def close(self) -> None:
        if self.newest is None or self.newest.close():
            self._container.close()

    def _all_frames(self) -> Iterator[Frame]:
        due_s = float("-inf")  # time within the clip
        index = 0
        while not self._is_stopped() and (picture := self._next()) is not None:
            now_s = picture.time if picture.time is not None else due_s
            if now_s >= due_s:
                due_s = now_s + self._every_s
                yield Frame(self.name, index, utc_now(), picture_of(picture))
            index += 1

    def _read(self) -> Picture:
        picture = self._next()
        if picture is None:
            raise SourceError(f"{self.name}: the stream ended")
        return picture_of(picture)

    def _next(self) -> VideoFrame | None:
        try:
            return next(self._decoded, None)
        except av.FFmpegError as e:
            raise SourceError(f"{self.name}: {e.strerror}") from None  # its text quotes the address


def open_from(text: str, every_s: float, is_stopped: Callable[[], bool]) -> StreamSource:
    """The stream at `text`. Raises SourceError when it does not answer or holds no video."""
    name = without_secrets(text)
    # over TCP: RTP packets lost on UDP turn into smeared pictures that look like things
    options = {"rtsp_transport": "tcp"} if text.lower().startswith("rtsp") else {}
    try:
        container = av.open(text, options=options, timeout=TIMEOUT_S)
    except (av.FFmpegError, ValueError) as e:
        reason = getattr(e, "strerror", None) or "not an address that FFmpeg takes"
        raise SourceError(
            f"{name}: {reason}",
            fix="check the address, the user and the password with the camera's own page",
        ) from None  # its text quotes the address
    if not container.streams.video:
        container.close()
        raise SourceError(f"{name}: no video in this stream")
    return StreamSource(name, container, every_s, is_stopped)


def picture_of(frame: VideoFrame) -> Picture:
    """A decoded frame: its own planes, not copied, where the runtime can read them; RGB elsewhere.

    Full range (yuvj420p, or "pc" in the stream) is left to FFmpeg: read as limited range, what lies
    below 16 and above 235 would be cut off, and what lies between would gain contrast. So is what
    says that its colours are BT.709: read as BT.601 they are off by up to 30 of 255 levels.
    """
    width, height, name = frame.width, frame.height, frame.format.name
    is_even = width % 2 == height % 2 == 0
    is_usual = frame.color_range != ColorRange.JPEG and frame.colorspace != Colorspace.ITU709
    if name not in WIDTHS or not is_usual or not is_even:
        return np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)  # (H, W, 3)
    luma, *chroma = map(_rows, frame.planes, [width // n for n in WIDTHS[name]])
    if name == "nv12":
        chroma = [chroma[0].reshape(height // 2, width // 2, 2)]
    return Planes(luma, tuple(chroma))


def _rows(plane: VideoPlane, width: int) -> U8:
    """(H, width) bytes: a view that keeps the frame alive, read only as the decoder may use it."""
    count = plane.height * plane.line_size
    held: U8 = np.frombuffer(plane, np.uint8, count)  # type: ignore[call-overload]
    held.flags.writeable = False
    return held.reshape(plane.height, plane.line_size)[:, :width]
