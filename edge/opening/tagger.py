"""What a command looks with: a bundle on an engine, and the heads that are not the bundle's."""

from __future__ import annotations

import argparse
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import BundleError
from edge.process import say

if TYPE_CHECKING:
    from edge.tagger import Tagger


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
