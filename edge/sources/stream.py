"""Streams: rtsp:// and http:// addresses, through PyAV (extra `video`); and the one picture that a
camera has at an address, and renews.

A user and a password reach FFmpeg and nothing else: names and messages are made from
`without_secrets`, and FFmpeg's own messages, which quote the address, are not passed on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from time import monotonic, sleep
from typing import Any
from urllib.parse import quote

from edge.clock import utc_now
from edge.errors import UsageError
from edge.records import Frame, Picture
from edge.redact import Secret
from edge.sources.decoder import (
    MOST_PIXELS,
    REFUSED_SIZE,
    FFmpegError,
    Frames,
    kind_of_error,
    open_address,
    picture_of,
)
from edge.sources.faults import Damaged, Kind, Lost
from edge.sources.lasting import NETWORK, LastingSource, Link, habits, lasting
from edge.sources.request import SourceRequest

STILL = re.compile(r"image2|\w+_pipe")  # FFmpeg's names for the formats of one picture
STILL_S = 1.0  # from one to the next, where nobody says
SLICE_S = 0.05  # of a wait
FIX = "check the address, the user and the password with the camera's own page"
ON = "is the camera still switched on?"
SMALLER = "have the camera send smaller pictures"


class StreamLink:
    """A live stream that is open: every whole frame of it."""

    def __init__(self, name: str, container: Any) -> None:
        self._name, self._container = name, container
        self._frames = Frames(container)

    def read(self) -> Picture | None:
        try:
            frame = self._frames.next()
        except FFmpegError as e:
            raise _lost(self._name, e, is_open=True) from None  # its text quotes the address
        except ValueError as e:
            raise Damaged(f"{self._name}: {e}, expected one", fix=NETWORK) from e
        if frame is None:
            raise Lost(f"{self._name}: the stream ended", fix=ON)
        if self._frames.is_torn:
            raise Damaged(f"{self._name}: a frame is damaged, expected a whole one", fix=NETWORK)
        return picture_of(frame)

    def close(self) -> None:
        self._container.close()


class StillLink:
    """The address of a picture, fetched again and again.

    first   the first time, which is open
    opened  opens it; raises Lost
    pace_s  from one time to the next
    """

    def __init__(
        self, name: str, first: Any, opened: Callable[[], Any], pace_s: float = STILL_S
    ) -> None:
        self._name, self._first, self._opened = name, first, opened
        self._pace_s, self._due_s = pace_s, monotonic()

    def read(self) -> Picture | None:
        wait_s = self._due_s - monotonic()
        if wait_s > 0:
            sleep(min(wait_s, SLICE_S))
            return None
        container, self._first = self._first or self._opened(), None
        self._due_s = monotonic() + self._pace_s
        link = StreamLink(self._name, container)
        try:
            return link.read()
        finally:
            link.close()

    def close(self) -> None:
        if self._first is not None:
            self._first.close()


class AddressedClip:
    """An address of a clip, or of a picture: every frame, or one each `every_s` seconds of it."""

    is_live = False
    count: int | None = None
    newest = None

    def __init__(self, request: SourceRequest, container: Any) -> None:
        self.name = request.name
        self._request, self._container = request, container

    def frames(self) -> Iterator[Frame]:
        frames = Frames(self._container)
        due_s = float("-inf")  # time within the clip
        index = 0
        while not self._request.is_stopped():
            try:
                frame = frames.next()
            except FFmpegError as e:
                raise _lost(self.name, e) from None  # its text quotes the address
            except ValueError:
                continue
            if frame is None:
                return
            now_s = frame.time if frame.time is not None else due_s
            if now_s >= due_s:
                due_s = now_s + self._request.every_s
                yield Frame(self.name, index, utc_now(), picture_of(frame), at_s=frame.time)
            if _is_still(self._container):
                return  # FFmpeg may call what follows an error: no length was told
            index += 1

    def close(self) -> None:
        self._container.close()


def open_from(request: SourceRequest) -> LastingSource | AddressedClip:
    """A stream or a clip; or a picture, which is looked at once, unless the source has a pace or
    may be waited for: then it is a camera's, which renews it.

    Raises SourceError when it does not answer or holds no video.
    """
    words: dict[str, str] = {}
    if request.text.lower().startswith("rtsp"):
        # over TCP: RTP packets lost on UDP turn into smeared pictures that look like things
        words["rtsp_transport"] = request.options.word("transport", "tcp", ("tcp", "udp"))
        words["fpsprobesize"] = "0"  # nobody asks for its rate, and to guess it takes seconds
    user, secret = request.options.text("user"), request.options.secret("password")
    timeout_s = habits(request).timeout_s  # what is unknown is told before anything is opened
    opened = partial(_open, request.name, with_user(request, user, secret), words, timeout_s)

    def connect() -> Link:
        return _linked(request, opened(), opened)

    if request.is_patient and words:
        return lasting(request, connect)
    try:
        container = opened()
    except Lost:
        if not request.is_patient:
            raise
        return lasting(request, connect, slack_s=request.every_s)
    is_once = not request.is_patient and not request.every_s
    if is_once if _is_still(container) else container.duration is not None:
        return AddressedClip(request, container)
    return lasting(request, connect, _linked(request, container, opened), slack_s=request.every_s)


def _linked(request: SourceRequest, container: Any, opened: Callable[[], Any]) -> Link:
    if _is_still(container):
        return StillLink(request.name, container, opened, request.every_s or STILL_S)
    return StreamLink(request.name, container)


def _is_still(container: Any) -> bool:
    return STILL.fullmatch(container.format.name) is not None


def with_user(request: SourceRequest, user: str, secret: Secret | None) -> Secret:
    """The address with its user and password. Raises UsageError for one without the other."""
    if not user and secret is None:
        return Secret(request.text)
    if not user or secret is None or "@" in request.text:
        raise UsageError(
            f"{request.name}: user, or password-file, or an address with both is found, expected "
            "#user=NAME,password-file=FILE alone",
            fix="give both, and neither in the address itself",
        )
    scheme, _, rest = request.text.partition("://")
    return Secret(f"{scheme}://{quote(user, safe='')}:{quote(secret.reveal(), safe='')}@{rest}")


def _open(name: str, address: Secret, words: dict[str, str], timeout_s: float) -> Any:
    """What answers. Raises Lost, without the address."""
    began_s = monotonic()
    try:
        container = open_address(address.reveal(), words, timeout_s)
    except FFmpegError as e:
        is_late = monotonic() >= began_s + timeout_s  # FFmpeg may call it something else
        raise _lost(name, e, is_late=is_late) from None  # its text quotes the address
    except ValueError:
        raise Lost(f"{name}: not an address that FFmpeg takes", fix=FIX) from None
    if not container.streams.video:
        container.close()
        raise Lost(
            f"{name}: no video in this stream",
            fix="take the address of its pictures from the camera's own page",
        )
    _check_size(name, container)
    return container


def _check_size(name: str, container: Any) -> None:
    """Raises Lost; the container is closed then. What does not say its size now says it later."""
    stream = container.streams.video[0]
    width, height = stream.width, stream.height
    if width * height > MOST_PIXELS:
        container.close()
        says = f"pictures are {width} x {height} px, expected at most {MOST_PIXELS:,} in all"
        raise Lost(f"{name}: {says}", fix=SMALLER)


def _lost(name: str, error: FFmpegError, *, is_late: bool = False, is_open: bool = False) -> Lost:
    """is_open: it gave frames, so its address and its password are right."""
    if isinstance(error, REFUSED_SIZE):
        says = f"FFmpeg takes none of its pictures; they may have more than {MOST_PIXELS:,} px"
        return Lost(f"{name}: {says}", fix=SMALLER)
    kind: Kind = "timeout" if is_late else kind_of_error(error)
    words = {"timeout": "no answer in time", "refused": "user or password is refused"}
    if is_open:
        words["lost"] = f"the stream broke off: {error.strerror}"
    return Lost(f"{name}: {words.get(kind, error.strerror)}", kind=kind, fix=ON if is_open else FIX)
