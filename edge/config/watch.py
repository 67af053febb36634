"""The config at work: masks before a frame is looked at, zones after it, and the file read again.

The file is read again between two frames: whole, or the old one stays.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from msgspec.structs import replace

from edge.config.hours import is_on, local_now
from edge.config.masks import Stencil
from edge.config.problems import Problem
from edge.config.read import read, refuse
from edge.config.records import Camera, Config, Polygon
from edge.config.wanted import Names, unknown
from edge.config.zones import Areas
from edge.errors import ConfigError
from edge.events.zones import ANYWHERE, ZoneRules
from edge.heads.scores import GALLERY
from edge.records import Frame, FrameTags
from edge.spelling import nearest

log = logging.getLogger(__name__)

# Of a camera: applied without a restart.
LIVE = ("zones", "required_zones", "loiter_s", "only", "ignore", "privacy", "schedule")


class Tunable(Protocol):
    """What the config needs of a tagger."""

    @property
    def tags(self) -> Mapping[str, Names]: ...
    def tune(self, thresholds: Mapping[str, float], off: Sequence[str]) -> None: ...


class _Post(NamedTuple):
    """A camera, and what its settings came to."""

    camera: Camera
    stencil: Stencil
    areas: Areas


class Watch:
    """What a config file asks of every frame; without one, nothing. One thread owns it."""

    def __init__(
        self, cameras: Sequence[Camera | None] = (), now: Callable[[], datetime] = local_now
    ) -> None:
        """cameras: by source; None for one that the config does not know. now: local time."""
        self._posts = [None if camera is None else _post(camera) for camera in cameras]
        self._now = now
        self.between: Callable[[], None] = lambda: None  # called when no frame is being tagged
        self.reload: Reload | None = None  # None: there is no file

    def before(self, n: int, frame: Frame) -> Frame | None:
        """A frame of source n as it may be seen; None while its camera is off."""
        post = self._posts[n] if n < len(self._posts) else None
        if post is None:
            return frame
        camera = post.camera
        frame = replace(frame, source=_named(frame.source, camera))
        if frame.pixels is None:
            return frame
        if camera.schedule and not is_on(camera.schedule, self._now()):
            return None
        return replace(frame, pixels=post.stencil.cover(frame.pixels))

    def after(self, n: int, result: FrameTags) -> FrameTags:
        """What is told of it."""
        post = self._posts[n] if n < len(self._posts) else None
        return result if post is None else post.areas.applied(result)

    def camera(self, name: str) -> Camera | None:
        """What the file says of it now; None where it does not know it. Any thread may ask."""
        cameras = (post.camera for post in self._posts if post is not None)
        return next((camera for camera in cameras if camera.name == name), None)

    def zone_rules(self, source: str) -> ZoneRules:
        """Of the camera whose result has this `source`."""
        camera = self._of(source)
        return ANYWHERE if camera is None else ZoneRules(camera.required_zones, camera.loiter_s)

    def drawn(self, source: str) -> list[tuple[str, Polygon]]:
        """What is to be drawn on its pictures: names and corners of zones, and what is ignored."""
        if (camera := self._of(source)) is None:
            return []
        return [*camera.zones.items(), *(("ignored", corners) for corners in camera.ignore)]

    def _of(self, source: str) -> Camera | None:
        cameras = (post.camera for post in self._posts if post is not None)
        return next((c for c in cameras if source == _named(source, c)), None)

    def change(self, cameras: Sequence[Camera]) -> None:
        """What can be changed of the cameras that are open. Those with other names are left."""
        new = {camera.name: camera for camera in cameras}
        self._posts = [
            post and _post(_lively(post.camera, new.get(post.camera.name, post.camera)))
            for post in self._posts
        ]


class Reloaded(NamedTuple):
    """What came of it."""

    wrong: tuple[ConfigError, ...] = ()  # with the file: everything stays as it was
    late: tuple[str, ...] = ()  # keys that need a restart to count


class Reload:
    """Reads the file again when it is due, and changes what can be changed."""

    def __init__(
        self, path: Path, started: Config, watch: Watch, tagger: Tunable, is_due: Callable[[], bool]
    ) -> None:
        """started: what the run began with."""
        self._path, self._started, self._watch = path, started, watch
        self._tagger, self._is_due = tagger, is_due
        self.after: Callable[[], None] = lambda: None  # called when something may have changed

    def __call__(self) -> None:
        if self._is_due():
            self.now()

    def now(self) -> Reloaded:
        """Between two frames."""
        try:
            config = read(self._path)
            tune(self._tagger, config, str(self._path))  # the last that can fail
        except ConfigError as e:
            for one in (e, *e.also):
                log.error("%s", one.with_fix)
            log.error("%s: not reloaded, everything stays as it was", self._path)
            return Reloaded(wrong=(e, *e.also))
        self._watch.change(config.cameras)
        self.after()
        log.warning("%s: reloaded", self._path)
        if late := needs_restart(self._started, config):
            log.warning("%s: %s: needs a restart to count", self._path, ", ".join(late))
        return Reloaded(late=tuple(late))


def tune(tagger: Tunable, config: Config, where: str) -> None:
    """Heads and thresholds. Raises ConfigError for a head that the bundle does not have, and for a
    tag that none of them has.
    """
    known = dict.fromkeys((*tagger.tags, GALLERY))  # whose first tag may come while it runs
    says = f"no such head in the bundle, expected one of {', '.join(known)}"
    strange = [name for name in config.heads if name not in known]
    wrong = [Problem(f"heads.{name}", says, nearest(name, known)) for name in strange]
    refuse([*wrong, *unknown(config, tagger.tags)], where)
    heads = config.heads.items()
    thresholds = {name: head.threshold for name, head in heads if head.threshold is not None}
    tagger.tune(thresholds, [name for name, head in heads if not head.on])


def needs_restart(started: Config, now: Config) -> list[str]:
    """The keys that differ and are only read at the start."""
    keys = [key for key in Config.__struct_fields__ if key not in ("cameras", "heads")]
    late = [key for key in keys if getattr(started, key) != getattr(now, key)]
    before = {camera.name: camera for camera in started.cameras}
    after = {camera.name: camera for camera in now.cameras}
    if list(before) != list(after):
        return ["cameras", *late]
    parts = [key for key in Camera.__struct_fields__ if key not in LIVE]
    for name, camera in before.items():
        late += [
            f"cameras.{name}.{key}"
            for key in parts
            if getattr(camera, key) != getattr(after[name], key)
        ]
    return late


def _post(camera: Camera) -> _Post:
    return _Post(camera, Stencil(camera.privacy), Areas(camera))


def _lively(old: Camera, new: Camera) -> Camera:
    return replace(old, **{key: getattr(new, key) for key in LIVE})


def _named(source: str, camera: Camera) -> str:
    """A picture of a folder or a glob keeps its path: a name alone would not say which it is."""
    url = camera.url
    is_one_of_many = source.startswith(url.rstrip("/") + "/") or any(c in url for c in "*?[")
    return source if is_one_of_many and "://" not in url else camera.name
