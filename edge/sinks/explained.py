"""Pictures that say why: a JPEG a frame in a folder, `<stem>.why.jpg`, the oldest removed."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from edge.errors import SinkError
from edge.explain.picture import explained
from edge.health.usage import leave_room
from edge.outage import Outage
from edge.pictures.pixels import jpeg, rgb
from edge.pictures.stems import Stems
from edge.pictures.suffixes import EXPLAINED, is_picture
from edge.records import FrameTags, Picture
from edge.seen import Seen
from edge.store import make_folder, write_whole

log = logging.getLogger(__name__)

QUALITY = 80
ANOTHER = "name another folder"


class ExplainedPictures:
    """Writes into `folder`, which is made when it is not there.

    keep     pictures in the folder at most, those of earlier runs among them; the oldest go first
    every_s  of a camera or a clip: at most one picture each so many seconds
    is_steady  a camera's run goes on without pictures that cannot be written, or would leave no
               room for events; else SinkError is raised for one, and for an old one that cannot be
               removed
    is_patient  a folder that cannot be used yet is tried again with each picture
    """

    def __init__(
        self,
        folder: Path,
        keep: int,
        every_s: float = 0.0,
        clock: Callable[[], float] = monotonic,
        *,
        is_steady: bool = False,
        is_patient: bool = False,
    ) -> None:
        self.removed = 0  # pictures, for want of room
        self.left_out = 0  # frames, as they came too soon
        self._folder, self._keep, self._every_s, self._clock = folder, keep, every_s, clock
        self._outage = Outage(str(folder)) if is_steady else None
        self._stems = Stems()
        self._due_s: dict[str, float] = {}  # source -> when its next picture may come
        self._names: OrderedDict[str, None] = OrderedDict()  # the oldest first
        self._is_begun = False
        if not is_patient:
            self._begin()

    def write(self, result: FrameTags, picture: Picture, seen: Seen) -> None:
        if not self._is_due(result.source):
            self.left_out += 1
        elif self._outage is None:
            self._write(result, picture, seen)
        else:
            self._outage.survived(self._write, result, picture, seen)

    def close(self) -> None:
        """Says what is not there any more."""
        if self.removed:
            log.warning(
                "%s: the %d oldest pictures were removed, %d are kept",
                self._folder, self.removed, len(self._names),
            )  # fmt: skip

    def _write(self, result: FrameTags, picture: Picture, seen: Seen) -> None:
        self._begin()
        if self._outage is not None:
            leave_room(self._folder)
        name = self._stems.name(result.source, result.frame) + EXPLAINED
        self._names.pop(name, None)
        self._make_room()
        write_whole(self._folder / name, jpeg(explained(rgb(picture), result, seen), QUALITY))
        self._names[name] = None

    def _begin(self) -> None:
        """Again with each picture: somebody may have taken the folder away."""
        make_folder(self._folder)
        if not self._is_begun:
            self._names, self._is_begun = OrderedDict.fromkeys(_by_age(self._folder)), True

    def _is_due(self, source: str) -> bool:
        if is_picture(source):
            return True
        now_s = self._clock()
        if now_s < self._due_s.get(source, now_s):
            return False
        self._due_s[source] = now_s + self._every_s
        return True

    def _make_room(self) -> None:
        while len(self._names) >= self._keep:
            oldest = next(iter(self._names))
            try:
                (self._folder / oldest).unlink(missing_ok=True)
            except OSError as e:
                raise SinkError(f"{self._folder / oldest}: {e.strerror}", fix=ANOTHER) from e
            del self._names[oldest]
            self.removed += 1


def _by_age(folder: Path) -> list[str]:
    """Pictures of earlier runs, the oldest first; what one had in hand when it was killed goes."""
    try:
        for part in folder.glob(f".*{EXPLAINED}.part"):
            part.unlink(missing_ok=True)
        found = [(path.stat().st_mtime, path.name) for path in folder.glob(f"*{EXPLAINED}")]
    except OSError as e:
        raise SinkError(f"{folder}: {e.strerror}", fix=ANOTHER) from e
    return [name for _, name in sorted(found)]
