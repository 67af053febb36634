"""Galleries: what is enrolled, merged, removed; how it lies on the disk."""

from __future__ import annotations

import hashlib
import os
import struct
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.bundle import open_bundle
from edge.errors import BundleError, SinkError, UsageError
from edge.heads.gallery import (
    MAX_EXAMPLES,
    MAX_TAGS,
    Enrolled,
    Gallery,
    joined,
    learned_gallery,
    merged,
    with_examples,
    with_none,
    without,
)
from edge.heads.gallery_file import read_gallery, write_gallery
from edge.heads.gallery_path import default_path
from edge.heads.rows import MAGIC, START
from tests.galleries import an_example, gallery, negatives, none_of_them, tag
from tests.tiny import edited, write_tiny


def shape_of(one: Gallery) -> list[tuple[str, int]]:
    return [(t.tag, len(t.examples)) for t in one.tags]


def test_more_pictures_of_a_tag_join_it_and_the_same_picture_counts_once() -> None:
    one = with_examples(
        gallery(2, 2), Enrolled("thing 0", None, (an_example(0, 1), an_example(0, 7)))
    )
    assert shape_of(one) == [("thing 0", 3), ("thing 1", 2)]


def test_a_new_tag_comes_last_and_an_old_one_gets_its_group() -> None:
    one = with_examples(gallery(2), tag(5))
    assert [t.tag for t in one.tags] == ["thing 0", "thing 1", "thing 5"]
    grouped = with_examples(one, tag(0, group="things"))
    assert grouped.names[0] == ("thing 0", "things")
    assert with_examples(grouped, tag(0)).names[0] == ("thing 0", "things")


def test_remove_takes_a_tag_and_the_last_one_leaves_nothing() -> None:
    left = without(gallery(2), "thing 0")
    assert left is not None
    assert shape_of(left) == [("thing 1", 3)]
    assert without(left, "thing 1") is None
    with pytest.raises(UsageError, match="'thing 9' is not enrolled, expected one of 'thing 0'"):
        without(gallery(1), "thing 9")


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=12))
@settings(max_examples=30, deadline=None)
def test_joining_keeps_every_example_once_whatever_the_order(pairs: list[tuple[int, int]]) -> None:
    """Tags are unique, no example is lost or doubled, and joining again changes nothing."""
    news = [Enrolled(f"t{thing}", None, (an_example(thing, n),)) for thing, n in pairs]
    found = joined([], news)
    assert len({one.tag for one in found}) == len(found)
    assert {(o.tag, e.digest) for o in found for e in o.examples} == {
        (o.tag, e.digest) for o in news for e in o.examples
    }
    assert sum(len(o.examples) for o in found) == len(set(pairs))
    again = joined(found, news)
    assert [(o.tag, len(o.examples)) for o in again] == [(o.tag, len(o.examples)) for o in found]


def test_merging_is_the_same_as_enrolling_everything() -> None:
    parts = learned_gallery("made@1", "0" * 64, [tag(0, 1)], [none_of_them()])
    both = merged(parts, gallery(3))
    assert shape_of(both) == [("thing 0", 3), ("thing 1", 3), ("thing 2", 3)]
    np.testing.assert_allclose(both.fit.weights, gallery(3).fit.weights, atol=1e-3)


def test_what_is_none_of_them_makes_it_less_sure() -> None:
    like = [msgspec.structs.replace(an_example(9, n), digest=f"{n:064x}") for n in range(4)]
    before, after = gallery(2), with_none(gallery(2), like)
    seen = an_example(9, 99).views
    assert (
        after.fit.probabilities(seen)[:, -1].mean() >= before.fit.probabilities(seen)[:, -1].mean()
    )
    assert len(with_none(after, like).none) == len(after.none)


def test_a_gallery_is_bounded() -> None:
    with pytest.raises(UsageError, match=f"{MAX_EXAMPLES + 1} examples of one tag, expected at"):
        learned_gallery("b@1", "0" * 64, [tag(0, MAX_EXAMPLES + 1)], [none_of_them()])
    many = [Enrolled(f"t{n}", None, (an_example(0, n),)) for n in range(MAX_TAGS + 1)]
    with pytest.raises(UsageError, match=f"{MAX_TAGS + 1} tags"):
        learned_gallery("b@1", "0" * 64, many, [none_of_them()])


@pytest.mark.parametrize("name", ["", " a", "a\nb", "x" * 101, "a\x1b[2J"])
def test_a_name_is_words(name: str) -> None:
    with pytest.raises(UsageError, match="expected 1 to 100 characters"):
        learned_gallery(
            "b@1", "0" * 64, [Enrolled(name, None, (an_example(0, 0),))], [none_of_them()]
        )


# on the disk


