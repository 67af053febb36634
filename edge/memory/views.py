"""What a new view of a thing does to what is known of it: a closer look adds evidence, and a glance
may open again what was settled. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from edge.bundle.manifest import Head
from edge.memory import appearance, evidence
from edge.memory.tracks import Track
from edge.records import F32

GROWN = 1.2  # times the largest area at a look: more detail than was seen then


def after_look(
    track: Track,
    heads: Sequence[Head],
    scores: Mapping[str, F32],
    embedding: F32,
    patch: F32,
    found: bool,
    at_s: float,
) -> Track:
    """After a closer look.

    scores  head -> (T,) or, with "none", (T + 1,); embedding (D,) of length 1; patch: see
    appearance.py; found: the look named something
    """
    known = track.evidence
    if known.state != "open":  # it is long ago
        known = evidence.reopened(known)
    return replace(
        track,
        evidence=evidence.add(known, heads, scores, embedding),
        seen_s=at_s if found else track.seen_s,
        looked_s=at_s,
        looked_side=max(track.side, track.looked_side),
        patches=appearance.with_new(track.patches, patch),
    )


def grown(track: Track) -> Track:
    """Reopened, if it is now much larger than at any look before."""
    is_grown = track.looked_side > 0 and (track.side / track.looked_side) ** 2 > GROWN
    if track.evidence.state == "open" or not is_grown:
        return track
    return replace(track, evidence=evidence.reopened(track.evidence))


def seen_again(track: Track, patch: F32) -> Track:
    """Reopened, if it looks unlike at any look before."""
    patches = appearance.with_new(track.patches, patch)
    if patches is track.patches:
        return track
    return replace(track, patches=patches, evidence=evidence.reopened(track.evidence))
