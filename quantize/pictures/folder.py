"""A picture set in a folder, in one of three forms.

labels.jsonl    a row a picture: file, head, tag, split; where wanted group, box, share, trust.
                Written by `edge-tag capture` users, by `calib_data.scenes` and the like.
class folders   the folder's name is the tag: shoes/1.jpg, or train/shoes/1.jpg and val/shoes/2.jpg;
                valid/, validation/ and test/ are held out as val/ is. A name with a dot first is
                no class and no picture; links are followed. What is no picture is said on stderr.
pictures        nobody said anything: enough to distil from a teacher, or to calibrate with.

Beside them, where wanted: tags.json with the order of each head's tags, sources.json with where the
pictures come from, which goes into the bundle.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from quantize.errors import WorkshopError
from quantize.pictures.classes import READ, class_rows, warn_once
from quantize.pictures.rows import UNSAID, Row, read_rows
from quantize.pictures.samples import PictureSet, Sample, TagList, pictures_of

HELD_OUT = 0.2  # of the pictures of a class, by a hash of the name, where no split is given


def read_folder(folder: Path, head: str = "tags") -> PictureSet:
    """Every sample in `folder`; `head` names the head of class folders.

    Raises WorkshopError when there are no pictures, or a line of labels.jsonl is wrong.
    """
    if not folder.is_dir():
        raise WorkshopError(folder, "no such folder", "a folder of pictures", "--images FOLDER")
    labels = folder / "labels.jsonl"
    rows = list(read_rows(labels) if labels.exists() else class_rows(folder, head))
    if not rows:
        raise WorkshopError(
            folder,
            "no pictures",
            f"labels.jsonl, class folders, or files ending in {' '.join(sorted(READ))}",
            "--images FOLDER",
        )
    samples = [_sample(folder, row) for row in rows]
    lists = read_lists(folder) or _lists(rows, folder)
    if unlisted := sorted({row.head for row in rows} - {*lists, *UNSAID}):
        found, fix = f"no head {', '.join(map(repr, unlisted))}", "add its tags, or delete the file"
        raise WorkshopError(folder / "tags.json", found, "every head of the labels", fix)
    found = PictureSet(tuple(samples), lists)
    _tell_shared(found, folder)
    return found


def _tell_shared(found: PictureSet, folder: Path) -> None:
    """A line for one head says "val", and one for another head nothing, or "train"."""
    held = {sample.place for sample in found.of("val")}
    if both := [sample for sample in pictures_of(found.of("train")) if sample.place in held]:
        told = "are learned from and held out, too: what is measured on them flatters"
        warn_once(f"{folder}: {len(both)} pictures {told}; first {both[0].file}")


def read_lists(folder: Path) -> dict[str, TagList]:
    """Tag lists as written by `write_lists`; empty where there are none."""
    file = folder / "tags.json"
    if not file.exists():
        return {}
    try:
        lists = msgspec.json.decode(file.read_bytes(), type=dict[str, TagList])
    except msgspec.DecodeError as e:
        raise WorkshopError(file, str(e), '{"head": {"tags": [...], "groups": [...]}}', "") from e
    for head, tags in lists.items():
        if not len(set(tags.tags)) == len(tags.tags) == len(tags.groups):
            kinds, groups = len(set(tags.tags)), len(tags.groups)
            found = f"{len(tags.tags)} tags, {kinds} different, {groups} groups"
            expected = "each tag once, and a group or null for each"
            raise WorkshopError(f"{file}: head {head!r}", found, expected, "mend it")
    return lists


def write_lists(lists: dict[str, TagList], folder: Path) -> None:
    """tags.json: the order of every head's logits."""
    (folder / "tags.json").write_bytes(msgspec.json.format(msgspec.json.encode(lists)))


def read_sources(folder: Path) -> list[dict[str, str]]:
    """Where the pictures come from and under which licence; sources.json says, else nobody."""
    file = folder / "sources.json"
    if not file.exists():
        return [{"name": folder.resolve().name, "source": "not said", "licence": "not said"}]
    try:
        return msgspec.json.decode(file.read_bytes(), type=list[dict[str, str]])
    except msgspec.DecodeError as e:
        raise WorkshopError(file, str(e), '[{"name", "source", "licence"}]', "mend it") from e


def _sample(folder: Path, row: Row) -> Sample:
    tag = "" if row.head in UNSAID else row.tag
    split = row.split or ("val" if share_of(row.file) < HELD_OUT else "train")
    return Sample(folder / row.file, row.head, tag, split, row.box, row.share, row.trust)


def _lists(rows: Sequence[Row], folder: Path) -> dict[str, TagList]:
    """Tags in alphabetical order; one line that says a tag's group says it for all.

    Raises WorkshopError for a tag of two groups.
    """
    groups: dict[str, dict[str, str | None]] = {}
    for row in rows:
        if row.head in UNSAID:
            continue
        mine = groups.setdefault(row.head, {})
        known = mine.setdefault(row.tag, row.group)
        if row.group and known not in (None, row.group):
            found = f"tag {row.tag!r} of head {row.head!r} is in groups {known!r} and {row.group!r}"
            raise WorkshopError(folder / "labels.jsonl", found, "one group a tag", "mend it")
        mine[row.tag] = known or row.group
    return {
        head: TagList(tuple(sorted(tags)), tuple(tags[t] for t in sorted(tags)))
        for head, tags in groups.items()
    }


def share_of(name: str) -> float:
    """A fixed number in 0..1 for a name: the same split on every machine."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) / 0x1_0000_0000
