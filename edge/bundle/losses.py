"""What int8 costs, by a bundle's own numbers: whoever packed it may have let it through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edge.bundle.manifest import Artifact, Head

POINTS = 0.5  # of top-1 a head may lose, as where bundles are packed
CHANCE = 4  # pictures more that are wrong: twice what chance does to such a number, at most


def losses(heads: Sequence[Head], artifact: Artifact) -> Iterator[str]:
    """A sentence for each head of which this artifact loses more than it may, with both numbers."""
    key = f"{artifact.engine}/{artifact.precision}"
    for head in heads:
        before, after = head.accuracy.get(f"{artifact.engine}/float"), head.accuracy.get(key)
        if before is None or after is None:
            continue
        points = 100 * (before.top1 - after.top1)
        if points > POINTS and points / 100 * after.count > CHANCE:
            yield (
                f"head {head.name!r} loses {points:.1f} points as {key}: {before.top1:.1%} right "
                f"as float, {after.top1:.1%} now"
            )
