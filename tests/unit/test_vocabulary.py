"""Tags by their texts: compared as told, through a projection where there is one."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from edge.bundle import open_bundle
from edge.heads.added import open_vocabulary
from edge.heads.vocabulary import Vocabulary, read_vocabulary, write_vocabulary
from edge.tagger import open_tagger
from tests.hostile.test_rows import VECTORS, header
from tests.tiny import paint

RED = np.array([[1, 0, 0]], np.float32)
GREEN = np.array([[0, 1, 0]], np.float32)


def test_softmax_says_the_nearest_or_none() -> None:
    one = Vocabulary(header(), VECTORS, None)
    rows = one.probabilities(np.concatenate([RED, GREEN]))
    assert rows.shape == (2, 3)
    assert rows.argmax(axis=1).tolist() == [0, 2]
    np.testing.assert_allclose(rows.sum(axis=1), 1, rtol=1e-6)


def test_at_the_offset_a_tag_is_as_likely_as_none() -> None:
    one = Vocabulary(header(offset=1.0), VECTORS, None)
    row = one.probabilities(RED)[0]
    assert row[0] == pytest.approx(row[2])


def test_multilabel_tags_do_not_know_of_each_other() -> None:
    one = Vocabulary(header(answers="multilabel"), np.concatenate([RED, RED]), None)
    np.testing.assert_allclose(one.probabilities(RED), [[0.9933, 0.9933]], atol=1e-3)


def test_a_projection_brings_the_picture_to_the_texts() -> None:
    turned = np.array([[0, 1], [0, 0], [1, 0]], np.float32)
    texts = np.array([[1, 0], [0, 1]], np.float32)
    one = Vocabulary(header(width=2, is_projected=True), texts, turned)
    assert one.probabilities(RED).argmax() == 1


def test_what_is_written_is_read_again(tiny_bundle: Path, tmp_path: Path) -> None:
    one = Vocabulary(header(is_projected=True), VECTORS, np.eye(3, dtype=np.float32))
    write_vocabulary(tmp_path / "v", one)
    with open_bundle(tiny_bundle) as bundle:
        again = read_vocabulary(tmp_path / "v", bundle)
    assert again.header == one.header
    assert np.array_equal(again.vectors, VECTORS)
    assert again.projection is not None
    assert np.array_equal(again.projection, np.eye(3))


def test_a_tagger_tells_its_tags_under_open(tiny_bundle: Path, tmp_path: Path) -> None:
    write_vocabulary(tmp_path / "v", Vocabulary(header(), VECTORS, None))
    with open_tagger(tiny_bundle) as tagger:
        tagger.add(open_vocabulary(tagger.bundle, tmp_path / "v"))
        [tag] = [t for t in tagger.tag(paint("red")) if t.head == "open"]
        assert (tag.tag, tag.group) == ("red", "warm")
        assert not [t for t in tagger.tag(paint("green")) if t.head == "open"]
        with pytest.raises(ValueError, match="'open' is there already"):
            tagger.add(open_vocabulary(tagger.bundle, tmp_path / "v"))


def test_its_record_is_frozen() -> None:
    with pytest.raises(AttributeError):
        header().size = 4  # type: ignore[misc]
    assert msgspec.structs.asdict(header())["size"] == 3
