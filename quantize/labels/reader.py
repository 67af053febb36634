"""Soft targets, read back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

import msgspec
import numpy as np

from edge.records import F32
from quantize.contents import size_bytes
from quantize.errors import WorkshopError
from quantize.labels.manifest import LabelManifest, read_manifest
from quantize.labels.shards import RELABEL, file_of, read_embedding, read_sizes, read_soft
from quantize.pictures import Sample, by_key
from quantize.teachers import Kind


class Labels(msgspec.Struct, frozen=True, eq=False):
    """What a teacher said of every picture, in memory: 4 bytes a tag and picture."""

    kind: Kind
    tags: tuple[str, ...]
    soft: dict[str, F32]  # Sample.key -> (T,) logits
    embedding: dict[str, F32] | None  # Sample.key -> (D,); None: the teacher has none
    thresholds: tuple[float, ...] | None = None  # of the scores, one a tag
    teacher: str = ""
    sizes: dict[str, int] = {}  # Sample.key -> bytes of the file that the teacher saw, where known


def load(
    folder: Path, tags: Sequence[str] | None = None, keys: Collection[str] | None = None
) -> Labels:
    """Read what `label` wrote in `folder`: of these tags and pictures only, where they are given.

    Raises WorkshopError when the folder is not finished, a shard is damaged, or it has no such tag.
    """
    manifest = read_manifest(folder)
    index = _positions(manifest.tags, tags, folder) if tags is not None else None
    soft: dict[str, F32] = {}
    embedding: dict[str, F32] = {}
    sizes: dict[str, int] = {}
    for number in range(manifest.shards):
        rows = read_soft(folder, number)
        _check(rows, len(manifest.tags), file_of(folder, number))
        soft |= _chosen(rows, keys, index)
        sizes |= read_sizes(folder, number)
        if manifest.embedding and rows:
            rows = read_embedding(folder, number)
            _check(rows, manifest.embedding, file_of(folder, number, "embedding"))
            embedding |= _chosen(rows, keys, None)
    _check_count(folder, manifest, len(soft), keys)
    labels = Labels(
        manifest.kind,
        manifest.tags,
        soft,
        embedding if manifest.embedding else None,
        manifest.thresholds,
        manifest.teacher,
        {key: size for key, size in sizes.items() if key in soft},
    )
    return labels if index is None else _renamed(labels, index)


def told_of(samples: Iterable[Sample], labels: Labels, folder: Path) -> list[Sample]:
    """Those that the teacher saw. Raises WorkshopError when the `folder` of its labels says nothing
    of others than those that it could not read, or when it saw others of their names.
    """
    samples = list(samples)
    every = by_key(samples).keys()
    missing = every - labels.soft.keys() - {row.file for row in read_manifest(folder).left_out}
    if missing:
        raise WorkshopError(
            folder, f"{len(missing)} of {len(every)} pictures have no soft targets",
            "all of --images", "run edge-quantize label with these --images",
        )  # fmt: skip
    refuse_others(samples, labels, folder)
    return [s for s in samples if s.key in labels.soft]


def refuse_others(samples: Iterable[Sample], labels: Labels, folder: Path) -> None:
    """Raises WorkshopError for a picture that is not the one that the teacher saw under its key:
    one that was replaced since, or lies in another folder of the same names.
    """
    sizes = {s.file: (labels.sizes[s.key], s.key) for s in samples if s.key in labels.sizes}
    for file, (size, key) in sizes.items():
        found = size_bytes(file)
        if found not in (size, None):  # one that is gone is left out, and told, when it is read
            raise WorkshopError(
                file, f"{found} bytes", f"{size}, as {folder} was made of {key}",
                "run edge-quantize label with these --images, into another folder",
            )  # fmt: skip


def shrink(labels: Labels, tags: Sequence[str]) -> Labels:
    """The same pictures with these tags only, in this order; what is kept does not change.

    A softmax over fewer tags is one over "which of these". Raises WorkshopError for a tag that the
    teacher does not know.
    """
    index = _positions(labels.tags, tags, f"labels of {labels.teacher}")
    fewer = {key: row[index] for key, row in labels.soft.items()}
    return _renamed(msgspec.structs.replace(labels, soft=fewer), index)


def _renamed(labels: Labels, index: Sequence[int]) -> Labels:
    limits = labels.thresholds
    return msgspec.structs.replace(
        labels,
        tags=tuple(labels.tags[i] for i in index),
        thresholds=tuple(limits[i] for i in index) if limits else None,
    )


def _positions(known: Sequence[str], wanted: Sequence[str], where: object) -> list[int]:
    at = {tag: i for i, tag in enumerate(known)}
    missing = [tag for tag in wanted if tag not in at]
    if missing:
        near = get_close_matches(missing[0], known, 3)
        raise WorkshopError(
            where,
            f"no tag {missing[0]!r}" + (f" and {len(missing) - 1} others" * (len(missing) > 1)),
            f"tags of the teacher, like {', '.join(map(repr, near or known[:3]))}",
            "mend the list of tags",
        )
    if len(set(wanted)) != len(wanted) or not wanted:
        raise WorkshopError(
            where, f"{len(wanted)} tags wanted, {len(set(wanted))} different", "each once", ""
        )
    return [at[tag] for tag in wanted]


def _chosen(
    rows: dict[str, F32], keys: Collection[str] | None, index: Sequence[int] | None
) -> dict[str, F32]:
    kept = rows if keys is None else {key: row for key, row in rows.items() if key in keys}
    return kept if index is None else {key: row[index] for key, row in kept.items()}


def _check(rows: dict[str, F32], size: int, file: Path) -> None:
    for key, row in rows.items():
        if row.shape != (size,):
            raise WorkshopError(
                file, f"{key} has {row.shape}", f"({size},)", f"delete it; {RELABEL}"
            )
        if not np.isfinite(row).all():
            raise WorkshopError(
                file, f"{key} has numbers that are none", "logits", f"delete it; {RELABEL}"
            )


def _check_count(
    folder: Path, manifest: LabelManifest, found: int, keys: Collection[str] | None
) -> None:
    if keys is None and found != manifest.pictures:
        raise WorkshopError(
            folder,
            f"shards hold {found} pictures",
            f"{manifest.pictures} as manifest.json",
            RELABEL,
        )
