"""`edge-tag enroll`: the gallery of a bundle, changed on the device."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from edge.bundle.read import Bundle, open_bundle
from edge.errors import CheckFailed, SinkError, SourceError, UsageError
from edge.heads import gallery as galleries
from edge.heads.examples import example, new_gallery, none_example
from edge.heads.gallery import Enrolled, Example, Gallery
from edge.heads.gallery_file import read_gallery, write_gallery
from edge.heads.gallery_path import default_path
from edge.pictures.pixels import rgb
from edge.pictures.suffixes import is_clip
from edge.process import print_table, write_line
from edge.records import U8, Box
from edge.sources import images
from edge.spelling import counted
from edge.store import check_folder, make_folder
from edge.tagger import Tagger, open_tagger

USUAL = 'edge-tag enroll --name "Acme" picture.jpg'
ENOUGH = 5  # examples of a tag
POOR = 0.6  # of the views: fewer named right without their own picture is worth a warning


def enroll(flags: argparse.Namespace, out: BinaryIO, is_stopped: Callable[[], bool]) -> int:
    """Do what `edge-tag enroll` was asked, and say what came of it.

    Raises UsageError, SourceError, BundleError, EngineError and SinkError, and CheckFailed when
    stopped; the gallery on the disk is then as it was.
    """

    def go_on() -> None:
        if is_stopped():
            raise CheckFailed(
                "enroll: stopped before its end, so nothing is enrolled",
                fix="run it again, and let it come to its end",
            )

    if flags.action == "add":
        with open_tagger(flags.bundle, flags.engine, flags.provider, flags.threads) as tagger:
            path = _path(flags, tagger.bundle)
            known = read_gallery(path, tagger.bundle) if path.exists() else None
            make_folder(path.parent)
            check_folder(path.parent)  # now, not after a minute of looks
            changed = _with_pictures(flags, tagger, known, go_on)
            go_on()
            changed = _beside(flags, changed, known, path, tagger.bundle)
        write_gallery(path, changed)
        _tell(out, path, changed, only=flags.name)
        return 0
    with open_bundle(flags.bundle) as bundle:
        path = _path(flags, bundle)
        return _without_pictures(flags, bundle, path, out)


def _with_pictures(
    flags: argparse.Namespace, tagger: Tagger, known: Gallery | None, go_on: Callable[[], None]
) -> Gallery:
    # decoded one by one: each may be 200 MP
    pictures = _pictures(flags.words, flags.box, go_on)
    if flags.none:
        if known is None:
            raise UsageError("enroll: nothing is enrolled, expected a tag first", fix=USUAL)
        return galleries.with_none(known, [none_example(tagger, p) for _, p, _ in pictures])
    examples = tuple(_example(flags, tagger, *picture) for picture in pictures)
    new = Enrolled(flags.name, flags.group, examples)
    if known is None:
        return new_gallery(tagger, new, go_on)
    return galleries.with_examples(known, new)


def _beside(
    flags: argparse.Namespace, changed: Gallery, known: Gallery | None, path: Path, bundle: Bundle
) -> Gallery:
    """With what somebody else enrolled while we looked, on the live page for one: looks may take a
    minute, and theirs would be gone.
    """
    now = read_gallery(path, bundle) if path.exists() else None
    if now is None or (known is not None and _views(now) == _views(known)):
        return changed
    if flags.none:
        return galleries.with_none(now, changed.none)
    return galleries.with_examples(now, next(t for t in changed.tags if t.tag == flags.name))


def _views(gallery: Gallery) -> set[tuple[str, str]]:
    """Each example in it: its tag, and its digest."""
    named = {(one.tag, e.digest) for one in gallery.tags for e in one.examples}
    return named | {("", e.digest) for e in gallery.none}


def _example(
    flags: argparse.Namespace, tagger: Tagger, name: str, picture: U8, box: Box | None
) -> Example:
    try:
        return example(tagger, picture, box, mirrored=flags.mirrored)
    except UsageError as e:
        raise UsageError(f"{name}: {e}", fix=e.fix) from e


def _pictures(
    words: Sequence[str], boxes: Sequence[Box], go_on: Callable[[], None]
) -> Iterator[tuple[str, U8, Box | None]]:
    """Name, pixels and box of each. Raises SourceError for the first that cannot be read."""
    paths = [path for word in words for path in _paths(word)]
    if boxes and len(boxes) != len(paths):
        raise UsageError(
            f"enroll: {len(boxes)} --box for {len(paths)} pictures, expected one for each, or none",
            fix="enrol them one by one, each with its own --box",
        )
    if len(paths) > galleries.MAX_EXAMPLES:
        raise UsageError(
            f"enroll: {len(paths)} pictures, expected at most {galleries.MAX_EXAMPLES}",
            fix=f"leave the least clear ones out: {ENOUGH} good ones teach a tag",
        )
    for n, path in enumerate(paths):
        go_on()
        frame = images.read_frame(path)
        if frame.pixels is None:
            raise SourceError(frame.error, fix=frame.fix)
        yield path, rgb(frame.pixels), boxes[n] if boxes else None


def _paths(word: str) -> list[str]:
    if is_clip(word) or word.startswith("camera:") or "://" in word:
        raise UsageError(
            f"{word}: is no picture, expected pictures or folders of them",
            fix="take pictures of it first: edge-tag capture SOURCE --out DIR",
        )
    return images.pictures_in(word) if Path(word).is_dir() else [word]


def _without_pictures(flags: argparse.Namespace, bundle: Bundle, path: Path, out: BinaryIO) -> int:
    """List, remove, merge and export."""
    known = read_gallery(path, bundle) if path.exists() else None
    if flags.action in ("merge", "import"):
        others = [read_gallery(Path(word), bundle) for word in flags.words]
        first = others.pop(0) if known is None else known
        for other in others:
            first = galleries.merged(first, other)
        write_gallery(path, first)
        _tell(out, path, first)
        return 0
    if known is None:
        if flags.action == "list":
            write_line(out, f"{path}: nothing is enrolled")
            return 0
        raise UsageError(f"{path}: nothing is enrolled, expected a gallery", fix=USUAL)
    if flags.action == "list":
        _tell(out, path, known)
    elif flags.action == "export":
        _export(Path(flags.words[0]), known, out)
    else:
        _remove(path, known, flags.words[0], out)
    return 0


def _export(target: Path, known: Gallery, out: BinaryIO) -> None:
    if target.exists():
        raise UsageError(f"{target}: is there already, expected a new file", fix="name another")
    write_gallery(target, known)
    write_line(out, f"{target}: {counted(len(known.tags), 'tag')}")


def _remove(path: Path, known: Gallery, tag: str, out: BinaryIO) -> None:
    left = galleries.without(known, tag)
    if left is None:
        try:
            path.unlink()
        except OSError as e:
            raise SinkError(f"{path}: {e.strerror}", fix="make its folder one to write in") from e
        write_line(out, f"{path}: removed, {tag!r} was the only tag")
        return
    write_gallery(path, left)
    _tell(out, path, left)


def _path(flags: argparse.Namespace, bundle: Bundle) -> Path:
    return default_path(bundle) if flags.gallery is None else Path(flags.gallery)


def _tell(out: BinaryIO, path: Path, known: Gallery, only: str | None = None) -> None:
    """A row a tag, and what would help."""
    rows = [("tag", "group", "examples", "known again", "since")]
    for one in known.tags:
        if only in (None, one.tag):
            again = "-" if one.recalled is None else f"{one.recalled:.0%}"
            since = min(e.added for e in one.examples)[:10]
            rows.append((one.tag, one.group or "", str(len(one.examples)), again, since))
    if len(rows) > 1:
        print_table(out, rows)
    none = sum(len(e.views) for e in known.none)
    tags, views = counted(len(known.tags), "tag"), counted(none, "view")
    write_line(out, f"{path}: {tags}, {views} of none of them")
    poor = [r[0] for r, one in zip(rows[1:], known.tags) if _is_poor(one)]
    if poor and only is None:
        write_line(out, f"more pictures would help: {', '.join(poor[:8])}")


def _is_poor(one: Enrolled) -> bool:
    return len(one.examples) < ENOUGH if one.recalled is None else one.recalled < POOR
