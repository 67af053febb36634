"""The thing of an event, cut out of its frame: to be kept, and the newest of each camera."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from edge.events.event import Event, Sight
from edge.pictures.pixels import crop_into, jpeg
from edge.pictures.regions import clip
from edge.records import U8, Box, Picture, Region

QUALITY = 88
AROUND = 0.15  # of a thing's side, that is shown around it


def cut_out(picture: Picture, box: Box, size: tuple[int, int]) -> U8:
    """The pixels of a box and of some of its surroundings, fresh. size: W, H of the picture."""
    x0, y0, x1, y1 = box
    wide, tall = round((x1 - x0) * AROUND), round((y1 - y0) * AROUND)
    region = Region(*clip((x0 - wide, y0 - tall, x1 + wide, y1 + tall), *size))
    out = np.empty((region.y1 - region.y0, region.x1 - region.x0, 3), np.uint8)
    crop_into(picture, region, out)  # of planes nothing else becomes RGB
    return out


class Latest:
    """What came last, of each of some cameras. A `Witness`; any thread may ask."""

    def __init__(self, cameras: Sequence[str]) -> None:
        self._cameras, self._lock = frozenset(cameras), threading.Lock()
        self._found: dict[str, tuple[str, U8]] = {}  # camera -> what is shown, its pixels

    def keep(self, events: Sequence[Event], picture: Picture | None) -> None:
        came = {e.after.camera: e.after for e in events if e.type == "new" or self._is_closer(e)}
        for camera, sight in came.items():
            if picture is not None and camera in self._cameras:
                pixels = cut_out(picture, sight.box, sight.size)
                with self._lock:
                    self._found[camera] = _shown(sight), pixels

    def of(self, camera: str, but: str) -> tuple[str, bytes] | None:
        """Number and JPEG of the thing that came last; None when that is `but`, or none came."""
        with self._lock:
            number, pixels = self._found.get(camera, ("", None))
        return None if pixels is None or number == but else (number, jpeg(pixels, QUALITY))

    def close(self) -> None:
        """Nothing is open."""

    def _is_closer(self, event: Event) -> bool:
        """Is the place that was shown known as a thing now, whose box is close around it?"""
        before, after = event.before, event.after
        if before is None or before.track is not None or after.track is None:
            return False
        return self._found.get(after.camera, ("",))[0] == _shown(before)


def _shown(sight: Sight) -> str:
    return f"{sight.id} {sight.track}"
