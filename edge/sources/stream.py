"""Streams: rtsp:// and http:// addresses, through PyAV (extra `video`).

A user and a password in the address reach FFmpeg and nothing else: names and messages are made from
`without_secrets`, and FFmpeg's own messages, which quote the address, are not passed on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from edge.clock import utc_now
from edge.errors import SourceError
from edge.records import Frame, Picture
from edge.redact import without_secrets
from edge.sources.decoder import FFmpegError, open_address, picture_of
from edge.sources.newest import Newest

TIMEOUT_S = 10.0  # to open, and between two packets


class StreamSource:
    """A live stream gives its newest frame; an address of a clip gives every frame."""

    count: int | None = None

    def __init__(
        self, name: str, container: Any, every_s: float, is_stopped: Callable[[], bool]
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
                yield Frame(self.name, index, utc_now(), picture_of(picture), at_s=picture.time)
            index += 1

    def _read(self) -> Picture:
        picture = self._next()
        if picture is None:
            raise SourceError(f"{self.name}: the stream ended")
        return picture_of(picture)

    def _next(self) -> Any:
        try:
            return next(self._decoded, None)
        except FFmpegError as e:
            raise SourceError(f"{self.name}: {e.strerror}") from None  # its text quotes the address


def open_from(text: str, every_s: float, is_stopped: Callable[[], bool]) -> StreamSource:
    """The stream at `text`. Raises SourceError when it does not answer or holds no video."""
    name = without_secrets(text)
    # over TCP: RTP packets lost on UDP turn into smeared pictures that look like things
    options = {"rtsp_transport": "tcp"} if text.lower().startswith("rtsp") else {}
    try:
        container = open_address(text, options, TIMEOUT_S)
    except (FFmpegError, ValueError) as e:
        reason = getattr(e, "strerror", None) or "not an address that FFmpeg takes"
        raise SourceError(
            f"{name}: {reason}",
            fix="check the address, the user and the password with the camera's own page",
        ) from None  # its text quotes the address
    if not container.streams.video:
        container.close()
        raise SourceError(f"{name}: no video in this stream")
    return StreamSource(name, container, every_s, is_stopped)
