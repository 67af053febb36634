"""What an engine gives, made sense of: an embedding of length 1, and scores by head."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

import msgspec
import numpy as np

from edge.bundle.manifest import Artifact, Head
from edge.bundle.read import Bundle
from edge.engines import Engine
from edge.errors import PACK_AGAIN, BundleError, InferenceError
from edge.heads.embedded import AddedHead
from edge.heads.scores import scores
from edge.records import F32

Answers = tuple[F32, dict[str, F32]]  # (R, D) of length 1; head -> (R, T) or, with "none", T + 1


class Looks(msgspec.Struct, frozen=True, eq=False):
    """What R regions look like, and what it cost to find out."""

    embedding: F32  # (R, D), rows of length 1
    scores: dict[str, F32]  # head -> (R, T) or, with "none", (R, T + 1)
    engine_ms: float  # inside the engine


class Reading:
    """What one region looks like, as `Looks`; made out while the engine is busy with the next one,
    so whoever asks for it late need not wait.
    """

    def __init__(self, engine_ms: float, read: Callable[[], Answers]) -> None:
        self.engine_ms = engine_ms
        self._read = read

    @property
    def embedding(self) -> F32:
        """(1, D), of length 1. Raises InferenceError for what is no number, as does `scores`."""
        return self._read()[0]

    @property
    def scores(self) -> dict[str, F32]:
        """head -> (1, T) or, with "none", (1, T + 1)"""
        return self._read()[1]


def read_outputs(
    outputs: Mapping[str, F32], artifact: Artifact, own: Sequence[Head], added: Sequence[AddedHead]
) -> Answers:
    """An engine's outputs, by the artifact's names. Raises InferenceError for what is no number.

    After the engine the caches hold nothing of this, and every call of numpy costs several times
    what it costs in a loop: hence few of them, and none of their wrappers in Python.
    """
    names = artifact.outputs
    used = [outputs[name] for name in names.values() if name in outputs]
    if not np.isfinite(np.concatenate(used, axis=1)).all():
        _refuse(outputs, artifact)
    rows = outputs[names["embedding"]]
    squares: F32 = np.add.reduce(rows * rows, axis=1, keepdims=True)
    lengths: F32 = np.maximum(np.sqrt(squares), 1e-12)  # all zero stays so
    unit = rows / lengths
    by_head = {head.name: scores(head, outputs[names[head.name]]) for head in own}
    return unit, by_head | {a.head.name: a.scores(unit) for a in added}


def _refuse(outputs: Mapping[str, F32], artifact: Artifact) -> NoReturn:
    """Some of them are no numbers. Raises InferenceError."""
    word = next(
        word
        for word, name in artifact.outputs.items()
        if name in outputs and not np.isfinite(outputs[name]).all()
    )
    raise InferenceError(
        f"{_key(artifact)}: output {word!r} holds NaN or infinity, expected numbers",
        fix="use the float artifact, another engine or another provider",
    )


def check_input(bundle: Bundle, artifact: Artifact, engine: Engine) -> None:
    """Raises BundleError where the engine's input is not the manifest's."""
    spec = bundle.manifest.input
    wanted, found = (spec.height, spec.width, 3), engine.input.shape[1:]
    if found != wanted:
        raise _mismatch(bundle, artifact, "input", found, wanted)


def check_outputs(bundle: Bundle, artifact: Artifact, outputs: Mapping[str, F32]) -> None:
    """Of one picture. Raises BundleError for one that is missing, or of another size."""
    sizes = {"embedding": bundle.manifest.embedding_size}
    own = bundle.manifest.heads
    sizes |= {head.name: len(bundle.tags_of(head)) + head.has_none for head in own}
    for word, size in sizes.items():
        what, name = f"output {word!r}", artifact.outputs[word]
        if name not in outputs:
            found = f"missing ({name!r})"
            raise _mismatch(bundle, artifact, what, found, f"one of {list(outputs)}")
        if outputs[name].shape != (1, size):
            raise _mismatch(bundle, artifact, what, outputs[name].shape, (1, size))


def _mismatch(
    bundle: Bundle, artifact: Artifact, what: str, found: object, expected: object
) -> BundleError:
    told = f"{bundle.root}: {what} of artifact {_key(artifact)} is {found}, expected {expected}"
    return BundleError(told, fix=PACK_AGAIN)


def _key(artifact: Artifact) -> str:
    return f"{artifact.engine}/{artifact.precision}"
