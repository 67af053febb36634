"""Video through PyAV (extra `video`): frames as planes, where the decoder keeps them so."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from fractions import Fraction

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from edge.pictures.planes import CONVERSIONS
from edge.records import U8, Picture, Planes
from edge.sources.faults import Kind

WIDTHS = {"yuv420p": (1, 2, 2), "nv12": (1, 1)}  # of the frame, over bytes in a row of each plane

# Numbers: PyAV 13 has no name for "unspecified", as most frames are, and compares names with names.
FULL_RANGE, BT_709 = int(ColorRange.JPEG.value), int(Colorspace.ITU709.value)

# Of a frame; the largest cameras for boards have 64 million. FFmpeg itself takes four times that,
# and a camera that means ill, or is broken, would have all cameras ended for want of memory.
MOST_PIXELS = 1 << 26
BOUNDS = {"max_pixels": str(MOST_PIXELS)}  # of a decoder

FFmpegError = av.FFmpegError
REFUSED_SIZE = av.error.ArgumentError  # what FFmpeg says of a larger one
LATE = (av.error.TimeoutError, av.error.ExitError)  # the second: PyAV's own clock
REFUSED = (av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError)
JPEG_END = b"\xff\xd9"


def open_address(text: str, options: dict[str, str], timeout_s: float) -> InputContainer:
    """What answers at an address. Raises FFmpegError and ValueError, whose text may quote it."""
    return av.open(text, options={**BOUNDS, **options}, timeout=timeout_s)


def kind_of_error(error: av.FFmpegError) -> Kind:
    """What a live source suffers from."""
    if isinstance(error, LATE):
        return "timeout"
    return "refused" if isinstance(error, REFUSED) else "lost"


class Frames:
    """The frames of what is open, one by one, and whether each is whole."""

    def __init__(self, container: InputContainer) -> None:
        self._stream = container.streams.video[0]
        # FFmpeg's threads by slice do not tell of damage, those by frame delay every frame.
        self._stream.thread_type = "NONE"
        self._stream.codec_context.options = BOUNDS
        self._packets = container.demux(self._stream)
        self._decoded: deque[VideoFrame] = deque()  # of one packet
        self._is_cut = False  # that packet
        self.is_torn = False  # the last frame is damaged, or follows one that is

    def next(self) -> VideoFrame | None:
        """None at the end. Raises FFmpegError when it breaks, ValueError where no frame can be made
        of what came.

        What refers to a damaged frame is damaged too: up to the next that refers to none.
        """
        while not self._decoded:
            packet = next(self._packets, None)
            if packet is None:
                return None
            try:
                self._decoded.extend(f for f in packet.decode() if isinstance(f, VideoFrame))
            except av.error.InvalidDataError:
                self.is_torn = True
                raise ValueError("a packet that holds no frame") from None  # it quotes the address
            is_jpeg = self._stream.codec_context.name == "mjpeg"
            self._is_cut = is_jpeg and packet.size > 0 and not _is_whole(packet)
        frame = self._decoded.popleft()
        is_damaged = frame.is_corrupt or self._is_cut
        self.is_torn = is_damaged or (self.is_torn and not frame.key_frame)
        return frame


def _is_whole(packet: Packet[VideoStream]) -> bool:
    """A JPEG that is cut short decodes all the same, with whatever lay in memory below the cut."""
    return JPEG_END in bytes(packet)[-64:]  # some cameras fill up behind it


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
    is_usual = frame.color_range != FULL_RANGE and frame.colorspace != BT_709
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
