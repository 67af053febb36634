"""manifest.json: what the shards beside it hold. Written last: it says the folder is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from quantize.disk import write
from quantize.errors import WorkshopError
from quantize.teachers import Description, Kind, Loaded

FILE = "manifest.json"
LOADED = "loaded.json"
Stored = Literal["float16", "float32"]


class LeftOut(msgspec.Struct, frozen=True):
    """A picture that could not be read, and so has no soft target."""

    file: str
    reason: str


class LabelManifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Of a folder that `label` wrote."""

    schema: Literal[1] = 1
    teacher: str
    kind: Kind  # softmax: one tag a picture; sigmoid: any number
    tags: tuple[str, ...]  # in the order of the logits
    thresholds: tuple[float, ...] | None  # of the scores, one a tag
    chinese: tuple[str, ...] = ()  # names of the tags; empty: nobody gave any
    embedding: int  # numbers in it; 0: none. Stored as float16
    logits: Stored = "float16"  # of any shard, the coarsest; folders that do not say: float16
    pictures: int  # that have soft targets
    shards: int
    left_out: tuple[LeftOut, ...]


def manifest_of(
    about: Description,
    pictures: int,
    shards: int,
    left_out: tuple[LeftOut, ...],
    logits: Stored = "float32",
) -> LabelManifest:
    return LabelManifest(
        teacher=about.name,
        kind=about.kind,
        tags=about.tags,
        thresholds=about.thresholds,
        chinese=about.chinese,
        embedding=about.embedding,
        logits=logits,
        pictures=pictures,
        shards=shards,
        left_out=left_out,
    )


def write_manifest(manifest: LabelManifest, folder: Path) -> None:
    """Raises DiskError when the disk is full."""
    write(folder / FILE, msgspec.json.format(msgspec.json.encode(manifest)))


def write_loaded(about: Description, folder: Path) -> None:
    """What became of the checkpoint's keys, where the teacher says."""
    if about.loaded:
        write(folder / LOADED, msgspec.json.format(msgspec.json.encode(about.loaded)))


def read_loaded(folder: Path) -> Loaded | None:
    """None when nobody said. Raises WorkshopError when the file is damaged."""
    file = folder / LOADED
    if not file.exists():
        return None
    try:
        return msgspec.json.decode(file.read_bytes(), type=Loaded)
    except msgspec.DecodeError as e:
        raise WorkshopError(file, str(e), "what label wrote", "delete it") from e


def read_manifest(folder: Path) -> LabelManifest:
    """Raises WorkshopError when there is none, or it is not one."""
    file = folder / FILE
    try:
        manifest = msgspec.json.decode(file.read_bytes(), type=LabelManifest)
    except (FileNotFoundError, NotADirectoryError) as e:
        raise WorkshopError(
            folder,
            "no manifest.json in it" if folder.is_dir() else "no such folder",
            "what `edge-quantize label` wrote to its end",
            "run edge-quantize label with the same flags: it goes on where it was stopped",
        ) from e
    except msgspec.DecodeError as e:
        raise WorkshopError(
            file, str(e), "a manifest of schema 1", "run edge-quantize label again"
        ) from e
    if manifest.thresholds and len(manifest.thresholds) != len(manifest.tags):
        raise WorkshopError(
            file,
            f"{len(manifest.thresholds)} thresholds",
            f"{len(manifest.tags)}, one a tag",
            "run edge-quantize label again",
        )
    return manifest
