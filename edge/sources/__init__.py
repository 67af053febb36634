"""Sources: where frames come from, behind one small contract.

To add one: a module with `open_from(text, every_s, is_stopped) -> Source`, a row in `SOURCES`, a
line in `kind_of`. Naming a source imports nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Protocol

from edge.errors import SourceError, UsageError
from edge.pictures.suffixes import CLIPS, PICTURES
from edge.records import Frame
from edge.redact import without_secrets
from edge.sources.newest import Newest

SOURCES: dict[str, tuple[str, str]] = {  # kind -> (our module, pip extra)
    "images": ("edge.sources.images", ""),
    "clip": ("edge.sources.clips", ""),
    "camera": ("edge.sources.camera", ""),
    "stream": ("edge.sources.stream", "video"),
}

URL = re.compile(r"(rtsps?|https?)://.", re.IGNORECASE)


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
    text: str, *, every_s: float = 0.0, is_stopped: Callable[[], bool] = never
) -> Source:
    """Open what the user named: a picture, a clip, a folder, `camera:0`, a URL.

    every_s     live sources and clips: at most one frame each `every_s` seconds; 0 for all
    is_stopped  asked ten times a second while a live source waits; True ends its frames

    Raises SourceError when it is not there or cannot be opened, UsageError for a camera without a
    number.
    """
    kind = kind_of(text)
    module, extra = SOURCES[kind]
    opener: Callable[[str, float, Callable[[], bool]], Source]
    try:
        opener = import_module(module).open_from
    except ModuleNotFoundError as e:
        if e.name is None or e.name.startswith("edge"):
            raise  # our own mistake, not a missing package
        raise SourceError(
            f"{without_secrets(text)}: needs the package {e.name!r}, which is not installed",
            fix=f"pip install 'edge-tag[{extra}]'",
        ) from e
    return opener(text, every_s, is_stopped)


def kind_of(text: str) -> str:
    """Which of `SOURCES` reads `text`, by its form alone, and for paths by what is there."""
    if text.startswith(("camera:", "/dev/video")):
        return "camera"
    if URL.match(text):
        return "stream"
    path, shown = Path(text), without_secrets(text)
    if not text or "\0" in text or not path.exists():
        raise SourceError(
            f"{shown}: no such file or folder",
            fix="name a picture, a clip, a folder, camera:0, or an rtsp:// or http:// address",
        )
    if path.is_dir() or path.suffix.lower() in PICTURES:
        return "images"
    if path.suffix.lower() in CLIPS:
        return "clip"
    raise SourceError(
        f"{shown}: the suffix is {path.suffix!r}, expected a picture ({_listed(PICTURES)}) "
        f"or a clip ({_listed(CLIPS)})"
    )


def camera_number(text: str) -> int:
    """`camera:2` or `/dev/video2` -> 2. Raises UsageError."""
    found = re.fullmatch(r"(?:camera:|/dev/video)(\d{1,3})", text)
    if found is None:
        raise UsageError(f"{text}: not a camera, expected camera:0, camera:1, ...")
    return int(found[1])


def _listed(suffixes: frozenset[str]) -> str:
    return " ".join(sorted(suffixes))
