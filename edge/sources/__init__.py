"""Sources: where frames come from, behind one small contract.

To add one: a module with `open_from(request) -> Source`, a row in `SOURCES`, a line in `kind_of`.
Naming a source imports nothing. A live one opens a `Link`, and `LastingSource` does the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Protocol

from edge import extras
from edge.errors import SourceError, UsageError
from edge.pictures.suffixes import CLIPS, PICTURES
from edge.records import Frame
from edge.redact import without_secrets
from edge.sources.newest import Newest
from edge.sources.request import SourceRequest, options, split

SOURCES: dict[str, tuple[str, str]] = {  # kind -> (our module, pip extra)
    "images": ("edge.sources.images", ""),
    "clip": ("edge.sources.clips", ""),
    "camera": ("edge.sources.camera", ""),
    "stream": ("edge.sources.stream", "video"),
    "piped": ("edge.sources.piped", ""),
    "test": ("edge.sources.made_up", ""),
    "several": ("edge.sources.several", ""),
}

FORMS = (  # how the text of a live source begins
    ("camera", re.compile(r"camera:|usb:|v4l2://|/dev/(video|v4l/)")),
    ("stream", re.compile(r"(rtsps?|https?)://.", re.IGNORECASE)),
    ("piped", re.compile(r"csi://|libcamera://|gst:")),
    ("test", re.compile(r"test://")),
)
FLAGS = {".toml": "--config", ".edge": "--bundle", ".gallery": "--gallery"}  # of what is no input
RENAME = "rename it, if it is one of those; else save it as PNG or MP4"
EXPECTED = (
    "name a picture, a clip, a folder, camera:0, usb:046d:0825, an rtsp:// or http:// address, "
    "csi://0 or test://belt"
)


class Source(Protocol):
    """An open source. Not thread-safe. Every source raises only `EdgeError`s."""

    name: str  # as the user wrote it, without credentials
    is_live: bool  # a camera: late frames are dropped; a file: never
    count: int | None  # frames to come, for a progress bar; None when that is unknown

    @property
    def newest(self) -> Newest | None:
        """The mailbox of a live source, for those who serve several; None for a file."""
        ...

    def frames(self) -> Iterator[Frame]:
        """Ends by ending, also once `is_stopped()`; SourceError when it breaks before its end.

        A picture that cannot be read is a frame without pixels, and the next one follows.
        """
        ...

    def close(self) -> None: ...


def never() -> bool:
    """Nobody asks this source to stop."""
    return False


def open_source(
    text: str | PathLike[str],
    *,
    every_s: float = 0.0,
    is_stopped: Callable[[], bool] = never,
    is_patient: bool = False,
    name: str | None = None,
) -> Source:
    """Open what the user named: a picture, a clip, a folder, `camera:0`, a URL.

    every_s     live sources and clips: at most one frame each `every_s` seconds; 0 for all
    is_stopped  asked ten times a second while a live source waits; True ends its frames
    is_patient  a camera or a stream that is not there yet is waited for
    name        of a live source, where its own options give none; None: its address

    Raises SourceError when it is not there or cannot be opened, UsageError for a camera or an
    option that cannot be.
    """
    text = fspath(text).removeprefix("file://")
    kind = kind_of(text)
    module, extra = SOURCES[kind]
    loaded = extras.load(module, extra, without_secrets(text), SourceError)
    opener: Callable[[SourceRequest], Source] = loaded.open_from
    address, given = split(text) if _form(text) else (text, "")
    named = options(kind, address, given, name if _form(text) else None)
    return opener(SourceRequest(kind, address, named, every_s, is_stopped, is_patient))


def kind_of(text: str) -> str:
    """Which of `SOURCES` reads `text`, by its form alone, and for paths by what is there."""
    if form := _form(text):
        return form
    path, shown = Path(text), without_secrets(text)
    if not text or "\0" in text or not path.exists():
        if any(c in text for c in "*?[") and "\0" not in text:
            return "several"
        raise SourceError(f"{shown}: no such file or folder", fix=EXPECTED)
    if path.is_dir():
        return "several"
    if path.suffix.lower() in PICTURES:
        return "images"
    if path.suffix.lower() in CLIPS:
        return "clip"
    flag = FLAGS.get(path.suffix.lower())
    raise SourceError(
        f"{shown}: the suffix is {path.suffix!r}, expected a picture ({_listed(PICTURES)}) "
        f"or a clip ({_listed(CLIPS)})",
        fix=f"{flag} {shown}" if flag else RENAME,
    )


def is_live(text: str) -> bool:
    """By its form: a camera or a stream."""
    return bool(_form(text))


def _form(text: str) -> str:
    """The kind of a live source; empty for a path."""
    return next((kind for kind, form in FORMS if form.match(text)), "")


def refuse_twice(names: Sequence[str]) -> None:
    """Results and metrics tell cameras apart by name. Raises UsageError."""
    for name in names:
        if names.count(name) > 1:
            raise UsageError(
                f"{name}: two cameras have this name, expected one of its own for each",
                fix="name them behind their addresses: ...#name=till ...#name=door",
            )


def _listed(suffixes: frozenset[str]) -> str:
    return " ".join(sorted(suffixes))
