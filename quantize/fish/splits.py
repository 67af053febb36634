"""AutoFish's split by group, and whether a fish is on two sides of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec.structs import replace

from quantize.errors import WorkshopError
from quantize.fish.coco import FishSet

Side = Literal["train", "val", "test"]

TEST, VAL = (10, 14, 20, 21, 22), (1, 6, 11, 17, 25)
STRAY = (113, 5)  # fish 113 has one mask in group 5 and all others in group 22


def side_of(group: int | None) -> Side:
    """Raises WorkshopError for a picture without a group: a split by picture would leak."""
    if group is None:
        raise WorkshopError("a picture", "it has no group", "group_NN/ or a group", "copy it again")
    return "test" if group in TEST else "val" if group in VAL else "train"


def without_stray(found: FishSet) -> FishSet:
    """Without the one mask that lies in another group than its fish."""
    groups = found.group_of()
    kept = tuple(f for f in found.annotations if (f.fish_id, groups[f.image_id]) != STRAY)
    return replace(found, annotations=kept)


def leaks(found: FishSet) -> dict[int, tuple[int, ...]]:
    """Fish that are in several groups -> these groups."""
    groups = found.group_of()
    seen: dict[int, set[int]] = {}
    for fish in found.annotations:
        group = groups[fish.image_id]
        if fish.fish_id is not None and group is not None:
            seen.setdefault(fish.fish_id, set()).add(group)
    return {number: tuple(sorted(held)) for number, held in seen.items() if len(held) > 1}


def split(found: FishSet) -> Mapping[Side, FishSet]:
    """The published split, the known stray left out. Raises WorkshopError for any other leak."""
    clean = without_stray(found)
    leaking = {n: held for n, held in leaks(clean).items() if len({side_of(g) for g in held}) > 1}
    if leaking:
        number, held = next(iter(leaking.items()))
        raise WorkshopError(
            f"fish {number}", f"it is in groups {', '.join(map(str, held))}, on two sides",
            "each fish on one side", "leave out the masks that are in the wrong group",
        )  # fmt: skip
    sides = {picture.id: side_of(picture.group_number) for picture in clean.images}
    return {side: _part(clean, sides, side) for side in ("train", "val", "test")}


def _part(found: FishSet, sides: Mapping[int, Side], side: Side) -> FishSet:
    return replace(
        found,
        images=tuple(p for p in found.images if sides[p.id] == side),
        annotations=tuple(f for f in found.annotations if sides[f.image_id] == side),
    )
