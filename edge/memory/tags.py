"""The tags of a thing that was looked at, or what says that it is none. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from edge.bundle.manifest import Head
from edge.heads.scores import ATTRIBUTES, group_for, none_for, tags_for
from edge.heads.worn import head_of, worn
from edge.memory import evidence
from edge.memory.tracks import Track
from edge.records import Box, Nothing, Tag


def tags_of(
    track: Track,
    box: Box,
    heads: Sequence[Head],
    names: Mapping[str, Sequence[tuple[str, str | None]]],
    at_s: float,
    top_k: int | None,
) -> tuple[Tag, ...]:
    """The tags that are shown, without a flicker; or the best `top_k` of each head. A garment has
    its attributes.
    """
    known, found = track.evidence, []
    for head in heads:
        if head.name not in known.logs or head.name == ATTRIBUTES:
            continue
        row = evidence.probabilities(head, known.logs[head.name])
        if top_k is None:
            shown = known.shown.get(head.name, ())
            found += [Tag(head.name, *names[head.name][i], float(row[i]), box) for i in shown]
            if head.kind == "softmax" and not shown:
                found += group_for(head, names[head.name], row, box)
        else:
            found += tags_for(head, names[head.name], row, box, top_k)
    about = _about(track, at_s)
    tags = tuple(replace(tag, **about) for tag in found)
    own, logs = head_of(heads), known.logs.get(ATTRIBUTES)
    if own is None or logs is None:
        return tags
    row, said = evidence.probabilities(own, logs), known.shown.get(ATTRIBUTES, ())
    return worn(tags, own, names[ATTRIBUTES], row, said)


def none_of(track: Track, box: Box, heads: Sequence[Head], at_s: float) -> Nothing | None:
    """What every head says of a thing that is none of its tags, and that is told to be nothing."""
    logs, shown = track.evidence.logs, track.evidence.shown
    if any(shown.get(head.name) for head in heads if head.kind == "softmax"):
        return None
    rows = {h.name: evidence.probabilities(h, logs[h.name]) for h in heads if h.name in logs}
    none = none_for(heads, rows)
    return replace(Nothing(none, box), **_about(track, at_s)) if none else None


def _about(track: Track, at_s: float) -> dict[str, Any]:
    """What is known of the looks at it."""
    known = track.evidence
    age_s = round(at_s - (track.looked_s if track.looked_s is not None else at_s), 3)
    return {"track": track.id, "looks": known.looks, "age_s": age_s, "state": known.state}
