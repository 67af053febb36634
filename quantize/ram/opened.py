"""A checkpoint, its tags and a device together: pictures in, logits, scores and tags out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from quantize.checkpoints.report import LoadReport
from quantize.errors import WorkshopError
from quantize.ram.checkpoint import Unexpected, load
from quantize.ram.configs import Kind
from quantize.ram.labels import LabelRows, kept, with_labels
from quantize.ram.preprocess import Picture, batch
from quantize.ram.tagger import Tagger
from quantize.ram.vocabulary import (
    FLAT,
    FLAT_OPEN,
    Comparison,
    Tag,
    Vocabulary,
    chosen,
    numbered,
    positions,
    read_tags,
    scores_of,
    tags_of,
    vocabulary,
)

F32 = NDArray[np.float32]
Dtype = Literal["float32", "float16", "bfloat16"]
DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


class Outputs(msgspec.Struct, frozen=True):
    """What a tagger says of B pictures, in single precision whatever it computed in."""

    logits: F32  # (B, T)
    embedding: F32  # (B, D), not normalised: RAM's 512, made to be like CLIP's picture embedding
    scores: F32  # (B, T), 0..1


class OpenTagger:
    """Holds a network on a device."""

    def __init__(self, tagger: Tagger, vocabulary: Vocabulary, report: LoadReport) -> None:
        self.tagger = tagger
        self.vocabulary = vocabulary
        self.report = report
        self.image_size = tagger.config.swin.side
        tagger.fold()

    @property
    def tags(self) -> tuple[str, ...]:
        return self.vocabulary.tags

    @property
    def identity(self) -> str:
        """SHA-256 of what the answers depend on; the file by name, size and time of change."""
        file = Path(self.report.file)
        about = file.stat()
        kind = str(next(self.tagger.parameters()).dtype)
        parts = (file.name, about.st_size, about.st_mtime_ns, self.image_size, kind, self.tags)
        found = hashlib.sha256(msgspec.json.encode((*parts, self.tagger.counts)))
        for key, value in self.tagger.state_dict().items():
            if key.startswith("label_embed"):  # other rows for the same tags are other answers
                found.update(value.cpu().contiguous().view(torch.uint8).numpy().data)
        return found.hexdigest()

    @torch.inference_mode()
    def look(self, pictures: Sequence[Picture]) -> Outputs:
        """Pictures are Pillow images or (H, W, 3) uint8 RGB arrays of any size, one batch."""
        like = next(self.tagger.parameters())
        image = batch(pictures, self.image_size).to(like.device, like.dtype)
        logits, embedding = (out.float().cpu().numpy() for out in self.tagger(image))
        return Outputs(logits, embedding, scores_of(logits))

    def tags_in(self, picture: Picture) -> list[Tag]:
        """Tags with their scores, best first."""
        return tags_of(self.vocabulary, self.look([picture]).scores[0])

    def trimmed(self, tags: Sequence[str]) -> OpenTagger:
        """Another for these tags alone, in this order: cheaper, and with the same scores."""
        places = positions(self.tags, tags)
        return OpenTagger(kept(self.tagger, places), chosen(self.vocabulary, places), self.report)

    def with_labels(
        self,
        labels: LabelRows,
        *,
        threshold: float = FLAT_OPEN,
        comparison: Comparison | None = None,
    ) -> OpenTagger:
        """Another for other tags, by their label rows; tags it had keep their thresholds."""
        known = dict(zip(self.vocabulary.tags, self.vocabulary.thresholds))
        least = tuple(known.get(tag, threshold) for tag in labels.tags)
        compared = comparison or self.vocabulary.comparison
        opened = Vocabulary(labels.tags, least, comparison=compared)
        return OpenTagger(with_labels(self.tagger, labels), opened, self.report)


def open_tagger(
    checkpoint: Path,
    image_size: int | None = None,
    device: str = "cpu",
    dtype: Dtype = "float32",
    tag_list: Path | None = None,
    thresholds: Path | float | None = None,
    *,
    kind: Kind | None = None,
    labels: LabelRows | None = None,
    chinese: Path | None = None,
    override: Mapping[str, float] | None = None,
    deleted: Sequence[str] = (),
    comparison: Comparison = "strict",
    unexpected: Unexpected = "refuse",
) -> OpenTagger:
    """Open a published RAM, RAM++ or Tag2Text file for tagging.

    checkpoint  .pth (no code in it is run) or .safetensors
    image_size  px, a multiple of 32; None: as trained (224 or 384)
    device      "cpu", "cuda", "cuda:1"
    dtype       what to compute in; answers are float32 always
    tag_list    one tag a line; None: tags are called by their positions, "0", "1", ...
    thresholds  a file, one number a line, or one number for all; None: 0.68, of `labels` 0.5
    kind        refuse a checkpoint of another kind, with the reason
    labels      other tags, by their rows, in place of the checkpoint's and of `tag_list`
    chinese     Chinese names, one a line; override: tag -> threshold; deleted: tags never given
    comparison  "strict": a tag needs a score above its threshold; "inclusive": at least that
    unexpected  "ignore": keys that no tagger has are reported, not refused

    Raises WorkshopError for a file that is damaged, of another kind, or does not fit the tag list.
    """
    _refuse_device(device, dtype)
    tags = None if tag_list is None else read_tags(tag_list)
    count = None if tags is None else len(tags)
    tagger, report = load(
        checkpoint, image_size=image_size, kind=kind, tags=count, unexpected=unexpected,
        relabel=labels is not None,
    )  # fmt: skip
    if labels is not None:
        tagger, tags = with_labels(tagger, labels), labels.tags
    if thresholds is None:
        thresholds = FLAT if labels is None else FLAT_OPEN
    known = vocabulary(
        tags or numbered(len(tagger.counts)), thresholds=thresholds, chinese=chinese,
        override=override, deleted=deleted, comparison=comparison,
    )  # fmt: skip
    return OpenTagger(tagger.to(device, DTYPES[dtype]), known, report)


def _refuse_device(device: str, dtype: str) -> None:
    if dtype not in DTYPES:
        raise WorkshopError("dtype", repr(dtype), f"one of {', '.join(DTYPES)}", "--dtype float32")
    try:
        kind = torch.device(device).type
    except RuntimeError as e:
        raise WorkshopError("device", repr(device), "cpu, cuda or cuda:N", "--device cpu") from e
    if kind == "cuda" and not torch.cuda.is_available():
        raise WorkshopError(
            "device", f"{device}, and torch sees no GPU", "a GPU that torch sees", "--device cpu"
        )
