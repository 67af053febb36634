"""The golden check: does an artifact say here what it said where it was packed?

A golden picture lists, for each head, the scores worth comparing, and a sample of the embedding,
which galleries and attributes live on. Integer kernels differ a little between CPUs, so scores may
move by `TOLERANCE` and the embedding by `ASTRAY`; a wrong engine build, a wrong preprocessing or a
damaged artifact moves them more. (int8 moves the embedding that ships by 0.05; kernels that
overflow, which were met, by 0.14 and 0.19 while every score stayed near.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from edge.bundle.manifest import Artifact, Golden, Head
from edge.bundle.read import Bundle, TagNames
from edge.errors import COPY_OR_OTHER, PACK_AGAIN, BundleError, NotReproduced
from edge.pictures.pixels import decode
from edge.records import F32, U8

TOLERANCE = 0.05  # of a score
ASTRAY = 0.1  # of an embedding: length of the difference over its own
SAMPLED = 64  # numbers of an embedding

NONE = ""  # stands for "none of these" among golden scores; a tag is never empty
EMBEDDING = "embedding"  # no head may be called so

# (H, W, 3) of the input size -> head -> (T,) or (T + 1,), EMBEDDING -> (D,) of length 1
Score = Callable[[U8], Mapping[str, F32]]


def check(bundle: Bundle, artifact: Artifact, score: Score) -> list[str]:
    """What differs, a sentence each, with both numbers; empty when the artifact reproduces.

    Raises BundleError when a golden picture cannot be read, and what `score` raises.
    """
    proofs = _proofs(bundle, artifact)
    if not proofs:
        key = f"{artifact.engine}/{artifact.precision}"
        return [f"{bundle.root}: bundle has no golden scores for {key}, expected 1 or more"]
    findings: list[str] = []
    for golden, expected in proofs:
        rows = score(picture_of(bundle, golden))
        for head in bundle.manifest.heads:
            where = f"{golden.picture.file}: {head.name}"
            found = _by_tag(bundle.tags_of(head), rows[head.name])
            findings += _differences(head, where, found, expected.get(head.name, {}))
        findings += _astray(golden, artifact, rows)
    return findings


def largest_difference(bundle: Bundle, artifact: Artifact, score: Score) -> tuple[int, float]:
    """Pictures, and how far any score lies from what it was. Raises as `check` does."""
    apart = [0.0]
    proofs = _proofs(bundle, artifact)
    for golden, expected in proofs:
        rows = score(picture_of(bundle, golden))
        for head in bundle.manifest.heads:
            found = _by_tag(bundle.tags_of(head), rows[head.name])
            known = expected.get(head.name, {})
            apart += [abs(found[tag] - was) for tag, was in known.items() if tag in found]
    return len(proofs), max(apart)


def require(bundle: Bundle, artifact: Artifact, score: Score) -> None:
    """Raises BundleError, with the numbers, when `check` finds anything."""
    findings = check(bundle, artifact, score)
    if findings:
        more = f"; and {len(findings) - 3} more" if len(findings) > 3 else ""
        raise NotReproduced(
            f"{bundle.root}: {artifact.engine}/{artifact.precision} does not reproduce: "
            f"{'; '.join(findings[:3])}{more}",
            fix=COPY_OR_OTHER,
        )


def golden_scores(names: TagNames, row: F32, keep: int = 5) -> dict[str, float]:
    """The `keep` best of a head's `row` for a picture, as a manifest lists them."""
    best = sorted(_by_tag(names, row).items(), key=lambda item: -item[1])[:keep]
    return {tag: round(score, 4) for tag, score in best}


def golden_embedding(row: F32) -> tuple[float, ...]:
    """Every n-th number of an embedding (D,) of length 1, some `SAMPLED` of them, as a manifest
    lists them. `row` may have any length.
    """
    unit = row / max(float(np.linalg.norm(row)), 1e-12)
    return tuple(round(float(number), 5) for number in unit[:: _step(row)])


def _step(row: F32) -> int:
    return max(1, len(row) // SAMPLED)


def _astray(golden: Golden, artifact: Artifact, rows: Mapping[str, F32]) -> list[str]:
    was = golden.embedding.get(f"{artifact.engine}/{artifact.precision}")
    if was is None:  # packed before schema 3
        return []
    row = rows[EMBEDDING]
    sample = row[:: _step(row)]
    off = np.inf if len(sample) != len(was) else _distance(sample, np.array(was, np.float32))
    if off <= ASTRAY:
        return []
    return [f"{golden.picture.file}: embedding is off by {off:.3f}, expected {ASTRAY} at most"]


def _distance(found: F32, was: F32) -> float:
    return float(np.linalg.norm(found - was) / max(float(np.linalg.norm(was)), 1e-6))


Proof = tuple[Golden, Mapping[str, Mapping[str, float]]]  # head -> tag -> score


def _proofs(bundle: Bundle, artifact: Artifact) -> list[Proof]:
    key = f"{artifact.engine}/{artifact.precision}"
    return [(g, g.scores[key]) for g in bundle.manifest.golden if key in g.scores]


def picture_of(bundle: Bundle, golden: Golden) -> U8:
    """(H, W, 3) RGB of the input size. Raises BundleError."""
    spec = bundle.manifest.input
    where = f"{bundle.root}/{golden.picture.file}"
    pixels = decode(bundle.read(golden.picture), where)
    if pixels.shape != (spec.height, spec.width, 3):
        raise BundleError(
            f"{where}: golden picture is {pixels.shape[1]} x {pixels.shape[0]} px, "
            f"expected the input size, {spec.width} x {spec.height}",
            fix=PACK_AGAIN,
        )
    return pixels


def _by_tag(names: TagNames, row: F32) -> dict[str, float]:
    words = [tag for tag, _ in names] + [NONE]
    # A head without "none" has one score less.
    return dict(zip(words, map(float, row), strict=False))


def _differences(
    head: Head, where: str, found: Mapping[str, float], expected: Mapping[str, float]
) -> Sequence[str]:
    findings = [f"{where}: {tag!r} is no tag of the head" for tag in expected if tag not in found]
    known = {tag: score for tag, score in expected.items() if tag in found}
    for tag, score in known.items():
        if not abs(found[tag] - score) <= TOLERANCE:  # a NaN is no score either
            findings.append(
                f"{where}: {tag!r} is {found[tag]:.3f}, expected {score:.3f} +- {TOLERANCE}"
            )
    if head.kind == "softmax" and known:
        was, now = max(known, key=known.__getitem__), max(found, key=found.__getitem__)
        # less is a tie, which any CPU may break its own way
        if found[now] - found[was] > TOLERANCE:
            findings.append(f"{where}: best is {now!r} at {found[now]:.3f}, expected {was!r}")
    return findings
