"""Damaged and malicious attributes of a bundle: read, or refused with BundleError."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.bundle.write import write_bundle
from edge.errors import BundleError
from edge.heads.attributes import parse_attributes
from edge.heads.rows import rows_bytes
from edge.tagger import open_tagger
from tests.hostile.test_rows import changed
from tests.tiny import ATTRIBUTES, WORN, edited, tiny_parts, with_attributes


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"bias": [0.0, 0.0]}, "3 tags with 2 biases"),
        ({"thresholds": [0.5]}, "and 1 thresholds"),
        ({"thresholds": [0.5, 0.5, 1.5]}, "thresholds"),
        ({"tags": [["a", "g"], ["a", "g"], ["b", "g"]]}, "not each once"),
        ({"tags": [["a", "g"], ["b\n", "g"], ["c", "g"]]}, "no names"),
        ({"tags": [["a", "g"], ["b", None], ["c", "g"]]}, "tags"),
        ({"size": 4}, "numbers take 18 bytes"),
        ({"size": 0}, "size"),
        ({"kind": "gallery"}, "kind"),
        ({"schema": 2}, "schema"),
        ({"extra": 1}, "extra"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(keys: dict[str, object], told: str) -> None:
    with pytest.raises(BundleError, match=r"^a\.rows") as e:
        parse_attributes(changed(WORN, **keys), "a.rows")
    assert told in str(e.value)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_no_byte_can_be_changed_unnoticed(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(WORN) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda value: value != WORN[at]))
    with pytest.raises(BundleError):
        parse_attributes(WORN[:at] + bytes([other]) + WORN[at + 1 :], "a.rows")
    with pytest.raises(BundleError):
        parse_attributes(WORN[:at], "a.rows")


def test_attributes_of_another_embedding_are_refused(tmp_path: Path) -> None:
    header = msgspec.structs.replace(ATTRIBUTES, size=4)
    data = rows_bytes(header, [np.zeros((3, 4), np.float32)])
    write_bundle(tmp_path / "a", *with_attributes(*tiny_parts(), data))
    with pytest.raises(BundleError, match=r"attributes are for embeddings of size 4, expected 3"):
        open_tagger(tmp_path / "a")


def test_a_bundle_with_a_head_of_that_name_as_well_is_refused(tmp_path: Path) -> None:
    write_bundle(tmp_path / "a", *with_attributes(*tiny_parts()))
    made = msgspec.to_builtins(tiny_parts()[1])
    made["heads"][1]["name"] = "attributes"
    made["artifacts"][0]["outputs"]["attributes"] = "hues"
    with pytest.raises(BundleError, match="another name"):
        open_tagger(edited(tmp_path / "a", heads=made["heads"], artifacts=made["artifacts"]))
