"""Annotated pictures: each tagged frame as a JPEG in a folder, `<stem>.tags.jpg`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from edge.explain.lettering import Area, annotate, colours_of
from edge.health.usage import leave_room
from edge.pictures.pixels import jpeg, rgb
from edge.pictures.stems import Stems
from edge.pictures.suffixes import ANNOTATED
from edge.records import FrameFailed, FrameTags, Picture
from edge.store import make_folder, write_whole

QUALITY = 90


def no_areas(_: str) -> Sequence[Area]:
    """There are none."""
    return ()


class PicturesSink:
    """Writes into `folder`, which is made when it is not there.

    Frames of clips and cameras carry their number: `<stem>.000012.tags.jpg`. A second input of the
    same stem becomes `<stem>-2`. A file has its name only once it is complete. Raises SinkError.

    areas  of a source, by its name: zones, and what is ignored
    heads  in the order of the bundle: they have the same colours in every run
    leaves_room  none is written where the disk has only room for events
    is_patient  a folder that cannot be made yet is tried again with each frame
    """

    def __init__(
        self,
        folder: Path,
        heads: Iterable[str] = (),
        *,
        areas: Callable[[str], Sequence[Area]] = no_areas,
        leaves_room: bool = False,
        is_patient: bool = False,
    ) -> None:
        self._folder, self._areas, self._leaves_room = folder, areas, leaves_room
        self._stems = Stems()
        self._colours = colours_of(heads)
        if not is_patient:
            make_folder(folder)

    def write(self, result: FrameTags | FrameFailed, picture: Picture | None) -> None:
        if isinstance(result, FrameFailed) or picture is None:
            return
        if self._leaves_room:
            leave_room(self._folder)
        areas = self._areas(result.source)
        drawn = annotate(rgb(picture), result.tags, self._colours, areas)
        make_folder(self._folder)  # somebody may have taken it away
        name = self._stems.name(result.source, result.frame) + ANNOTATED
        write_whole(self._folder / name, jpeg(drawn, QUALITY))

    def close(self) -> None:
        """Nothing is held open between frames."""
