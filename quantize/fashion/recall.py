"""How high the right one ranks: R@1, R@5, R@10, for pictures and texts of products.

A product has one text and any number of pictures. From a picture one text is right; from a text
any picture of the product, and the best of them counts. Among equal scores the later one comes
first, as a sort turned around has it: the published numbers were made so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from quantize.errors import WorkshopError

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]
KS = (1, 5, 10)


def ranks(scores: F32, right: Sequence[Sequence[int]]) -> I64:
    """(Q, N) scores; of each query the columns that are right -> (Q,) the best rank, 0 first.

    Raises WorkshopError where there are no queries, or a score is no number: turned around, a sort
    has those first, and a network that is broken would find everything.
    """
    _check(scores)
    found = []
    for row, columns in zip(scores, right, strict=True):
        turned = np.argsort(row, kind="stable")[::-1]
        place = np.empty(len(row), np.int64)
        place[turned] = np.arange(len(row))
        found.append(int(place[list(columns)].min()))
    return np.array(found, np.int64)


def _check(scores: F32) -> None:
    if not scores.size:
        found = f"scores of shape {scores.shape}"
        raise WorkshopError("recall", found, "a query and an answer at least", "give a larger set")
    lost = int((~np.isfinite(scores).all(1)).sum())
    if lost:
        found = f"{lost} of {len(scores)} queries have scores that are no numbers"
        raise WorkshopError("recall", found, "finite vectors", "look for NaN in the checkpoint")


def recalls(found: I64, ks: Sequence[int] = KS) -> dict[int, float]:
    """k -> per cent of queries whose rank is below k."""
    return {k: 100.0 * float((found < k).mean()) for k in ks}


def both_ways(cosines: F32, owner: Sequence[int]) -> dict[str, dict[int, float]]:
    """The full protocol. cosines (pictures, texts); owner: of each picture its text.

    "image to text" and "text to image": k -> per cent.
    """
    pictures_of = members(owner)
    texts = [pictures_of[text] for text in range(cosines.shape[1])]
    return {
        "image to text": recalls(ranks(cosines, [[text] for text in owner])),
        "text to image": recalls(ranks(cosines.T, texts)),
    }


def members(owner: Sequence[int]) -> dict[int, list[int]]:
    """Text -> its pictures, in order."""
    found: dict[int, list[int]] = {}
    for picture, text in enumerate(owner):
        found.setdefault(text, []).append(picture)
    return found


def among(cosines: F32, queries: I64, candidates: I64) -> dict[int, float]:
    """The protocol of 101 candidates, the last of which is right.

    cosines (all queries, all answers), queries (Q,) rows, candidates (Q, 101) columns.
    """
    scores = _among(cosines, queries, candidates)
    return recalls(ranks(scores, [[candidates.shape[1] - 1]] * len(queries)))


def tied(cosines: F32, queries: I64, candidates: I64) -> float:
    """Per cent of those queries whose right answer has the very score of a wrong one: as published,
    the right one comes first then, and a network that tells nothing apart is right in all cases.

    Shapes as in `among`.
    """
    scores = _among(cosines, queries, candidates)
    return 100.0 * float((scores[:, :-1] == scores[:, -1:]).any(1).mean())


def _among(cosines: F32, queries: I64, candidates: I64) -> F32:
    return np.take_along_axis(cosines[queries], candidates, axis=1)


def summary(full: Mapping[str, Mapping[int, float]]) -> dict[str, float]:
    """The published means: of R@1, 5, 10 each way, and of the two R@1."""
    means = {way: float(np.mean([r[k] for k in KS])) for way, r in full.items()}
    return means | {"mean R@1": float(np.mean([r[1] for r in full.values()]))}
