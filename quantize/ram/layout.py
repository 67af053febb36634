"""The keys of the published files: which are kept, under which name, and why others are not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")

RENAMED = ("vision_multi", "tagging_head")  # how early files call the tag decoder

REASONS = (  # the first pattern that is found in a key says why the key is not kept
    (r"\.relative_position_index$|\.attn_mask$", "rebuilt for the window"),
    (
        r"^tag_encoder\.encoder\.layer\.[01]\.(crossattention|intermediate|output)\.",
        "tied: the same tensor as in tagging_head, kept there",
    ),
    (r"^tag_encoder\.", "captioner: not used for tags"),
    (r"^text_decoder\.", "captioner: not used for tags"),
    (r"^tagging_head\.embeddings\.", "word embeddings of the decoder: tags come as label rows"),
    (r"^tagging_head\.encoder\.layer\.\d+\.attention\.", "self-attention: tags never see another"),
)


def sorted_out(state: Mapping[str, T]) -> tuple[dict[str, T], dict[str, str], dict[str, str]]:
    """What is kept under its name here, dropped key -> reason, renamed key -> name here."""
    kept: dict[str, T] = {}
    dropped: dict[str, str] = {}
    renamed: dict[str, str] = {}
    for key, value in state.items():
        name = key.replace(*RENAMED)
        reason = why_dropped(name)
        if reason:
            dropped[key] = reason
            continue
        kept[name] = value
        if name != key:
            renamed[key] = name
    return kept, dropped, renamed


def why_dropped(key: str) -> str:
    """ "" when the key is kept."""
    return next((reason for pattern, reason in REASONS if re.search(pattern, key)), "")
