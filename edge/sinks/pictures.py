"""Annotated pictures: each tagged frame as a JPEG in a folder, `<stem>.tags.jpg`."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import cv2

from edge.lettering import Colour, annotate
from edge.pixels import rgb
from edge.records import FrameFailed, FrameTags, Picture
from edge.store import make_folder, write_whole
from edge.suffixes import ANNOTATED, is_picture

QUALITY = 90


class PicturesSink:
    """Writes into `folder`, which is made when it is not there.

    Frames of clips and cameras carry their number: `<stem>.000012.tags.jpg`. A second input of the
    same stem becomes `<stem>-2`. A file has its name only once it is complete. Raises SinkError.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stems: dict[str, str] = {}  # source -> stem; as many as there are sources
        self._uses: Counter[str] = Counter()  # stem -> sources of that stem
        self._colours: dict[str, Colour] = {}
        make_folder(folder)

    def write(self, result: FrameTags | FrameFailed, picture: Picture | None) -> None:
        if isinstance(result, FrameFailed) or picture is None:
            return
        drawn = annotate(rgb(picture), result.tags, self._colours)
        bgr = cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR)
        _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        write_whole(self._folder / self._name(result), encoded.tobytes())

    def close(self) -> None:
        """Nothing is held open between frames."""

    def _name(self, result: FrameTags) -> str:
        stem = self._stems.get(result.source)
        if stem is None:
            stem = self._stems[result.source] = self._free(stem_of(result.source))
        number = "" if is_picture(result.source) else f".{result.frame:06d}"
        return f"{stem}{number}{ANNOTATED}"

    def _free(self, stem: str) -> str:
        free = stem
        while free.lower() in self._uses:  # lower: some file systems do not tell cases apart
            self._uses[stem.lower()] += 1
            free = f"{stem}-{self._uses[stem.lower()]}"
        self._uses[free.lower()] += 1
        return free


def stem_of(source: str) -> str:
    """The part of a source's name that a file may be called: `camera:0` -> `camera-0`."""
    last = Path(source.rstrip("/")).stem if "://" not in source else source.split("://", 1)[1]
    return re.sub(r"[^\w.-]+", "-", last).strip("-.")[:100] or "frame"
