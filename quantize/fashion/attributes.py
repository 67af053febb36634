"""Attributes of garments, and what is known of them: by category, by construction, or said.

A group holds tags of which a garment has at most one. What is known of a picture is a tag a group,
"" where it has none of them; a group that nobody knows is left out, and teaches nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from quantize.errors import WorkshopError

HEAD = "attributes"
GROUPS: dict[str, tuple[str, ...]] = {
    "sleeve": ("long-sleeve", "short-sleeve", "sleeveless"),
    "leg": ("long-leg", "short-leg"),
    "neck": ("collar", "hood"),
    "closure": ("buttons", "zip"),
    # printed: a motif or letters; patterned: all over, neither stripes nor checks
    "pattern": ("plain", "striped", "checked", "patterned", "printed", "denim"),
    "age": ("kids",),
}
FINER = {"dotted": "patterned", "flowered": "patterned"}  # said, but not told apart well enough
TAGS = tuple(tag for held in GROUPS.values() for tag in held)
GROUP_OF = {tag: group for group, held in GROUPS.items() for tag in held}

Known = Mapping[str, str]  # group -> tag, or ""
NOTHING: Known = dict.fromkeys(GROUPS, "")  # of what is no garment

_TOP = {"leg": ""}
_PLAIN_TOP = {**_TOP, "neck": "", "closure": ""}
_BELOW = {"sleeve": "", "neck": ""}
_WORN = {"sleeve": "", "leg": "", "neck": "", "closure": ""}
IMPLIED: dict[str, Known] = {  # category of clothes -> what it says of nearly every one of them
    "T-Shirt": {**_PLAIN_TOP, "sleeve": "short-sleeve"},
    "Longsleeve": {**_TOP, "sleeve": "long-sleeve"},
    "Polo": {**_TOP, "sleeve": "short-sleeve", "neck": "collar", "closure": "buttons"},
    "Shirt": {**_TOP, "neck": "collar", "closure": "buttons"},
    "Hoodie": {**_TOP, "sleeve": "long-sleeve", "neck": "hood"},
    "Outwear": {**_TOP, "sleeve": "long-sleeve"},
    "Blazer": {**_TOP, "sleeve": "long-sleeve", "neck": "collar", "closure": "buttons"},
    "Undershirt": {**_PLAIN_TOP, "sleeve": "sleeveless"},
    "Top": _TOP,
    "Blouse": _TOP,
    "Dress": _TOP,
    "Skirt": {**_BELOW, "leg": ""},
    "Pants": {**_BELOW, "leg": "long-leg"},
    "Shorts": {**_BELOW, "leg": "short-leg"},
    "Shoes": _WORN,
    "Hat": _WORN,
    "Body": {},
}


def known_of(head: str, tag: str) -> Known:
    """What a label says; {} where it says nothing of garments' attributes."""
    if head == "clothes":
        return IMPLIED.get(tag, {})
    return NOTHING if head else {}


def by_construction(made: Mapping[str, str]) -> Known:
    """Of a rendered garment (calib_data): a group that it was not given it has not; age is open."""
    return {group: made.get(group, "") for group in GROUPS if group != "age"}


def table(
    known: Sequence[Known], tags: Sequence[str] = TAGS
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """(N, T) 1 where a picture has the tag, and (N, T) where that is known.

    Raises WorkshopError for a group or a tag nobody has heard of.
    """
    wanted = np.zeros((len(known), len(tags)), np.float32)
    sure = np.zeros(wanted.shape, np.bool_)
    for row, said in enumerate(known):
        coarse = {group: FINER.get(tag, tag) for group, tag in said.items()}
        for group, tag in coarse.items():
            _refuse_unknown(group, tag)
        for column, tag in enumerate(tags):
            if GROUP_OF[tag] in coarse:
                sure[row, column] = True
                wanted[row, column] = coarse[GROUP_OF[tag]] == tag
    return wanted, sure


def taught(wanted: NDArray[np.float32], sure: NDArray[np.bool_], least: int) -> list[int]:
    """Columns that `least` pictures have, and as many are known not to have."""
    has, lacks = (sure & (wanted > 0)).sum(0), (sure & (wanted == 0)).sum(0)
    return np.flatnonzero((has >= least) & (lacks >= least)).tolist()


def tags_given(
    scores: NDArray[np.float32], thresholds: Sequence[float], tags: Sequence[str]
) -> NDArray[np.bool_]:
    """(N, T) probabilities -> which tags are told: of a group the best, if it reaches its own."""
    told = scores >= np.asarray(thresholds, np.float32)
    for group in {GROUP_OF[tag] for tag in tags}:
        own = [i for i, tag in enumerate(tags) if GROUP_OF[tag] == group]
        best = np.where(told[:, own], scores[:, own], -1).argmax(1)
        told[:, own] &= best[:, None] == np.arange(len(own))
    return told


def _refuse_unknown(group: str, tag: str) -> None:
    if group not in GROUPS or (tag and tag not in GROUPS[group]):
        raise WorkshopError(
            "attributes",
            f"{tag!r} of {group!r}",
            '"" or a tag of ' + "; ".join(f"{g}: {', '.join(t)}" for g, t in GROUPS.items()),
            "mend attributes.jsonl",
        )
