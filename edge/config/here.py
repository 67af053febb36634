"""What a config file names and this machine has not. Files are read, nothing is run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from edge.boards import profiles
from edge.bundle.read import Bundle, open_bundle
from edge.config.problems import Problem
from edge.config.records import Config
from edge.config.wanted import Names, unknown
from edge.engines import check_name, installed, pip_line
from edge.errors import EdgeError
from edge.heads.added import OPEN, open_gallery, open_vocabulary
from edge.heads.embedded import AddedHead
from edge.heads.gallery_path import default_path
from edge.heads.scores import ATTRIBUTES, GALLERY
from edge.length.outline import read_outline
from edge.length.plane_file import read_plane
from edge.sinks import AT_END, ENDED, NO_END, SINKS
from edge.sinks.target import parse_target
from edge.sources import is_live, kind_of, open_source
from edge.spelling import nearest

FILES = ("images", "clip", "several")  # kinds of sources that are opened to see whether they are
LOOKED_FOR = ("auto", profiles.VIRTUAL)  # no engine's name: one is found at the start


def missing(config: Config) -> Iterator[Problem]:
    """All that `edge-tag run` would refuse, but cameras: those may be away."""
    for n, camera in enumerate(config.cameras):
        yield from _tried(f"cameras[{n}].url", partial(_open_file, camera.url))
    if config.device not in (None, "auto"):
        yield from _tried("device", partial(profiles.find, config.device))
    if config.engine is not None and config.engine not in LOOKED_FOR:
        yield from _engine(config.engine)
    if config.plane is not None:
        yield from _tried("plane", partial(read_plane, Path(config.plane)))
    if config.outline is not None:
        yield from _tried("outline", partial(read_outline, Path(config.outline)))
    yield from _outbox(config)
    yield from _at_end(config)
    try:
        bundle = open_bundle(config.bundle)
    except EdgeError as e:
        yield Problem("bundle", str(e), e.fix)
        return
    with bundle:
        yield from _heads(config, bundle)


def _tried(key: str, what: Callable[[], object]) -> Iterator[Problem]:
    try:
        what()
    except EdgeError as e:
        yield Problem(key, str(e), e.fix)


def _open_file(url: str) -> None:
    path = url.removeprefix("file://")
    if "://" not in path and kind_of(path) in FILES:
        with closing(open_source(url)):
            pass


def _engine(name: str) -> Iterator[Problem]:
    found = list(_tried("engine", partial(check_name, name)))
    yield from found
    if not found and name not in (*installed(), "null"):
        yield Problem("engine", f"{name} is found, which is not installed", pip_line(name))


def _outbox(config: Config) -> Iterator[Problem]:
    """Its folder is made where it is not there yet."""
    if config.outbox is not None:
        path = Path(config.outbox)
        above = next(folder for folder in path.absolute().parents if folder.exists())
        if path.is_dir() or not above.is_dir():
            yield Problem("outbox", f"{path} is found, expected a file, in a folder")


def _at_end(config: Config) -> Iterator[Problem]:
    """Files that would never come."""
    if any(is_live(camera.url) for camera in config.cameras):
        for name, text in config.targets.items():
            if (target := parse_target(text, SINKS)).kind in AT_END:
                yield Problem(f"targets.{name}", f"{target.shown} {NO_END}", ENDED)


def _heads(config: Config, bundle: Bundle) -> Iterator[Problem]:
    """What is added to the heads of the bundle; and those that are set and in neither."""
    known: dict[str, Names] = {h.name: bundle.tags_of(h) for h in bundle.manifest.heads}
    if bundle.manifest.attributes:
        known[ATTRIBUTES] = ()
    known[GALLERY] = ()  # its first tag may come while it runs
    gallery = default_path(bundle) if config.gallery is None else Path(config.gallery)
    if gallery.exists() or (config.gallery is not None and config.live is None):
        wrong = list(_tried("gallery", lambda: _add(known, open_gallery(bundle, gallery))))
        yield from wrong if config.gallery is not None else ()  # a run goes on without
    if (words := config.vocabulary) is not None:
        known[OPEN] = ()
        yield from _tried("vocabulary", lambda: _add(known, open_vocabulary(bundle, words)))
    says = f"no such head in the bundle, expected one of {', '.join(known)}"
    for name in config.heads:
        if name not in known:
            yield Problem(f"heads.{name}", says, nearest(name, known))
    yield from unknown(config, known)


def _add(known: dict[str, Names], added: AddedHead) -> None:
    known[added.head.name] = added.names
