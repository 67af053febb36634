"""Attributes: told of garments and of nothing else, at most one of a group, without a flicker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from msgspec import UNSET

from edge.bundle.manifest import Head, StoredFile
from edge.bundle.write import write_bundle
from edge.frames import tag_frame
from edge.heads.scores import ATTRIBUTES
from edge.heads.worn import worn
from edge.records import Attribute, Tag
from edge.seen import View
from edge.tagger import Tagger, open_tagger
from tests.scenery import KIND, LABELS, Scene, Thing
from tests.tiny import paint, tiny_parts, with_attributes

HEAD = Head(ATTRIBUTES, "multilabel", StoredFile("a.txt", 1, "0"), 1.0, (0.5,))
NAMES = (("long-sleeve", "sleeve"), ("short-sleeve", "sleeve"), ("striped", "pattern"))
SHIRT = Tag("clothes", "Shirt", None, 0.9, (0, 0, 9, 9))
LEMON = Tag("grocery", "Lemon", None, 0.8, (0, 0, 9, 9))


def said(*row: float) -> list[tuple[str, str]]:
    [shirt, lemon] = worn((SHIRT, LEMON), HEAD, NAMES, np.array(row, np.float32))
    assert lemon is LEMON
    assert shirt.attributes is not UNSET
    return [(one.group, one.tag) for one in shirt.attributes]


def test_of_a_group_the_best_is_said_if_it_reaches_its_threshold() -> None:
    assert said(0.7, 0.8, 0.9) == [("pattern", "striped"), ("sleeve", "short-sleeve")]
    assert said(0.7, 0.4, 0.4) == [("sleeve", "long-sleeve")]


def test_none_of_them_is_said_too() -> None:
    assert said(0.1, 0.2, 0.3) == []


def test_without_a_head_or_without_a_look_nothing_is_said() -> None:
    row = np.ones(3, np.float32)
    assert worn([SHIRT], None, (), row) == (SHIRT,)
    assert worn([SHIRT], HEAD, NAMES, None) == (SHIRT,)


@pytest.fixture
def tagger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tagger]:
    """Colours are its garments."""
    monkeypatch.setattr("edge.heads.worn.GARMENTS", {"colours"})
    write_bundle(tmp_path / "worn", *with_attributes(*tiny_parts()))
    with open_tagger(tmp_path / "worn") as opened:
        yield opened


def told(tagger: Tagger, colour: str, view: View | None = None) -> dict[str, list[str] | None]:
    """Tag -> its attributes; None: it is nothing that has any."""
    tags = tagger.tag(paint(colour), view or View())
    assert ATTRIBUTES not in {tag.head for tag in tags}
    return {
        tag.tag: None if tag.attributes is UNSET else [one.tag for one in tag.attributes]
        for tag in tags
    }


def test_a_bundle_that_holds_attributes_tells_them_of_its_garments(tagger: Tagger) -> None:
    assert told(tagger, "red") == {"red": ["warm", "vivid"], "reddish": None}
    assert told(tagger, "green") == {"green": ["vivid"], "greenish": None}


def test_their_scores_are_in_the_json_line_with_their_groups(tagger: Tagger) -> None:
    [red] = [tag for tag in tagger.tag(paint("red")) if tag.tag == "red"]
    line = json.loads(msgspec.json.encode(red))
    assert [set(one) for one in line["attributes"]] == [{"group", "tag", "score"}] * 2
    assert line["attributes"][0]["score"] == pytest.approx(1 / (1 + np.exp(-6)), abs=1e-4)
    assert red.details == "warm, vivid"


def test_they_are_no_tags_however_many_are_asked_for(tagger: Tagger) -> None:
    assert told(tagger, "green", View(top_k=3))["red"] == ["vivid"]


def test_they_are_tuned_and_left_out_like_any_head(tagger: Tagger) -> None:
    tagger.tune({ATTRIBUTES: 0.995})
    assert told(tagger, "red")["red"] == ["warm"]
    tagger.tune({}, [ATTRIBUTES])
    assert told(tagger, "red")["red"] is None
    tagger.tune({}, ["colours"])
    assert told(tagger, "red") == {"reddish": None}


def test_golden_pictures_and_check_know_nothing_of_them(tagger: Tagger) -> None:
    assert set(tagger.score(paint("red"))) == {"embedding", "colours", "hues", ATTRIBUTES}
    assert tag_frame(tagger, paint("black")).tags == ()


def test_a_thing_keeps_what_is_said_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fused over its looks as tags are; told in every frame, looked at or not."""
    monkeypatch.setattr("edge.heads.worn.GARMENTS", {"kind"})
    scene = Scene([Thing("c", 100, 60, 24)], heads=(KIND, HEAD), noise=1.0)
    frames = [scene.watch().tags for _ in range(12)]
    things = [tag for tags in frames[2:] for tag in tags if tag.track is not None]
    assert len(things) == 10
    for tag in things:
        assert (tag.head, tag.tag) == ("kind", "c")
        assert tag.attributes is not UNSET
    assert any(tag.age_s > 0 for tag in things)
    last = [one.tag for one in things[-1].attributes]
    assert "c" in last
    assert set(last) <= set(LABELS)


def test_details_are_colour_then_attributes() -> None:
    shirt = msgspec.structs.replace(
        SHIRT, colour="navy", attributes=(Attribute("sleeve", "long-sleeve", 0.9),)
    )
    assert shirt.details == "navy, long-sleeve"
    assert SHIRT.details == ""
