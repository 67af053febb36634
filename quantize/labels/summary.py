"""What came of a labelling, in a few lines: numbers, what is left out, the tags that fire most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.records import F32
from quantize.labels.manifest import LOADED, LabelManifest, read_loaded
from quantize.labels.shards import read_soft
from quantize.teachers import Loaded

SHOWN = 10
ENOUGH = 0.5  # score of a sigmoid that fires, where the teacher has no thresholds
NEVER = 1.0  # a threshold that no score is above


def fires(logits: F32, manifest: LabelManifest) -> NDArray[np.bool_]:
    """(N, T): softmax: the best tag; sigmoid: every score strictly above its threshold."""
    if manifest.kind == "softmax":
        return np.asarray(logits == logits.max(1, keepdims=True))
    scores = 1 / (1 + np.exp(-logits.astype(np.float64)))
    return np.asarray(scores > np.array(manifest.thresholds or (ENOUGH,)))


def counted(folder: Path, manifest: LabelManifest) -> NDArray[np.int64]:
    """(T,) how many pictures each tag fires for; one shard in memory at a time."""
    total = np.zeros(len(manifest.tags), np.int64)
    for number in range(manifest.shards):
        if rows := read_soft(folder, number):
            total += fires(np.stack(list(rows.values())), manifest).sum(0)
    return total


def summary(folder: Path, manifest: LabelManifest, counts: NDArray[np.int64]) -> str:
    """For a person."""
    lines = [
        f"{folder}: {manifest.pictures:,} pictures labelled by {manifest.teacher} "
        f"({len(manifest.tags):,} tags, {manifest.kind}), {len(manifest.left_out):,} left out"
    ]
    lines += _keys(read_loaded(folder))
    lines += [f"  left out: {row.reason}" for row in manifest.left_out[:SHOWN]]
    if len(manifest.left_out) > SHOWN:
        lines.append(f"  and {len(manifest.left_out) - SHOWN:,} more: see manifest.json")
    lines.append(f"  fires most: {' | '.join(_most(_names(manifest), counts)) or 'nothing'}")
    if off := [tag for tag, at in zip(manifest.tags, manifest.thresholds or ()) if at >= NEVER]:
        lines.append(f"  disabled, threshold 1: {' | '.join(off)}")
    return "\n".join(lines) + "\n"


def _keys(loaded: Loaded | None) -> list[str]:
    """Of the checkpoint: what was loaded, and what was not, by reason."""
    if loaded is None:
        return []
    parts = [f"{loaded.loaded} keys loaded"]
    parts += [f"{len(loaded.renamed)} of them renamed"] * bool(loaded.renamed)
    parts += [f"{n} resized ({how})" for how, n in Counter(loaded.resized.values()).items()]
    parts += [f"{len(loaded.unexpected)} unexpected"] * bool(loaded.unexpected)
    lines = [f"  checkpoint: {loaded.network}; {', '.join(parts)}; each in {LOADED}"]
    dropped = Counter(loaded.dropped.values()).most_common()
    return lines + [f"  {count} keys dropped: {reason}" for reason, count in dropped]


def _names(manifest: LabelManifest) -> Sequence[str]:
    """Of the tags, in Chinese beside where somebody gave it."""
    return [f"{tag} {name}" for tag, name in zip(manifest.tags, manifest.chinese)] or manifest.tags


def _most(tags: Sequence[str], counts: NDArray[np.int64]) -> list[str]:
    order = np.argsort(-counts, kind="stable")[:SHOWN]
    return [f"{tags[i]} {counts[i]:,}" for i in order if counts[i]]
