"""What the attributes' head learns from: embeddings of labelled photos and of rendered garments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
import torch
from tqdm import tqdm

from edge.bundle.manifest import InputSpec
from edge.errors import SourceError
from edge.pictures import pixels
from edge.records import F32, U8
from quantize.errors import WorkshopError
from quantize.fashion.attributes import Known
from quantize.fashion.items import Item, garments, photos, read_said
from quantize.pictures import read_folder
from quantize.students import Student, normalise

BATCH = 16


class Material(msgspec.Struct, frozen=True, eq=False):
    """N pictures."""

    features: F32  # (N, D) of length 1, as the student gives them
    known: tuple[Known, ...]
    source: tuple[str, ...]  # "photos", "rendered", "others"
    held_out: tuple[bool, ...]

    def part(self, held_out: bool, source: str | None = None) -> Material:
        """Those of one side, and where given of one source."""
        rows = [
            i
            for i, (out, of) in enumerate(zip(self.held_out, self.source))
            if out == held_out and source in (None, of)
        ]
        return Material(
            self.features[rows],
            tuple(self.known[i] for i in rows),
            tuple(self.source[i] for i in rows),
            tuple(self.held_out[i] for i in rows),
        )


def gather(student: Student, side: int, images: Path, rendered: int, seed: int) -> Material:
    """Embed the photos of a folder, and `rendered` garments a kind.

    Raises WorkshopError where the folder has no clothes.
    """
    samples = read_folder(images).samples
    items = [*photos(samples, read_said(images)), *garments(rendered, seed)]
    if not any(source == "photos" for _, source, _, _ in items):
        raise WorkshopError(images, "no pictures of head 'clothes'", "some", "--images FOLDER")
    features, rows = [], []
    bar = tqdm(_batches(items), "attributes", -(-len(items) // BATCH), disable=None)
    for kept, views in bar:
        features.append(embedded(student, side, views))
        rows += kept
    known, source, held_out = zip(*((k, s, h) for k, s, h, _ in rows))
    return Material(np.concatenate(features), known, source, held_out)


def brought_together(material: Material) -> Material:
    """Rendered garments brought to the mean of the photos, both of those learned from.

    A network sees at once what is drawn. Of a tag that rendered garments alone teach, a head would
    learn that photos, which look like neither side, have it all.
    """
    rows = np.array([source == "rendered" for source in material.source])
    parts = [material.part(held_out=False, source=of).features for of in ("photos", "rendered")]
    if not all(len(part) for part in parts):
        return material
    features = material.features.copy()
    features[rows] += parts[0].mean(0) - parts[1].mean(0)
    return msgspec.structs.replace(material, features=features)


@torch.inference_mode()
def embedded(student: Student, side: int, views: Sequence[U8]) -> F32:
    """(N, D) of length 1, as a device reads them."""
    batch = pixels.batch(views, InputSpec(height=side, width=side))
    rows = student.eval().embed(normalise(torch.from_numpy(batch)))
    return torch.nn.functional.normalize(rows, dim=1).numpy()


def _batches(items: Sequence[Item]) -> Iterator[tuple[list[Item], list[U8]]]:
    for i in range(0, len(items), BATCH):
        seen = [(item, view) for item in items[i : i + BATCH] if (view := _view(item)) is not None]
        if seen:
            yield [item for item, _ in seen], [view for _, view in seen]


def _view(item: Item) -> U8 | None:
    """None where it cannot be read: other stages list it."""
    try:
        return item[3]()
    except (SourceError, OSError):
        return None
