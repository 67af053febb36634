"""Cameras that another program reads: its stdout is raw I420, frame after frame.

For libcamera and Jetson's cameras, and whatever else GStreamer opens. The program is a child of
ours: one that hangs is ended, and started again.
"""

from __future__ import annotations

import fcntl
import os
import re
import select
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic

from edge.errors import UsageError
from edge.pictures.buffers import Buffers
from edge.pictures.planes import planes_of
from edge.records import U8, Picture
from edge.redact import Secret, redacted
from edge.sources.commands import Shape, command, name_of, shape_of
from edge.sources.faults import Lost
from edge.sources.lasting import LastingSource, lasting
from edge.sources.request import SourceRequest

SIZE, FPS = "1280x720", 15.0
SLICE_S, LONGEST_S = 0.1, 1.0  # of a read: without a byte, and in all; the source may have to end
BEGIN_S = 10.0  # within which a program that cannot work has ended: its first start lists plugins
END_S = 2.0  # for the program, to end when it is asked to
SAID_BYTES = 2000  # of its last words
PIPE_BYTES = 1 << 20
SECRET = re.compile(r"pw|pass|token|secret|key", re.IGNORECASE)  # in the name of a property
NO_ELEMENT = re.compile(r'no element "(\w+)"')  # what GStreamer lacks
ELEMENT = "gst-inspect-1.0 lists what is there; Debian: apt-get install gstreamer1.0-plugins-good"
ELEMENTS = {"libcamerasrc": "sudo apt install gstreamer1.0-libcamera, or rpicam-apps"}
USED = "is the camera plugged in, and used by nobody else?"
JETSON = Path("/etc/nv_tegra_release")


class PipedLink:
    """A program that runs."""

    def __init__(self, name: str, words: list[str], shape: Shape) -> None:
        """Raises Lost when it does not start."""
        self._name, self._rows = name, shape.height * 3 // 2
        self._width, self._program = shape.width, Path(words[0]).name
        values = (word.partition("=")[::2] for word in words)
        self._secrets = [Secret(value) for key, value in values if SECRET.search(key)]
        self._buffers = Buffers()
        self._frame: U8 | None = None  # what is being filled
        self._filled, self._said, self._is_mute = 0, b"", False
        try:
            self._child = subprocess.Popen(  # words, no shell
                words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                start_new_session=True,
            )  # fmt: skip
        except OSError as e:
            raise Lost(
                f"{name}: {words[0]}: {e.strerror}",
                fix=f"does it start by hand? {words[0]} --version",
            ) from e
        assert self._child.stdout is not None
        assert self._child.stderr is not None
        self._out, self._err = self._child.stdout.fileno(), self._child.stderr.fileno()
        self._poll = select.poll()
        for pipe in (self._out, self._err):
            self._poll.register(pipe, select.POLLIN)
        os.set_blocking(self._err, False)  # a child of its own may keep it open
        with suppress(OSError):  # where a user may not have as much: more and shorter reads
            fcntl.fcntl(self._out, fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def begin(self, is_stopped: Callable[[], bool]) -> None:
        """Raises Lost where it ends before its first frame: it cannot do what is asked of it."""
        ends_s = monotonic() + BEGIN_S
        while monotonic() < ends_s and not is_stopped():
            told = self._poll.poll(SLICE_S * 1e3)
            readable = {pipe for pipe, what in told if what & select.POLLIN}  # no end of it
            if self._child.poll() is not None:
                raise self._ended()
            if self._out in readable:
                return
            if self._err in readable:
                self._listen()

    def read(self) -> Picture | None:
        """A frame, once it is whole. Raises Lost when the program ends."""
        ends_s = monotonic() + LONGEST_S
        while readable := {pipe for pipe, _ in self._poll.poll(SLICE_S * 1e3)}:
            if monotonic() > ends_s:
                break  # it talks, and shows nothing
            if self._err in readable:
                self._listen()
            if self._out in readable and (frame := self._fill()) is not None:
                return planes_of(frame, "I420")
        return None

    def close(self) -> None:
        """Also a program that does not want to end."""
        self._child.terminate()
        try:
            self._child.wait(END_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        for pipe in (self._child.stdout, self._child.stderr):
            if pipe is not None:
                pipe.close()

    def _fill(self) -> U8 | None:
        """A part of a frame; the whole of it with its last."""
        if self._frame is None:
            self._frame = self._buffers.array(self._rows, self._width)
        got = os.readv(self._out, [self._frame.reshape(-1)[self._filled :].data])
        if got == 0:
            raise self._ended()
        self._filled += got
        if self._filled < self._frame.size:
            return None
        frame, self._frame, self._filled = self._frame, None, 0
        return frame

    def _listen(self) -> None:
        try:
            said = os.read(self._err, 65536)
        except BlockingIOError:
            return
        self._said = (self._said + said)[-SAID_BYTES:]
        if not said:
            self._poll.unregister(self._err)
            self._is_mute = True

    def _ended(self) -> Lost:
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(END_S)
        if not self._is_mute:
            self._listen()
        said = self._said.decode("utf-8", "replace")
        lines = redacted(said, self._secrets).strip().splitlines()
        last = next((line for line in lines if "ERROR" in line.upper()), "".join(lines[-1:]))
        says = f"{self._name}: {self._program} ended ({last or 'without a word'}), expected frames"
        found = NO_ELEMENT.search(last)
        return Lost(says, fix=USED if found is None else ELEMENTS.get(found[1], ELEMENT))


def open_from(request: SourceRequest) -> LastingSource:
    """Raises SourceError when there is no program for it, UsageError for what is no camera."""
    size = request.options.text("size", SIZE)
    fps = request.options.number("fps", FPS, 0.1, 240)
    try:
        shape = shape_of(size, fps)
    except ValueError as e:
        raise UsageError(f"{request.name}: size {e}", fix=f"leave it out for {SIZE}") from None
    words = command(request.text, shape, _has, JETSON.exists())
    named = request.shown_as(name_of(request.text))
    if request.is_patient:
        return lasting(named, lambda: PipedLink(named.name, words, shape))
    link = PipedLink(named.name, words, shape)
    try:
        link.begin(request.is_stopped)
    except Lost:
        link.close()
        raise
    return lasting(named, lambda: PipedLink(named.name, words, shape), link)


def _has(program: str) -> bool:
    return shutil.which(program) is not None
