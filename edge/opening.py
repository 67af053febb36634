"""What a command reads and looks with, opened as its flags say.

Heavy imports stand inside the functions: what a run does not use is not loaded.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import BundleError, UsageError
from edge.process import Stop, hangups, say
from edge.redact import encodable

if TYPE_CHECKING:
    from edge.config.applied import Configured
    from edge.length.ruler import Ruler
    from edge.records import Frame
    from edge.seen import View
    from edge.sources import Source
    from edge.sources.ahead import Ahead
    from edge.tagger import Tagger

LIVE_MS = 200.0  # five frames a second; without a limit, one of 4K takes seconds on a small board


def open_config(flags: argparse.Namespace, opened: ExitStack) -> Configured | None:
    """The config file, with its values in the flags that were not given."""
    if flags.config is None:
        if "NOTIFY_SOCKET" in os.environ:  # `systemctl reload` is no end of it
            opened.enter_context(hangups())
        return None
    from edge.config.applied import configured

    return configured(flags, opened.enter_context(hangups()))


def with_defaults(flags: argparse.Namespace) -> argparse.Namespace:
    """The flags, with what stands where one was not given: the bundle that is installed, what a
    device profile says, the fastest engine.
    """
    if flags.bundle is None:
        from edge.bundle.in_use import usable

        found = usable(say)
        flags.bundle = found and str(found)
    if flags.device is None and flags.engine != "virtual":
        flags.virtual = flags.preferred = None
    else:
        from edge.boards.applied import with_device

        with_device(flags, say)
    if flags.engine == "auto":
        from edge.bench.choosing import Asked, choose

        precision = getattr(flags, "precision", None)
        flags.engine = choose(Asked(flags.bundle, flags.provider, flags.threads, precision))
    return flags


def is_patient(flags: argparse.Namespace) -> bool:
    """What is not there yet is waited for: nobody is there to start the run again."""
    return getattr(flags, "wait", False) or getattr(flags, "config", None) is not None


def open_sources(flags: argparse.Namespace, opened: ExitStack, stop: Stop) -> list[Source]:
    from edge.sources import open_source, refuse_twice

    open_one = partial(open_source, is_stopped=stop, is_patient=is_patient(flags))
    named = flags.names or [None] * len(flags.sources)
    sources = [
        opened.enter_context(closing(open_one(text, every_s=every_s, name=name)))
        for text, every_s, name in zip(flags.sources, paces_s(flags), named, strict=True)
    ]
    told = zip(names(flags, sources), sources, strict=True)
    refuse_twice([name for name, source in told if source.is_live])
    return sources


def with_deadline(flags: argparse.Namespace, sources: Sequence[Source]) -> None:
    """A camera waits for nobody: where nobody says what its frames may take, that is `LIVE_MS`."""
    if flags.budget_ms is None and any(source.is_live for source in sources):
        flags.budget_ms = LIVE_MS


def begun(sources: Sequence[Source], opened: ExitStack) -> Ahead[tuple[int, Frame]] | None:
    """The first picture is decoded from now on, while everything else is being opened."""
    from edge.sources.ahead import read_ahead

    ahead = read_ahead(sources)
    return ahead and opened.enter_context(closing(ahead))


def paces_s(flags: argparse.Namespace) -> list[float]:
    return [flags.every_s or 0.0 if pace_s is None else pace_s for pace_s in flags.paces_s]


def names(flags: argparse.Namespace, sources: Sequence[Source]) -> list[str]:
    """Of all sources, as results have them."""
    named = zip(sources, flags.names or [None] * len(sources), strict=True)
    return [name or encodable(source.name) for source, name in named]


def open_tagger(flags: argparse.Namespace, opened: ExitStack) -> Tagger:
    from edge import tagger as taggers

    tagger = taggers.open_tagger(
        flags.bundle,
        flags.engine,
        flags.provider,
        flags.threads,
        preferred=flags.preferred,
        virtual=flags.virtual,
        whole=flags.whole,
    )
    opened.enter_context(closing(tagger))
    if flags.preferred not in (None, tagger.artifact.precision):
        say(f"edge-tag: the bundle has no {flags.preferred} artifact: {tagger.artifact.precision}")
    _add_heads(flags, tagger)
    return tagger


def _add_heads(flags: argparse.Namespace, tagger: Tagger) -> None:
    """What was enrolled, and tags by their texts."""
    from edge.heads.gallery_path import default_path

    path = default_path(tagger.bundle) if flags.gallery is None else Path(flags.gallery)
    # one that is named must be there; but the live page makes the file with its first tag
    must_exist = flags.gallery is not None and not flags.live
    if not flags.no_gallery and (must_exist or path.exists()):
        _add_gallery(tagger, path, is_named=flags.gallery is not None)
    if flags.vocabulary is not None:
        from edge.heads.added import open_vocabulary

        tagger.add(open_vocabulary(tagger.bundle, flags.vocabulary))


def _add_gallery(tagger: Tagger, path: Path, *, is_named: bool) -> None:
    """One that nobody named must not end a device that nobody visits: the disk may have damaged it,
    or its bundle have made way for another.
    """
    from edge.heads.added import open_gallery

    try:
        tagger.add(open_gallery(tagger.bundle, path))
    except BundleError as e:
        if is_named:
            raise
        say(f"edge-tag: {e}; the run goes on without what was enrolled")
        say(f"  fix: {e.fix}")


def open_view(flags: argparse.Namespace, opened: ExitStack) -> View:
    from edge.records import Budget
    from edge.seen import View

    budget = Budget() if flags.budget_ms is None else Budget(frame_ms=flags.budget_ms)
    return View(flags.whole, flags.top_k, budget, _ruler(flags, opened))


def _ruler(flags: argparse.Namespace, opened: ExitStack) -> Ruler | None:
    if flags.plane is None and flags.mm_per_px is None:
        _refuse_without_plane(flags)
        return None
    import numpy as np

    from edge.length.ground import to_lab
    from edge.length.plane import FlatPlane
    from edge.length.plane_file import read_plane
    from edge.length.ruler import Ruler

    to_lab(np.zeros((1, 1, 3), np.uint8))  # makes OpenCV's tables: 0.1 s of no frame's budget
    plane = FlatPlane(flags.mm_per_px) if flags.plane is None else read_plane(Path(flags.plane))
    if flags.outline is None:
        return Ruler(plane, flags.length_to or "tips")
    from edge.length.outline import open_outline

    outliner = open_outline(
        Path(flags.outline), flags.engine, flags.provider or "CPU", flags.threads or 0
    )
    opened.enter_context(closing(outliner))
    return Ruler(plane, flags.length_to or "tips", outliner)


def _refuse_without_plane(flags: argparse.Namespace) -> None:
    """Raises UsageError for a flag that only counts where fish are measured."""
    alone = {"--outline": flags.outline, "--length-to fork": flags.length_to == "fork"}
    for flag, given in alone.items():
        if given:
            raise UsageError(
                f"{flag} is given without a plane, expected --plane or --mm-per-px beside it",
                fix="edge-tag --mm-per-px 0.5 ..., or edge-tag calibrate",
            )


def outlined(view: View, tagger: Tagger, flags: argparse.Namespace, opened: ExitStack) -> View:
    """With the outline that the bundle holds, where lengths are wanted and none was named."""
    if view.ruler is None or view.ruler.outliner is not None or not tagger.bundle.manifest.outline:
        return view
    from msgspec.structs import replace

    from edge.length.packed import open_packed

    outliner = open_packed(
        tagger.bundle, tagger.artifact.engine, flags.provider or "CPU", flags.threads or 0
    )
    opened.enter_context(closing(outliner))
    return replace(view, ruler=replace(view.ruler, outliner=outliner))
