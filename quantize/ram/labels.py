"""Label rows: the text embeddings that stand for tags, as a file, and put into a tagger.

File: safetensors with `embeddings` (R, D), `counts` (T,) int64, and in its metadata `labels`, which
is JSON: {"tags": [...], "provenance": {...}}. Rows of a tag follow one another, tags in order; tags
may have any number of rows each (RAM++), or one each (RAM).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from quantize import disk
from quantize.errors import WorkshopError
from quantize.ram.tagger import RamPlusTagger, RamTagger, Tagger, relabelled


class _Said(msgspec.Struct, frozen=True):
    tags: tuple[str, ...]
    provenance: dict[str, Any]


@dataclass(frozen=True, eq=False)
class LabelRows:
    """Any number of tags, each with its rows."""

    tags: tuple[str, ...]
    counts: tuple[int, ...]  # rows a tag
    matrix: Tensor  # (sum of counts, D), tag by tag
    provenance: dict[str, Any]  # how they were made; {} when nobody said


def labels_of(tagger: Tagger, tags: Sequence[str]) -> LabelRows:
    """The rows that `tagger` has now. Raises WorkshopError for Tag2Text, which has none."""
    if not isinstance(tagger, RamTagger):
        raise WorkshopError(
            "label rows", "a Tag2Text network", "RAM or RAM++", "Tag2Text's tags can be kept only"
        )
    matrix = tagger.label_embed.detach()
    if isinstance(tagger, RamPlusTagger) and tagger.order is not None:
        matrix = matrix[torch.argsort(_by_count(tagger.counts).to(matrix.device))]
    return LabelRows(tuple(tags), tagger.counts, matrix, {})


def with_labels(tagger: Tagger, labels: LabelRows) -> Tagger:
    """Another tagger for these tags; encoder and decoder tensors are shared with `tagger`.

    Raises WorkshopError for a row of zeros, another width, or several rows a tag where RAM has one.
    """
    if not isinstance(tagger, RamTagger):
        raise WorkshopError(
            "label rows", "a Tag2Text network", "RAM or RAM++", "give a RAM or RAM++ checkpoint"
        )
    _refuse_misfit(tagger, labels)
    like = tagger.label_embed
    matrix = labels.matrix.to(like.device, like.dtype)
    if isinstance(tagger, RamPlusTagger):
        matrix = matrix[_by_count(labels.counts).to(like.device)]
    return relabelled(tagger, {"label_embed": matrix}, labels.counts)


def kept(tagger: Tagger, positions: Sequence[int]) -> Tagger:
    """Another tagger for the tags at `positions`, in that order; their scores do not change."""
    if isinstance(tagger, RamTagger):
        names = [str(i) for i in range(len(tagger.counts))]
        return with_labels(tagger, select(labels_of(tagger, names), positions))
    state, index = tagger.state_dict(), torch.as_tensor(list(positions))
    parts = {"label_embed.weight": state["label_embed.weight"][index]}
    parts |= {key: state[key][:, index] for key in ("fc.W", "fc.b")}
    return relabelled(tagger, parts, [1] * len(positions))


def select(labels: LabelRows, positions: Sequence[int]) -> LabelRows:
    """The tags at `positions`, in that order, with their rows."""
    starts = np.concatenate([[0], np.cumsum(labels.counts)])
    rows = [np.arange(starts[i], starts[i + 1]) for i in positions]
    index = torch.from_numpy(np.concatenate(rows)) if rows else torch.zeros(0, dtype=torch.long)
    return LabelRows(
        tuple(labels.tags[i] for i in positions),
        tuple(labels.counts[i] for i in positions),
        labels.matrix[index.to(labels.matrix.device)],
        labels.provenance,
    )


def join(*parts: LabelRows) -> LabelRows:
    """Closed and open tags in one list: legal, because no tag sees another."""
    like = parts[0].matrix
    return LabelRows(
        tuple(tag for part in parts for tag in part.tags),
        tuple(count for part in parts for count in part.counts),
        torch.cat([part.matrix.to(like.device, like.dtype) for part in parts]),
        {"joined": [part.provenance for part in parts]},
    )


def averaged(labels: LabelRows) -> LabelRows:
    """One row a tag: the mean of its rows at length 1. What RAM needs of a file made for RAM++."""
    rows = torch.split(labels.matrix.float(), list(labels.counts))
    means = torch.stack([block.mean(0) for block in rows])
    unit = means / means.norm(dim=1, keepdim=True)
    provenance = {"averaged": labels.provenance}
    return LabelRows(labels.tags, (1,) * len(labels.tags), unit, provenance)


def write_labels(labels: LabelRows, file: Path) -> None:
    """Raises DiskError."""
    tensors = {
        "embeddings": labels.matrix.detach().cpu().contiguous(),
        "counts": torch.tensor(labels.counts, dtype=torch.int64),
    }
    said = {"tags": labels.tags, "provenance": labels.provenance}
    # One key: safetensors writes several in any order, and a file's hash would change.
    disk.write(file, save(tensors, {"labels": msgspec.json.encode(said).decode()}))


def read_labels(file: Path) -> LabelRows:
    """What `write_labels` wrote. Raises WorkshopError where the parts do not fit each other."""
    try:
        with safe_open(file, "pt") as stored:
            about = stored.metadata() or {}
            matrix, counts = stored.get_tensor("embeddings"), stored.get_tensor("counts")
        said = msgspec.json.decode(about.get("labels", ""), type=_Said)
    except (OSError, SafetensorError, msgspec.DecodeError) as e:
        raise _not_labels(file, str(e)) from e
    if matrix.ndim != 2 or counts.ndim != 1 or counts.dtype != torch.int64:
        found = f"embeddings {list(matrix.shape)}, counts {list(counts.shape)} {counts.dtype}"
        raise _not_labels(file, found)
    labels = LabelRows(said.tags, tuple(counts.tolist()), matrix.float(), said.provenance)
    refuse_bad_rows(file, labels)
    return labels


def refuse_bad_rows(where: object, labels: LabelRows) -> None:
    """Raises WorkshopError: counts that do not fit, rows of zeros, numbers that are none."""
    total = sum(labels.counts)
    if len(labels.tags) != len(labels.counts) or total != len(labels.matrix) or not labels.tags:
        found = f"{len(labels.tags)} tags, {len(labels.counts)} counts, sum {total}"
        raise WorkshopError(
            where, found, f"one count a tag, {len(labels.matrix)} rows in all", "make it again"
        )
    if min(labels.counts) < 1:
        tag = labels.tags[labels.counts.index(min(labels.counts))]
        raise WorkshopError(where, f"no row for tag {tag!r}", "one or more", "describe the tag")
    _refuse_zeros(where, labels)


def _refuse_zeros(where: object, labels: LabelRows) -> None:
    # No |matrix| is made: RAM++'s is half a gigabyte.  (R,); NaN stays NaN
    size = torch.linalg.vector_norm(labels.matrix, ord=float("inf"), dim=1)
    bad = ((size == 0) | ~torch.isfinite(size)).nonzero()[:, 0].tolist()
    if not bad:
        return
    owner = int(np.searchsorted(np.cumsum(labels.counts), bad[0], side="right"))
    what = "all zeros" if size[bad[0]] == 0 else "not finite"
    raise WorkshopError(
        where,
        f"{len(bad)} of {len(size)} label rows are {what}, the first of tag {labels.tags[owner]!r}",
        "rows from a text encoder: zeros give every tag the same score",
        "make the rows with quantize.ram.openset, or take the published ones",
    )


def _refuse_misfit(tagger: RamTagger, labels: LabelRows) -> None:
    refuse_bad_rows("label rows", labels)
    width = tagger.label_embed.shape[1]
    if labels.matrix.shape[1] != width:
        raise WorkshopError(
            "label rows",
            f"{labels.matrix.shape[1]} numbers a row",
            f"{width}, as the checkpoint has",
            "encode the tags with the text encoder of the checkpoint (CLIP ViT-B/16)",
        )
    if not isinstance(tagger, RamPlusTagger) and max(labels.counts) > 1:
        raise WorkshopError(
            "label rows",
            f"up to {max(labels.counts)} rows a tag",
            "one: this is RAM, which does not mix descriptions",
            "quantize.ram.labels.averaged, or a RAM++ checkpoint",
        )


def _by_count(counts: Sequence[int]) -> Tensor:
    """(R,) rows in the order RAM++ stores them: tags of one count together, else as given."""
    starts = np.concatenate([[0], np.cumsum(counts)])
    tags = np.argsort(counts, kind="stable")
    return torch.from_numpy(np.concatenate([np.arange(starts[t], starts[t + 1]) for t in tags]))


def _not_labels(file: Path, found: str) -> WorkshopError:
    return WorkshopError(
        file,
        found,
        "safetensors with `embeddings` (R, D), `counts` (T,) int64 and metadata `labels`",
        "write it with quantize.ram.labels.write_labels",
    )
