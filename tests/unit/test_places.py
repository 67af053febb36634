"""Looks that share a place: what one says of an enrolled tag counts beside what others say."""

from __future__ import annotations

import numpy as np
import pytest

from edge.bundle.manifest import Head, StoredFile
from edge.memory.places import Place, agreed
from edge.records import F32, Box, Tag

NAMES = {"gallery": (("Acme", "tools"), ("Bolt", "tools"), ("Cork", None)), "kind": (("a", None),)}
HEADS = [
    Head(name, "softmax", StoredFile(f"{name}.txt", 1, "0"), 1.0, (0.5,), has_none=True)
    for name in NAMES
]
SIZE = 500, 400
HERE, NEAR, FAR = (0, 0, 100, 100), (50, 0, 150, 100), (300, 200, 400, 300)


def row(**tags: float) -> F32:
    given = [tags.get(name, 0.001) for name, _ in NAMES["gallery"]]
    return np.array([*given, 1 - sum(given)], np.float32)


def place(box: Box, **tags: float) -> dict[Box, Place]:
    """A look at it, and what it says alone."""
    best = max(tags, key=lambda name: tags[name])
    alone = Tag("gallery", best, None, tags[best], box)
    return {box: Place(0.0, (alone,) if tags[best] >= 0.5 else (), row(**tags))}


def names(places: dict[Box, Place], top_k: int | None = None) -> dict[str, float]:
    return {tag.tag: tag.score for _, tag in agreed(places, SIZE, HEADS, NAMES, top_k)}


def test_what_two_looks_agree_on_is_told() -> None:
    assert names(place(HERE, Acme=0.7) | place(NEAR, Acme=0.4))["Acme"] == pytest.approx(0.6, 0.1)


def test_a_look_that_the_others_speak_against_is_not_told() -> None:
    assert names(place(HERE, Acme=0.7) | place(NEAR, Acme=0.01)) == {}
    assert names(place(HERE, Acme=0.7) | place(NEAR, Bolt=0.3)) == {}


def test_half_of_a_mark_is_no_proof_against_one_that_is_sure() -> None:
    assert "Acme" in names(place(HERE, Acme=0.98) | place(NEAR, Acme=0.0001))


def test_of_several_the_one_that_says_most_counts() -> None:
    under = place(NEAR, Acme=0.01) | place((0, 50, 100, 150), Acme=0.45)
    assert "Acme" in names(place(HERE, Acme=0.7) | under)


def test_of_two_tags_in_one_place_the_likelier_is_told() -> None:
    acme = place(HERE, Acme=0.95) | place((0, 20, 100, 120), Acme=0.9)
    bolt = place(NEAR, Bolt=0.85) | place((60, 0, 160, 100), Bolt=0.85)
    assert list(names(bolt)) == ["Bolt"]
    assert list(names(acme | bolt)) == ["Acme"]


def test_a_detail_may_be_another_thing() -> None:
    large = place((0, 0, 300, 300), Acme=0.95) | place((20, 0, 320, 300), Acme=0.9)
    small = place((0, 0, 60, 60), Bolt=0.9) | place((20, 0, 80, 60), Bolt=0.9)
    assert set(names(large | small)) == {"Acme", "Bolt"}


def test_a_look_alone_is_one_of_many() -> None:
    elsewhere = place(FAR, Acme=0.45)
    assert names(place(HERE, Acme=0.7) | elsewhere) == {}
    assert names(place(HERE, Acme=0.98) | elsewhere)["Acme"] < 0.98


def test_a_thing_seen_once_needs_its_neighbours_but_not_what_it_is_a_detail_of() -> None:
    tag = Tag("gallery", "Acme", None, 0.7, HERE, track=3)
    thing = {HERE: Place(0.0, (tag,), row(Acme=0.7), is_thing=True)}
    assert names(thing)["Acme"] == pytest.approx(0.7, 0.01)
    assert names(thing | place((0, 0, 400, 400), Acme=0.01))["Acme"] == pytest.approx(0.7, 0.01)
    assert names(thing | place(NEAR, Acme=0.01)) == {}
    assert "Acme" in names(thing | place(NEAR, Acme=0.4))


def test_one_look_at_the_whole_frame_is_the_only_one() -> None:
    assert names(place((0, 0, *SIZE), Acme=0.7))["Acme"] == pytest.approx(0.7, 0.01)


def test_a_group_counts_what_others_say_of_any_of_its_tags() -> None:
    both = row(Acme=0.4, Bolt=0.4)
    group = Tag("gallery", "tools", "tools", 0.8, HERE, level="group")
    here = {HERE: Place(0.0, (group,), both)}
    assert "tools" in names(here | place(NEAR, Bolt=0.7))
    assert names(here | place(NEAR, Cork=0.7)) == {}


def test_other_heads_and_the_best_few_pass() -> None:
    kind = Tag("kind", "a", None, 0.6, HERE)
    assert names({HERE: Place(0.0, (kind,), row())}) == {"a": 0.6}
    here = place(HERE, Acme=0.7) | place(NEAR, Acme=0.01)
    assert 0 < names(here, top_k=1)["Acme"] < 0.5


def test_a_tile_smaller_than_usual_must_be_surer() -> None:
    """It often holds no more than a piece of a thing."""

    def told(score: float, *, is_fine: bool, top_k: int | None = None) -> bool:
        tag = Tag("kind", "a", None, score, HERE)
        return "a" in names({HERE: Place(0.0, (tag,), is_fine=is_fine)}, top_k)

    assert told(0.7, is_fine=False)
    assert not told(0.7, is_fine=True)
    assert told(0.95, is_fine=True)
    assert told(0.7, is_fine=True, top_k=3)  # whoever asks for the best few gets them all
