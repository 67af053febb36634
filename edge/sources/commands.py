"""The command that writes a camera's frames to its stdout, raw I420. Pure: nothing is started here.

    csi://0                    a camera on the board's own connector, by number
    libcamera://ID             likewise, by libcamera's name for it, or by number
    gst:ELEMENT ! ELEMENT      any GStreamer source, as gst-launch-1.0 takes it

Words go to the program as they are, never through a shell.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from edge.errors import SourceError, UsageError

PI = ("rpicam-vid", "libcamera-vid")  # the second name is the older one
GST = "gst-launch-1.0"
CAMERA = re.compile(r"(csi|libcamera)://([\w@/.:,-]{1,200})")
NOTHING_HERE = (
    "pip's OpenCV has no GStreamer, and none is needed: the command of the system is used"
)


class Shape(NamedTuple):
    """Of the frames that are asked for. Widths of 64 px a step lie in memory without gaps."""

    width: int
    height: int
    fps: float


def shape_of(text: str, fps: float) -> Shape:
    """`1280x720`. Raises ValueError."""
    found = re.fullmatch(r"(\d{2,4})x(\d{2,4})", text)
    width, height = (int(found[1]), int(found[2])) if found else (0, 0)
    if width < 64 or width % 64 or height < 16 or height % 2:
        raise ValueError(
            f"{text!r} is given, expected WIDTHxHEIGHT, a multiple of 64 by an even number"
        )
    return Shape(width, height, fps)


def command(text: str, shape: Shape, has: Callable[[str], bool], is_jetson: bool) -> list[str]:
    """The words of a command.

    has        is there such a program?
    is_jetson  its cameras are reached through NVIDIA's own source
    Raises SourceError where no program for it is there, UsageError for what is no camera.
    """
    if text.startswith("gst:"):
        return gst(text.removeprefix("gst:").split(), shape, text, has)
    found = CAMERA.fullmatch(text)
    if found is None:
        raise UsageError(
            f"{text}: not a camera, expected csi://0, libcamera://NAME or gst:SOURCE",
            fix="csi://0 is the first camera of a board",
        )
    which = found[2]
    program = next((name for name in PI if has(name)), None)
    if program is not None and which.isdecimal():
        return pi(program, which, shape)
    if is_jetson and which.isdecimal():
        return gst(["nvarguscamerasrc", f"sensor-id={which}"], shape, text, has, is_nvidia=True)
    name = [] if which == "0" else [f"camera-name={which}"]
    return gst(["libcamerasrc", *name], shape, text, has)


def name_of(text: str) -> str:
    """As it may be shown: a pipeline may hold a password."""
    return text.split()[0] if text.startswith("gst:") and text.split() else text


def pi(program: str, which: str, shape: Shape) -> list[str]:
    """rpicam-vid, without a window and without an end."""
    return [
        *(program, "--nopreview", "--timeout", "0", "--camera", which, "--codec", "yuv420"),
        *("--width", str(shape.width), "--height", str(shape.height)),
        *("--framerate", f"{shape.fps:g}", "--flush", "--output", "-"),
    ]


def gst(
    source: list[str],
    shape: Shape,
    text: str,
    has: Callable[[str], bool],
    *,
    is_nvidia: bool = False,
) -> list[str]:
    """A GStreamer source, brought to the frames that are asked for."""
    if not source:
        raise UsageError(
            f"{text}: no element in it, expected gst:videotestsrc or the like",
            fix="'gst:v4l2src device=/dev/video0', or any source of GStreamer",
        )
    if not has(GST):
        wanted = GST if text.startswith("gst:") else f"{', '.join(PI)} or {GST}"
        raise SourceError(
            f"{name_of(text)}: needs {wanted}, which is not installed ({NOTHING_HERE})",
            fix="sudo apt install gstreamer1.0-tools gstreamer1.0-plugins-base"
            + ("" if text.startswith("gst:") else " gstreamer1.0-libcamera, or rpicam-apps"),
        )
    size = f"width={shape.width},height={shape.height}"
    if is_nvidia:
        rate = f"framerate={round(shape.fps)}/1"
        source = [*source, "!", f"video/x-raw(memory:NVMM),{size},{rate}", "!", "nvvidconv"]
    convert = ["videoconvert", "!", "videoscale", "!", "videorate", "drop-only=true"]
    wanted = f"video/x-raw,format=I420,{size}"
    steps = [*source, "!", *convert, "!", wanted, "!", "fdsink", "fd=1", "sync=false"]
    return [GST, "--quiet", *steps]
