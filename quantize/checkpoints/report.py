"""What became of every key of a published file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from quantize.checkpoints.reading import State


class LoadReport(msgspec.Struct, frozen=True):
    """What became of every key of a file. `is_complete` or the tagger is refused."""

    file: str
    kind: str
    loaded: tuple[str, ...]
    renamed: dict[str, str]  # key -> name here
    resized: dict[str, str]  # key -> "169 -> 529 rows"
    dropped: dict[str, str]  # key -> reason
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    wrong_shape: dict[str, str]  # key -> "(4585, 512), expected (233835, 512)"

    @property
    def is_complete(self) -> bool:
        return not (self.missing or self.unexpected or self.wrong_shape)

    def faults(self, most: int = 8) -> str:
        """The first keys that are wrong, in a sentence; "" when there are none."""
        wrong = [f"{key} is {what}" for key, what in self.wrong_shape.items()]
        parts = (("missing", self.missing), ("unexpected", self.unexpected), ("shape", wrong))
        return "; ".join(
            f"{len(keys)} {name}: {', '.join(keys[:most])}{' ...' if len(keys) > most else ''}"
            for name, keys in parts
            if keys
        )


def reported(
    file: Path,
    kind: str,
    kept: State,
    shapes: Mapping[str, tuple[int, ...]],
    renamed: dict[str, str],
    changes: dict[str, str],
    dropped: dict[str, str],
) -> LoadReport:
    """What is in `kept` beside the shapes that a network has, by key."""
    both = [key for key in shapes if key in kept]
    wrong = {
        key: f"{tuple(kept[key].shape)}, expected {shapes[key]}"
        for key in both
        if tuple(kept[key].shape) != shapes[key]
    }
    return LoadReport(
        file=str(file),
        kind=kind,
        loaded=tuple(key for key in both if key not in wrong),
        renamed=renamed,
        resized=changes,
        dropped=dropped,
        missing=tuple(key for key in shapes if key not in kept),
        unexpected=tuple(key for key in kept if key not in shapes),
        wrong_shape=wrong,
    )
