"""Artifacts on their engines, and which output answers which head."""

from __future__ import annotations

from collections.abc import Sequence

from edge.bundle.manifest import InputSpec
from edge.engines import Engine, open_engine
from quantize.errors import WorkshopError
from quantize.int8.gate import EMBEDDING
from quantize.report.models import ONE_STUDENT, HeadSpec, Model
from quantize.report.records import Kind

OTHER_TAGS = "give the tags.json that was exported with it"


class Opened:
    """A model on its engine, its outputs under the names of the heads."""

    def __init__(self, model: Model, heads: Sequence[HeadSpec]) -> None:
        """Raises BundleError when the artifact is none, WorkshopError when outputs do not fit."""
        self.model = model
        self.engine: Engine = open_engine(model.engine, model.files, threads=1)
        self.tensors = _tensors(model, self.engine, [head.name for head in heads])
        self.embedding = _embedding(model, self.engine, self.tensors)
        shapes = {out.name: out.shape for out in self.engine.outputs}
        self.sizes = {head: shapes[tensor][-1] for head, tensor in self.tensors.items()}
        self.vector = shapes[self.embedding][-1] if self.embedding else 0
        self.kinds = {h.name: _kind(model, h, self.sizes[h.name]) for h in heads}
        height, width = self.engine.input.shape[1:3]
        self.spec = InputSpec(height=height, width=width)


def _tensors(model: Model, engine: Engine, heads: list[str]) -> dict[str, str]:
    """Head -> the tensor that answers it: as the manifest says, by name, or else by order."""
    there = [out.name for out in engine.outputs]
    if model.outputs is not None:
        return {head: model.outputs[head] for head in heads}
    if set(heads) <= set(there):
        return {head: head for head in heads}
    if len(there) != len(heads) + 1:
        raise WorkshopError(
            model.where,
            f"{len(there)} outputs ({', '.join(there)})",
            f"{len(heads) + 1}: embedding, {', '.join(heads)}",
            OTHER_TAGS,
        )
    return dict(zip(heads, there[1:]))


def _embedding(model: Model, engine: Engine, tensors: dict[str, str]) -> str | None:
    """The output that the manifest calls so, or else the one that answers no head."""
    if model.outputs is not None:
        return model.outputs.get(EMBEDDING)
    return next((o.name for o in engine.outputs if o.name not in tensors.values()), None)


def _kind(model: Model, head: HeadSpec, logits: int) -> Kind:
    """A softmax head has one logit more, for "none", where no manifest says what it is."""
    count = len(head.tags)
    if logits not in (count, count + 1):
        raise WorkshopError(
            model.where,
            f"{logits} logits for head {head.name!r}",
            f"{count}, or {count + 1} with one for none of them",
            OTHER_TAGS,
        )
    return head.kind or ("softmax" if logits > count else "multilabel")


def require_alike(opened: Sequence[Opened]) -> dict[str, Kind]:
    """The kind of every head. Raises WorkshopError when input size, logits or
    embedding differ.
    """
    first = opened[0]
    for other in opened[1:]:
        if other.spec != first.spec:
            raise WorkshopError(
                other.model.where,
                f"takes {other.spec.width} x {other.spec.height} px",
                f"{first.spec.width} x {first.spec.height} px as {first.model.where}",
                ONE_STUDENT,
            )
        if other.vector != first.vector:
            raise WorkshopError(
                other.model.where,
                f"{other.vector} numbers in an embedding",
                f"{first.vector} as {first.model.where}",
                ONE_STUDENT,
            )
        for head, size in first.sizes.items():
            if other.sizes[head] != size:
                raise WorkshopError(
                    other.model.where,
                    f"{other.sizes[head]} logits for head {head!r}",
                    f"{size} as {first.model.where}",
                    ONE_STUDENT,
                )
    return opened[-1].kinds  # of int8: a bundle's manifest says what the head is
