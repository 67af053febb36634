"""RAM, RAM++ and Tag2Text's tagger as teachers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from PIL import Image

from edge.pictures import pixels
from edge.records import F32, U8, Region
from quantize.pictures import Sample
from quantize.ram import LabelRows, OpenTagger, open_tagger, read_tags
from quantize.ram.detect import NAMES
from quantize.ram.preprocess import decoded
from quantize.ram.rows import read_rows
from quantize.teachers import Description, Loaded, Request, Teacher, needed_checkpoint
from quantize.teachers.torch_device import prepared
from quantize.teachers.vocabulary import unique

KINDS: dict[str, Literal["ram", "ram++", "tag2text"]] = {
    "ram": "ram",
    "ram_plus": "ram++",
    "tag2text": "tag2text",
}
DTYPES: dict[str, Literal["float32", "float16", "bfloat16"]] = {
    "fp32": "float32",
    "fp16": "float16",
    "bf16": "bfloat16",
}


def load(request: Request) -> Teacher:
    """Open a published file; one of another kind is refused with the reason. Raises WorkshopError.

    request.label_rows are other tags, in place of the file's own; request.only trims the vocabulary
    before anything is computed: a tag costs 12 MMAC a picture.
    """
    prepared(request)
    labels = _labels(request)
    tagger = open_tagger(
        needed_checkpoint(request),
        request.side,
        request.device,
        DTYPES[request.precision],
        request.tag_list if labels is None else None,
        request.thresholds,
        kind=KINDS[request.name],
        labels=labels,
        chinese=request.chinese,
    )
    return RamTeacher(
        request.name, tagger.trimmed(read_tags(request.only)) if request.only else tagger
    )


def _labels(request: Request) -> LabelRows | None:
    if request.label_rows is None:
        return None
    names = read_tags(request.tag_list) if request.tag_list else None
    return read_rows(request.label_rows, names, KINDS[request.name])


def _loaded(tagger: OpenTagger) -> Loaded:
    report, plan = tagger.report, tagger.tagger.config
    *blocks, last = map(str, plan.swin.depths)
    network = f"{NAMES[plan.kind]}, Swin of {', '.join(blocks)} and {last} blocks"
    return Loaded(
        f"{network} at {plan.swin.side} px",
        len(report.loaded),
        report.renamed,
        report.resized,
        report.dropped,
        report.unexpected,
    )


class RamTeacher:
    """An open tagger; its embedding is the picture's token after projection, not normalised."""

    def __init__(self, name: str, tagger: OpenTagger) -> None:
        self._tagger = tagger
        self._side = tagger.image_size
        plan = tagger.tagger.config
        self.about = Description(
            name,
            "sigmoid",
            unique(tagger.tags),
            tagger.vocabulary.thresholds,
            plan.projected or plan.swin.channels,  # Tag2Text does not project
            (self._side, self._side),
            _loaded(tagger),
            tagger.vocabulary.chinese,
        )

    def read(self, sample: Sample) -> U8:
        """As published: not turned as EXIF says. A box is one of the upright picture, so turned."""
        upright = sample.box is not None
        rgb = np.asarray(decoded(sample.file.read_bytes(), sample.file, upright=upright))
        return pixels.cut(rgb, Region(*sample.box)) if sample.box else rgb

    def fit(self, picture: U8) -> U8:
        # Pillow's bilinear, as published: OpenCV's does not average when it shrinks.
        size = (self._side, self._side)
        return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR))

    def look(self, pictures: Sequence[U8]) -> tuple[F32, F32 | None]:
        seen = self._tagger.look(pictures)
        return seen.logits, seen.embedding
