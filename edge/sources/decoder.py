"""Video through PyAV (extra `video`): frames as planes, where the decoder keeps them so."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from fractions import Fraction

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, Colorspace

from edge.pictures.planes import CONVERSIONS
from edge.records import U8, Picture, Planes

WIDTHS = {"yuv420p": (1, 2, 2), "nv12": (1, 1)}  # of the frame, over bytes in a row of each plane

FFmpegError = av.FFmpegError


def open_address(text: str, options: dict[str, str], timeout_s: float) -> InputContainer:
    """What answers at an address. Raises FFmpegError and ValueError, whose text may quote it."""
    return av.open(text, options=options, timeout=timeout_s)


class Clip:
    """A video file, frame by frame. Not thread-safe."""

    def __init__(self, path: str) -> None:
        """Raises ValueError for what PyAV cannot read as a clip."""
        try:
            self._container = av.open(path)
        except FFmpegError as e:
            raise ValueError(f"{path}: {e.strerror}, expected a clip") from e
        if not self._container.streams.video:
            self._container.close()
            raise ValueError(f"{path}: no video, expected a clip")
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "AUTO"  # several frames at once: nobody waits for this one alone
        self.fps = float(self._stream.guessed_rate or self._stream.average_rate or Fraction(0))
        self._packets = self._container.demux(self._stream)
        self._decoded: deque[VideoFrame] = deque()  # of one packet
        self._frame: VideoFrame | None = None

    @property
    def stated(self) -> int:
        """The frames the container says it holds; 0 when it does not say."""
        if self._stream.frames:
            return int(self._stream.frames)
        return round((self._container.duration or 0) / av.time_base * self.fps)

    @property
    def is_upright(self) -> bool:
        """Is it shown as it is stored? Frames of a telephone may have to be turned."""
        self._decode()
        return not self._decoded or not getattr(self._decoded[0], "rotation", 0)

    def grab(self) -> bool:
        """Go to the next frame; False at the end."""
        self._decode()
        self._frame = self._decoded.popleft() if self._decoded else None
        return self._frame is not None

    def picture(self) -> Picture | None:
        """The frame that was gone to."""
        return None if self._frame is None else picture_of(self._frame)

    def close(self) -> None:
        self._container.close()

    def _decode(self) -> None:
        """Until there is a frame. What is damaged is left out, as FFmpeg's own players do."""
        while not self._decoded:
            try:
                packet = next(self._packets, None)
            except FFmpegError:
                return
            if packet is None:
                return
            with suppress(FFmpegError):
                self._decoded.extend(f for f in packet.decode() if isinstance(f, VideoFrame))


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
        CONVERSIONS.add()
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
