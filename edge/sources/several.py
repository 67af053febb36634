"""A folder, or a glob: every picture and clip in it, in natural order, as one source.

A glob is for config files, which have no shell, and for shells that leave a `*` as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from glob import glob
from pathlib import Path

from edge.errors import SourceError
from edge.pictures.suffixes import CLIPS, OURS, PICTURES
from edge.records import Frame
from edge.sources import open_source
from edge.sources.images import files_in, natural
from edge.sources.newest import broken
from edge.sources.request import SourceRequest


class SeveralSource:
    """Files one after the other. Where one breaks, a frame says why, and the next one follows."""

    is_live = False
    newest = None

    def __init__(self, request: SourceRequest, paths: Sequence[str]) -> None:
        self.name = request.text
        self._request, self._paths = request, paths
        has_clip = any(Path(path).suffix.lower() in CLIPS for path in paths)
        self.count = None if has_clip else len(paths)

    def frames(self) -> Iterator[Frame]:
        for path in self._paths:
            if self._request.is_stopped():
                return
            yield from self._frames_of(path)

    def close(self) -> None:
        """Nothing is held open between files."""

    def _frames_of(self, path: str) -> Iterator[Frame]:
        every_s, is_stopped = self._request.every_s, self._request.is_stopped
        index = 0
        try:
            for frame in open_source(path, every_s=every_s, is_stopped=is_stopped).frames():
                index = frame.index + 1
                yield frame
        except SourceError as e:
            yield broken(path, index, e)


def open_from(request: SourceRequest) -> SeveralSource:
    """Raises SourceError when there is nothing in it."""
    if Path(request.text).is_dir():
        return SeveralSource(request, files_in(request.text, PICTURES | CLIPS, "picture or clip"))
    found = sorted(matching(request.text), key=natural)
    if not found:
        raise SourceError(
            f"{request.text}: matches no picture or clip",
            fix="look at what it matches: ls -d " + request.text,
        )
    return SeveralSource(request, found)


def matching(pattern: str) -> list[str]:
    """What it matches of what is ours to read; `**` goes through folders."""
    ours = PICTURES | CLIPS
    paths = map(Path, glob(pattern, recursive=True))  # noqa: PTH207  # may be absolute
    return [str(p) for p in paths if p.suffix.lower() in ours and not p.name.endswith(OURS)]
