"""Tags of many looks -> the tags of the frame. Pure; the order of the looks is no matter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from edge.pictures.regions import is_touching, union, within
from edge.records import Box, Tag

PART = 0.2  # of a thing: so much of it a region may have told by
LIKELY = 0.5  # from here on a region shows a tag more likely than not


def fuse(
    glance: Sequence[Tag],
    places: Sequence[Tag],
    things: Sequence[Tag] = (),
    top_k: int | None = None,
) -> tuple[Tag, ...]:
    """The tags of a frame, best first: by score, then head, tag and box.

    glance  tags of the whole frame. They pass unchanged: what a crop shows, or does not show, says
            nothing against a tag of the whole scene.
    places  tags of regions from a grid, each with its region as box. The same tag in regions that
            touch is one thing seen several times: the union of their boxes, the best of their
            scores. One that a thing in it, or a part of a thing that a seam cuts, explains is left
            out; and so is one that is all of the frame by now, where the glance says it too.
    things  tags of tracks, each with its thing's box: see `tracks.merged`.
    top_k   keep the best places of the `top_k` best tags of each head, one place a tag. Each region
            says something of every tag then: those that hardly do are no part of the thing.
    """
    groups: defaultdict[tuple[str, str, str], list[Tag]] = defaultdict(list)
    for tag in places:
        if not is_explained(tag, things):
            groups[tag.head, tag.tag, tag.level].append(tag)
    said = groups.values() if top_k is None else map(_likely, groups.values())
    merged = [_as_one(group) for tags in said for group in touching(tags)]
    told = [*merged, *things]
    whole = {_what(tag) for tag in glance}
    merged = [tag for tag in merged if not _is_told(tag, told) and _what(tag) not in whole]
    ranked = sorted([*glance, *merged, *things], key=_rank)
    return tuple(ranked if top_k is None else _best(ranked, top_k))


def _likely(tags: Sequence[Tag]) -> Sequence[Tag]:
    """Those that are more likely than not, else the best one."""
    return [tag for tag in tags if tag.score >= LIKELY] or [min(tags, key=_rank)]


def is_explained(tag: Tag, things: Iterable[Tag]) -> bool:
    """Of a place: by a thing in it, or by a part of one?"""
    return any(_is_same(tag, thing) and within(thing.box, tag.box) >= PART for thing in things)


def _what(tag: Tag) -> tuple[str, str, str, Box]:
    return tag.head, tag.tag, tag.level, tag.box


def _is_same(a: Tag, b: Tag) -> bool:
    """Does `b` say what `a` says? A tag says its group."""
    says = (b.tag, b.group) if a.level == "group" else (b.tag,)
    return a.head == b.head and a.tag in says and (a.level, b.level) != ("tag", "group")


def _is_told(tag: Tag, others: Sequence[Tag]) -> bool:
    """Is it a group of which a tag is told beside it?"""
    return tag.level == "group" and any(
        other.level == "tag" and _is_same(tag, other) and is_touching(tag.box, other.box)
        for other in others
    )


def touching(tags: Iterable[Tag]) -> list[list[Tag]]:
    """The tags in groups whose boxes hang together, directly or through others of the group."""
    groups: list[tuple[Box, list[Tag]]] = []  # the box around all of a group spares most questions
    for tag in tags:
        box, group = tag.box, [tag]
        near = [g for g in groups if is_touching(box, g[0]) and _touches(box, g[1])]
        if near:
            groups = [g for g in groups if g not in near]
            box = union([box, *(around for around, _ in near)])
            group += [t for _, others in near for t in others]
        groups.append((box, group))
    return [group for _, group in groups]


def _touches(box: Box, tags: Iterable[Tag]) -> bool:
    return any(is_touching(box, tag.box) for tag in tags)


def _as_one(group: Sequence[Tag]) -> Tag:
    if len(group) == 1:
        return group[0]
    best = min(group, key=_rank)
    box = union([tag.box for tag in group])
    return msgspec.structs.replace(best, box=box, looks=sum(tag.looks for tag in group))


def _rank(tag: Tag) -> tuple[float, str, str, tuple[int, ...]]:
    return -tag.score, tag.head, tag.tag, tag.box


def _best(ranked: Iterable[Tag], top_k: int) -> list[Tag]:
    names: defaultdict[str, set[str]] = defaultdict(set)  # head -> tags kept
    kept = []
    for tag in ranked:
        if tag.tag not in names[tag.head] and len(names[tag.head]) < top_k:
            names[tag.head].add(tag.tag)
            kept.append(tag)
    return kept