def test_what_is_written_is_read_again(tiny_bundle: Path, tmp_path: Path) -> None:
    with open_bundle(tiny_bundle) as bundle:
        one = gallery(3, bundle=bundle)
        write_gallery(tmp_path / "in" / "a.gallery", one)
        again = read_gallery(tmp_path / "in" / "a.gallery", bundle)
    assert again.names == one.names
    assert [t.recalled for t in again.tags] == [t.recalled for t in one.tags]
    assert np.array_equal(again.fit.weights, one.fit.weights)
    assert np.array_equal(again.fit.mean, one.fit.mean)
    assert again.fit.limit == one.fit.limit
    for before, after in zip(one.tags, again.tags):
        assert [e.digest for e in before.examples] == [e.digest for e in after.examples]
        assert all(
            np.array_equal(a.views, b.views) for a, b in zip(before.examples, after.examples)
        )


def test_what_is_beside_an_example_is_kept_and_learned_from(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    with open_bundle(tiny_bundle) as bundle:
        size = bundle.manifest.embedding_size
        wide = msgspec.structs.replace(an_example(0, 1, size), beside=negatives(3, size))
        none = msgspec.structs.replace(an_example(0, 2, size), beside=negatives(0, size))
        one = with_examples(gallery(2, bundle=bundle), Enrolled("wide", None, (wide, none)))
        write_gallery(tmp_path / "a", one)
        again = read_gallery(tmp_path / "a", bundle)
        more = with_examples(again, tag(4, size=size))
    first, second = again.tags[-1].examples
    assert np.array_equal(first.views, wide.views)
    assert first.beside is not None
    assert np.array_equal(first.beside, negatives(3, size))
    assert second.beside is None
    assert np.array_equal(again.fit.mean, one.fit.mean)
    assert more.tags[2].examples[0].beside is first.beside


def test_a_file_from_before_there_was_anything_beside_is_read(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    with open_bundle(tiny_bundle) as bundle:
        write_gallery(tmp_path / "a", gallery(2, bundle=bundle))
        old = without_beside((tmp_path / "a").read_bytes())
        (tmp_path / "b").write_bytes(old)
        assert read_gallery(tmp_path / "b", bundle).names == gallery(2).names


def without_beside(data: bytes) -> bytes:
    """As schema 1 was."""
    [length] = struct.unpack("<I", data[START - 4 : START])
    said = data[START : START + length].replace(b',"beside":0', b"")
    said = said.replace(b'"schema":2', b'"schema":1')
    rest = struct.pack("<I", len(said)) + said + data[START + length :]
    return MAGIC + hashlib.sha256(rest).digest() + rest


def test_the_same_gallery_gives_the_same_bytes(tiny_bundle: Path, tmp_path: Path) -> None:
    with open_bundle(tiny_bundle) as bundle:
        for name in "ab":
            write_gallery(tmp_path / name, gallery(2, bundle=bundle))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_gallery_of_another_embedding_is_refused_with_a_fix(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    with open_bundle(tiny_bundle) as bundle:
        one = msgspec.structs.replace(gallery(1, bundle=bundle), embedding="1" * 64)
        write_gallery(tmp_path / "a.gallery", one)
        with pytest.raises(BundleError, match=r"for the embedding 111111111111 of 'tiny@3'") as e:
            read_gallery(tmp_path / "a.gallery", bundle)
    assert "--no-gallery" in e.value.fix


def test_other_thresholds_in_a_bundle_leave_its_gallery_good(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    newer = edited(write_tiny(tmp_path / "newer"), counter=9)
    with open_bundle(tiny_bundle) as bundle, open_bundle(newer) as later:
        write_gallery(tmp_path / "a.gallery", gallery(2, bundle=bundle))
        assert read_gallery(tmp_path / "a.gallery", later).bundle == "tiny@3"


def test_a_full_disk_leaves_what_was_there(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.gallery"

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with open_bundle(tiny_bundle) as bundle:
        write_gallery(path, gallery(2, bundle=bundle))
        before = path.read_bytes()
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(SinkError, match="No space left"):
            write_gallery(path, gallery(3, bundle=bundle))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.gallery"]


def test_it_lies_beside_a_bundle_and_in_the_users_folder_for_the_default_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    with open_bundle(write_tiny(tmp_path / "shop.bundle")) as bundle:
        assert default_path(bundle) == tmp_path / "shop.bundle.gallery"
        monkeypatch.setattr(os, "access", lambda *_: False)
        own = tmp_path / "data" / "edge-tag" / "tiny.gallery"
        assert default_path(bundle) == own
        write_gallery(tmp_path / "shop.bundle.gallery", gallery(1, bundle=bundle))
        assert default_path(bundle) == tmp_path / "shop.bundle.gallery"
    with open_bundle() as bundle:
        assert default_path(bundle) == tmp_path / "data" / "edge-tag" / "edge-tag-default.gallery"
        monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))  # of a systemd service
        assert default_path(bundle) == tmp_path / "state" / "edge-tag-default.gallery"
