"""What files about a source's frames may be called."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from edge.pictures.suffixes import CLIPS, PICTURES, is_picture

MOST_BYTES = 200


class Stems:
    """A stem for each source, no two alike: a second source of the same one becomes `<stem>-2`."""

    def __init__(self) -> None:
        self._stems: dict[str, str] = {}  # source -> stem; as many as there are sources
        self._uses: Counter[str] = Counter()  # stem -> sources of that stem

    def name(self, source: str, frame: int) -> str:
        """`<stem>` for a picture, `<stem>.000012` for a frame of a clip or a camera."""
        stem = self._stems.get(source)
        if stem is None:
            stem = self._stems[source] = self._free(stem_of(source))
        return stem if is_picture(source) else f"{stem}.{frame:06d}"

    def _free(self, stem: str) -> str:
        free = stem
        while free.lower() in self._uses:  # lower: some file systems do not tell cases apart
            self._uses[stem.lower()] += 1
            free = f"{stem}-{self._uses[stem.lower()]}"
        self._uses[free.lower()] += 1
        return free


def stem_of(source: str) -> str:
    """The part of a source's name that a file may be called: `camera:0` -> `camera-0`.

    A file goes without its suffix; a camera has none: `till.1` is another one than `till.2`.
    """
    if "://" in source:
        return plain(source.split("://", 1)[1])
    path = Path(source.rstrip("/"))
    return plain(path.stem if path.suffix.lower() in PICTURES | CLIPS else path.name)


def plain(name: str) -> str:
    """A label, or a name, as a folder or a part of a topic may be called."""
    return _short(re.sub(r"[^\w.-]+", "-", name).strip("-."))[:100] or "frame"


def _short(name: str) -> str:
    """A file's name has 255 bytes, of which ours take some: 100 letters of Chinese are 300."""
    return name.encode()[:MOST_BYTES].decode(errors="ignore")
