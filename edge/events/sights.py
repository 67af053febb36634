"""From the tags of a result to what an event says of a thing. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from edge.clock import epoch_s
from edge.events.event import MOST_TAGS, EventTag, Sight
from edge.events.zones import Stay
from edge.pictures.regions import area
from edge.records import FrameTags, Tag

Key = tuple[str, ...]  # ("", track) of a thing, (head, tag) of a word


def words(sight: Sight) -> set[tuple[str, str]]:
    return {(tag.head, tag.label) for tag in sight.tags}


def things(tags: Sequence[Tag]) -> list[tuple[Key, list[Tag]]]:
    """The tags of each thing and of each word, best first."""
    found: dict[Key, list[Tag]] = {}
    for tag in tags:
        key = ("", str(tag.track)) if tag.track is not None else (tag.head, tag.tag)
        found.setdefault(key, []).append(tag)
    return list(found.items())


def event_tags(tags: Sequence[Tag]) -> tuple[EventTag, ...]:
    """Each word once, with its best score."""
    words = {(tag.head, tag.tag): tag for tag in reversed(tags)}
    best = list(words.values())[::-1][:MOST_TAGS]
    return tuple(
        EventTag(
            t.head, t.tag, t.group, t.score, t.colour, t.attributes,
            t.length_cm, t.length_sd_cm, t.occluded,
        )
        for t in best
    )  # fmt: skip


def sight_of(result: FrameTags, tags: Sequence[Tag], stay: Stay, old: Sight | None = None) -> Sight:
    """`tags` is best first, and not empty."""
    best, time_s = tags[0], epoch_s(result.time)
    width, height = result.size
    x0, y0, x1, y1 = best.box
    norm = (x0 / width, y0 / height, x1 / width, y1 / height)
    return Sight(
        id=old.id if old else "",
        camera=result.source,
        label=best.tag,
        sub_label=best.group,
        head=best.head,
        score=best.score,
        top_score=max(best.score, old.top_score if old else 0.0),
        frame=result.frame,
        frame_time=time_s,
        start_time=old.start_time if old else time_s,
        end_time=None,
        size=result.size,
        box=best.box,
        box_norm=(round(norm[0], 5), round(norm[1], 5), round(norm[2], 5), round(norm[3], 5)),
        area=area(best.box),
        ratio=round((x1 - x0) / max(1, y1 - y0), 4),
        track=best.track,
        looks=best.looks,
        state=best.state,
        tags=event_tags(tags),
        current_zones=stay.current,
        entered_zones=stay.entered,
        at_s=result.at_s,
    )
