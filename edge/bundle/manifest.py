"""`bundle.json`: what a bundle says about itself. `manifest_read.py` is the one way to read it."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

import msgspec
import numpy as np

from edge.records import F32

SCHEMA = 3  # of the manifest; grows when a manifest written today could not be read yesterday
MANIFEST = "bundle.json"


class StoredFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of the bundle and what it must be."""

    file: str  # relative to the bundle, forward slashes
    size_bytes: int
    sha256: str  # hex, lower case


class InputSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What every artifact takes. Normalisation is inside the artifact."""

    height: int  # px
    width: int  # px
    layout: Literal["NHWC"] = "NHWC"
    dtype: Literal["uint8"] = "uint8"
    colour: Literal["RGB"] = "RGB"
    fit: Literal["stretch"] = "stretch"  # the region is resized to height x width, aspect given up


class Accuracy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often a head was right on the evaluation set, with one artifact."""

    count: int  # pictures
    top1: float  # 0..1
    by_tag: dict[str, float] = {}  # 0..1, tags that the evaluation set holds


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """How one output becomes tags."""

    name: str
    kind: Literal["softmax", "multilabel"]
    tags: StoredFile  # UTF-8, one `tag` or `tag<TAB>group` a line; line n names logit n
    temperature: float  # logits are divided by it before softmax or sigmoid
    # One for all tags, or one a tag; score >= threshold gives the tag.
    thresholds: tuple[float, ...]
    has_none: bool = False  # softmax only: one more logit after the tags means "none of these"
    evaluation: str = ""  # what the accuracy was measured on
    accuracy: dict[str, Accuracy] = {}  # "float", "onnxruntime/int8", ...

    @cached_property
    def limits(self) -> F32:
        """The thresholds, (1,) or (T,): a thousand are not to be converted at every look."""
        return np.asarray(self.thresholds, np.float32)


class GoldenCell(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a glance said of one cell of its golden picture when it was packed."""

    row: int
    column: int
    heat: dict[str, float]  # kind -> probability
    geometry: tuple[float, float, float]  # see HeatMap


class HeatArtifact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One model of the glance for one engine at one precision."""

    engine: str
    precision: Literal["float", "int8"]
    files: tuple[StoredFile, ...]
    heat: str  # the tensor's name in this artifact
    geometry: str  # likewise
    golden: tuple[GoldenCell, ...]  # some hot cells and some cold ones


class HeatMap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The glance: a low-resolution look at a whole frame that says where to look closer.

    Its artifacts give two rows of numbers: "heat", a calibrated logit for each cell and kind
    (rows * columns * kinds), and "geometry", three numbers a cell about the thing whose centre
    lies there: how far down and right in the cell (0..1), and the logarithm to base 2 of its
    longer side over the frame's longer side.
    """

    input: InputSpec
    rows: int
    columns: int
    kinds: tuple[str, ...]  # of things: names of heads, and "mark" for what no head has learned
    artifacts: tuple[HeatArtifact, ...]
    golden: StoredFile  # PNG, RGB, of the input's size
    evaluation: str = ""  # what its average precision was measured on
    average_precision: dict[str, float] = {}  # "onnxruntime/float", "onnxruntime/int8" -> 0..1


class Artifact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One model for one engine at one precision."""

    engine: str
    precision: Literal["float", "int8"]
    files: tuple[StoredFile, ...]  # in the order the engine wants them
    outputs: dict[str, str]  # "embedding" and every head name -> the tensor's name in this artifact


class Golden(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A picture of exactly the input size, and what each artifact answered when it was packed."""

    picture: StoredFile  # PNG, RGB, height x width
    scores: dict[str, dict[str, dict[str, float]]]  # "engine/precision" -> head -> tag -> score
    # "engine/precision" -> some numbers of the embedding, see golden.golden_embedding
    embedding: dict[str, tuple[float, ...]] = {}


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`bundle.json`."""

    schema: int
    name: str
    counter: int  # only grows; a device may refuse an older one
    input: InputSpec
    embedding_size: int
    heads: tuple[Head, ...]
    artifacts: tuple[Artifact, ...]
    golden: tuple[Golden, ...]
    trained_on: tuple[dict[str, str], ...]  # name, source, licence of what went in
    recipe: dict[str, str | int | float | bool]  # the settings that made it
    glance: HeatMap | None = None  # None: every place is as promising as any other
    outline: tuple[StoredFile, ...] = ()  # of fish: outline/outline.json and what it names
    attributes: StoredFile | None = None  # of garments: see edge/heads/attributes.py

    def files(self) -> list[StoredFile]:
        """Every file it names, each once, in the order named."""
        named = [head.tags for head in self.heads]
        named += [file for artifact in self.artifacts for file in artifact.files]
        named += [golden.picture for golden in self.golden]
        if self.glance is not None:
            named += [file for artifact in self.glance.artifacts for file in artifact.files]
            named += [self.glance.golden]
        named += self.outline
        named += [] if self.attributes is None else [self.attributes]
        return list(dict.fromkeys(named))
