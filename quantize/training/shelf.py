"""Samples with their pixels and targets in memory: read once, seen every epoch."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from edge.bundle import InputSpec
from edge.errors import SourceError
from edge.pictures import pixels
from edge.records import F32, U8
from quantize.errors import WorkshopError
from quantize.labels import Labels
from quantize.pictures import Sample, TagList, read
from quantize.teachers import Kind
from quantize.training.settings import Settings

KEPT_SIDE = 288  # px: pictures wait in memory at most this large


class Shelf(msgspec.Struct, frozen=True, eq=False):
    """What a run learns from, or is judged on."""

    samples: list[Sample]
    pictures: list[U8]
    labels: dict[str, Tensor]  # head -> (N,) index, the last index for "none", -1: nobody said
    sizes: dict[str, int]  # head -> number of tags and one for "none"
    soft: F32 | None  # (N, T) the teacher's logits; None without a teacher
    kind: Kind = "softmax"  # of the teacher
    left_out: tuple[str, ...] = ()  # why, of each picture that cannot be read


def shelve(
    samples: Sequence[Sample], lists: Mapping[str, TagList], teacher: Labels | None = None
) -> Shelf:
    """Read every sample once; what is larger than KEPT_SIDE is shrunk. 2 GB for ten thousand.

    `teacher` knows every sample. Raises WorkshopError for a tag that no list has.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        seen = list(tqdm(pool.map(_seen, samples), "read", len(samples), disable=None))
    left_out = tuple(why for why in seen if isinstance(why, str))
    samples = [s for s, rgb in zip(samples, seen) if not isinstance(rgb, str)]
    pictures = [rgb for rgb in seen if not isinstance(rgb, str)]
    named = {head: tags for head, tags in lists.items() if head != "tags"}
    labels = {head: torch.tensor(labels_of(samples, head, tags)) for head, tags in named.items()}
    sizes = {head: len(tags.tags) + 1 for head, tags in named.items()}
    kind: Kind = teacher.kind if teacher else "softmax"
    soft = np.stack([teacher.soft[s.key] for s in samples]) if teacher and samples else None
    return Shelf(samples, pictures, labels, sizes, soft, kind, left_out)


def _seen(sample: Sample) -> U8 | str:
    """(H, W, 3), or why not."""
    try:
        return small(read(sample))
    except SourceError as e:
        return str(e)
    except OSError as e:
        return f"{sample.file}: {e.strerror or type(e).__name__}"


def labels_of(samples: Sequence[Sample], head: str, tags: TagList) -> list[int]:
    """`label` of each sample; where another one has a tag of this head for its picture, that: what
    is a shirt may be red, too, and is not none of the colours.
    """
    said = {row.place: label(row, head, tags) for row in samples if row.head == head}
    own = [label(sample, head, tags) for sample in samples]
    return [mine if s.head == head else said.get(s.place, mine) for s, mine in zip(samples, own)]


def label(sample: Sample, head: str, tags: TagList) -> int:
    """A picture of another head is "none of these": a lemon is no garment.

    Raises WorkshopError for a tag that the head does not have.
    """
    if sample.head != head:
        return -1 if sample.head == "" else len(tags.tags)
    if sample.tag not in tags.tags:
        found = f"labelled {sample.tag!r}"
        expected = f"one of the {len(tags.tags)} tags of head {head!r}"
        raise WorkshopError(sample.file, found, expected, "mend its label, or tags.json")
    return tags.tags.index(sample.tag)


def targets(labels: Tensor, size: int, settings: Settings) -> Tensor:
    """(N,) labels -> (N, size): what each logit should be times what the sample counts for."""
    known = F.one_hot(labels.clamp(min=0), size).float()  # (N, size)
    smooth = known * (1 - settings.smoothing) + settings.smoothing / size
    weight = torch.where(labels == size - 1, settings.none_weight, 1.0)
    return smooth * torch.where(labels < 0, 0.0, weight).unsqueeze(1)


def small(rgb: U8) -> U8:
    """At most KEPT_SIDE on the longer side."""
    height, width = rgb.shape[:2]
    if max(height, width) <= KEPT_SIDE:
        return rgb.copy()
    share = KEPT_SIDE / max(height, width)
    spec = InputSpec(height=max(1, round(height * share)), width=max(1, round(width * share)))
    return pixels.fit(rgb, spec)
