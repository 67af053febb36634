"""F3: text vectors are read strictly; a file that was changed anywhere is refused."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import BundleError
from edge.heads.text_vectors import (
    MAGIC,
    TextVectors,
    header_of,
    read_text_vectors,
    write_text_vectors,
)


def vectors(count: int = 3, size: int = 4) -> TextVectors:
    rows = np.random.default_rng(0).normal(size=(count, size)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return TextVectors(
        header_of(rows, [f"t{i}" for i in range(count)], [""] * count, "v", "c"), rows
    )


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("texts") / "a.texts"
    write_text_vectors(vectors(), found)
    return found


def test_what_was_written_is_read(file: Path):
    """F3"""
    read, wrote = read_text_vectors(file), vectors()
    assert read.header == wrote.header
    assert np.array_equal(read.rows, wrote.rows)


@given(place=st.integers(0, 10_000), value=st.integers(1, 255))
def test_a_changed_byte_is_refused_or_in_the_words_alone(file: Path, place: int, value: int):
    """F3: read, with the very vectors, or refused with BundleError; nothing else."""
    data = bytearray(file.read_bytes())
    data[place % len(data)] ^= value
    other = file.with_name("changed.texts")
    other.write_bytes(bytes(data))
    try:
        read = read_text_vectors(other)
    except BundleError:
        return
    assert np.array_equal(read.rows, vectors().rows)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d[:-1],
        lambda d: d + b"x",
        lambda d: d[:20],
        lambda d: b"",
        lambda d: b"EDGETEXT" + b"\xff" * 4,
    ],
)
def test_cut_or_lengthened_is_refused(change, file: Path):
    """F3"""
    other = file.with_name("other.texts")
    other.write_bytes(change(file.read_bytes()))
    with pytest.raises(BundleError):
        read_text_vectors(other)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"schema": 9}, "schema 9"),
        ({"size": 1 << 40}, "numbers"),
        ({"texts": []}, "0 texts"),
        ({"ids": ["a"]}, "1 ids"),
        ({"more": 1}, "does not parse"),
    ],
)
def test_a_header_that_lies_is_refused(change, reason, file: Path):
    """F3"""
    header = {**msgspec.to_builtins(vectors().header), **change}
    data = msgspec.json.encode(header)
    other = file.with_name("lies.texts")
    body = vectors().rows.tobytes()
    other.write_bytes(MAGIC + len(data).to_bytes(4, "little") + data + body)
    with pytest.raises(BundleError, match=reason):
        read_text_vectors(other)


def test_vectors_of_another_length_are_refused(tmp_path: Path):
    """F3"""
    rows = np.ones((2, 3), np.float32)
    wrong = TextVectors(header_of(rows, ["a", "b"], ["", ""], "v", "c"), rows)
    write_text_vectors(wrong, tmp_path / "a.texts")
    with pytest.raises(BundleError, match="length 1"):
        read_text_vectors(tmp_path / "a.texts")


def test_no_file_is_said(tmp_path: Path):
    with pytest.raises(BundleError, match="No such file"):
        read_text_vectors(tmp_path / "none")
