"""A picture set in a folder, in one of three forms.

labels.jsonl    a row a picture: file, head, tag, split; where wanted group, box, share, trust.
                Written by `edge-tag capture` users, by `calib_data.scenes` and the like.
class folders   the folder's name is the tag: shoes/1.jpg, or train/shoes/1.jpg and val/shoes/2.jpg;
                valid/, validation/ and test/ are held out as val/ is. A name with a dot first is
                no class and no picture.
pictures        nobody said anything: enough to distil from a teacher, or to calibrate with.

Beside them, where wanted: tags.json with the order of each head's tags, sources.json with where the
pictures come from, which goes into the bundle.
"""

from __future__ import annotations

import hashlib
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import msgspec

from edge.pictures.suffixes import PICTURES
from edge.records import Box
from edge.spelling import nearest
from quantize.errors import WorkshopError
from quantize.pictures.samples import PictureSet, Sample, Split, TagList

HELD_OUT = 0.2  # of the pictures of a class, by a hash of the name, where no split is given
UNSAID = ("", "none")
SPLITS: dict[str, Split] = {  # folders above the class folders
    "train": "train", "val": "val", "valid": "val", "validation": "val", "test": "val"
}  # fmt: skip


# The network has an output of the head's name beside one that is called embedding.
Name = Annotated[str, msgspec.Meta(pattern="^(?!embedding$)([A-Za-z0-9][A-Za-z0-9_-]{0,63})?$")]
# As a bundle's tag list takes them, which is read hours later.
Word = Annotated[
    str, msgspec.Meta(pattern=r"^(?![ \u00a0\ufeff])[^\x00-\x1f\x7f-\x9f]*(?<![ \u00a0\ufeff])$")
]
NAMES = "a head of up to 64 letters, digits, - and _; a tag without tabs or spaces around it"


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line of labels.jsonl."""

    file: str
    head: Name = ""
    tag: Word = ""
    split: Split | None = None
    group: Word | None = None
    box: Box | None = None
    share: Annotated[float, msgspec.Meta(ge=0, le=1000)] = 1.0
    trust: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0


def read_folder(folder: Path, head: str = "tags") -> PictureSet:
    """Every sample in `folder`; `head` names the head of class folders.

    Raises WorkshopError when there are no pictures, or a line of labels.jsonl is wrong.
    """
    if not folder.is_dir():
        raise WorkshopError(folder, "no such folder", "a folder of pictures", "--images FOLDER")
    rows = list(_rows(folder) if (folder / "labels.jsonl").exists() else _classes(folder, head))
    if not rows:
        raise WorkshopError(
            folder,
            "no pictures",
            f"labels.jsonl, class folders, or files ending in {' '.join(sorted(PICTURES))}",
            "--images FOLDER",
        )
    samples = [_sample(folder, row) for row in rows]
    lists = read_lists(folder) or _lists(rows)
    if unlisted := sorted({row.head for row in rows} - {*lists, *UNSAID}):
        found, fix = f"no head {', '.join(map(repr, unlisted))}", "add its tags, or delete the file"
        raise WorkshopError(folder / "tags.json", found, "every head of the labels", fix)
    return PictureSet(tuple(samples), lists)


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


def _rows(folder: Path) -> Iterator[Row]:
    file = folder / "labels.jsonl"
    text = file.read_bytes().removeprefix(BOM_UTF8)  # some editors and shells of Windows write it
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = msgspec.json.decode(line, type=Row)
            _refuse_half(row)
        except (msgspec.DecodeError, ValueError) as e:
            raise _wrong(f"{file}:{number}", line, e) from e
        yield row


def _wrong(where: str, line: bytes, error: Exception) -> WorkshopError:
    """A misspelt `split` would train on what is held out: what nobody reads is refused by name."""
    known = Row.__struct_fields__
    if strange := [key for key in _keys(line) if key not in known]:
        fix = nearest(strange[0], known) or "leave it out"
        return WorkshopError(where, f"key {strange[0]!r}", f"one of {', '.join(known)}", fix)
    expected = f'{{"file": ..., "head": ..., "tag": ...}}: {NAMES}'
    return WorkshopError(where, str(error), expected, "mend it")


def _keys(line: bytes) -> list[str]:
    try:
        return list(msgspec.json.decode(line, type=dict[str, msgspec.Raw]))
    except msgspec.DecodeError:
        return []


def _refuse_half(row: Row) -> None:
    """Taken for no label, it would be a picture nobody said anything of. Raises ValueError."""
    if row.head == "" and row.tag:
        raise ValueError(f"tag {row.tag!r} without its head")
    if row.head not in UNSAID and not row.tag:
        raise ValueError(f"head {row.head!r} without a tag")


def _classes(folder: Path, head: str) -> Iterator[Row]:
    names = sorted(p.relative_to(folder) for p in folder.rglob("*") if p.suffix.lower() in PICTURES)
    seen = [name for name in names if not any(part.startswith(".") for part in name.parts)]
    has_classes = any(len(name.parts) > 1 and name.parts[0] not in SPLITS for name in seen)
    for name in seen:
        above: list[str] = list(name.parts[:-1])
        split = None
        # train/1.jpg beside bus/2.jpg is a train.
        if above and above[0] in SPLITS and (len(above) > 1 or not has_classes):
            split = SPLITS[above.pop(0)]
        tag = above[-1] if above else ""
        row = {"file": str(name), "head": head if above else "", "tag": tag, "split": split}
        yield _named(row, folder)


def _named(row: dict[str, str | None], folder: Path) -> Row:
    """Raises WorkshopError for names that cannot be a head's and a tag's."""
    try:
        return msgspec.convert(row, Row)
    except msgspec.ValidationError as e:
        found = f"head {row['head']!r}, tag {row['tag']!r}"
        fix = "--head OTHER, or rename the folder"
        raise WorkshopError(folder / str(row["file"]), found, NAMES, fix) from e


def _sample(folder: Path, row: Row) -> Sample:
    tag = "" if row.head in UNSAID else row.tag
    split = row.split or ("val" if share_of(row.file) < HELD_OUT else "train")
    return Sample(folder / row.file, row.head, tag, split, row.box, row.share, row.trust)


def _lists(rows: Sequence[Row]) -> dict[str, TagList]:
    groups: dict[str, dict[str, str | None]] = {}
    for row in rows:
        if row.head not in UNSAID:
            groups.setdefault(row.head, {}).setdefault(row.tag, row.group)
    return {
        head: TagList(tuple(sorted(tags)), tuple(tags[t] for t in sorted(tags)))
        for head, tags in groups.items()
    }


def share_of(name: str) -> float:
    """A fixed number in 0..1 for a name: the same split on every machine."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) / 0x1_0000_0000
