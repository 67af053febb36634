"""Damaged and malicious galleries and vocabularies: read, or refused with BundleError."""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.bundle import Bundle, open_bundle
from edge.errors import BundleError
from edge.heads.gallery_file import read_gallery, write_gallery
from edge.heads.rows import MAGIC, START
from edge.heads.vocabulary import Header, Vocabulary, read_vocabulary, write_vocabulary
from tests.galleries import gallery


@pytest.fixture(scope="module")
def bundle(tiny_bundle: Path) -> Iterator[Bundle]:
    with open_bundle(tiny_bundle) as opened:
        yield opened


@pytest.fixture(scope="module")
def good(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("good") / "a.gallery"
    write_gallery(path, gallery(2, 2, bundle))
    return path.read_bytes()


def sealed(header: bytes, body: bytes, length: int | None = None) -> bytes:
    """A file whose hash is right, whatever is in it."""
    rest = struct.pack("<I", len(header) if length is None else length) + header + body
    return MAGIC + hashlib.sha256(rest).digest() + rest


def parts(data: bytes) -> tuple[dict[str, Any], bytes]:
    [length] = struct.unpack("<I", data[START - 4 : START])
    return json.loads(data[START : START + length]), data[START + length :]


def changed(data: bytes, **keys: object) -> bytes:
    header, body = parts(data)
    return sealed(json.dumps(header | keys).encode(), body)


def refused(tmp_path: Path, bundle: Bundle, data: bytes) -> str:
    path = tmp_path / "a.gallery"
    path.write_bytes(data)
    with pytest.raises(BundleError) as e:
        read_gallery(path, bundle)
    assert str(path) in str(e.value)
    return str(e.value)


def numbers(count: int, value: float) -> bytes:
    return np.full(count, value, "<f2").tobytes()


def test_any_byte_changed_is_noticed(tmp_path: Path, bundle: Bundle, good: bytes) -> None:
    for at in range(0, len(good), 37):
        refused(tmp_path, bundle, good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])


def test_any_end_cut_off_is_noticed(tmp_path: Path, bundle: Bundle, good: bytes) -> None:
    for end in range(0, len(good), 41):
        refused(tmp_path, bundle, good[:end])
    refused(tmp_path, bundle, good + b"\0")


HUGE = 2**40
EXAMPLE = {"digest": "a" * 64, "added": "now", "views": 4}


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"schema": 3}, "schema"),
        ({"kind": "vocabulary"}, "kind"),
        ({"extra": 1}, "unknown field `extra`"),
        ({"size": 0}, "size"),
        ({"size": HUGE}, "size"),
        ({"size": 4}, "for the embedding"),
        ({"tags": []}, "tags"),
        ({"none": []}, "none"),
        ({"none": [EXAMPLE | {"views": HUGE}]}, "views"),
        ({"none": [EXAMPLE | {"views": 599}]}, "numbers take"),
        ({"none": [EXAMPLE | {"beside": 17}]}, "beside"),
        ({"none": [EXAMPLE | {"beside": -1}]}, "beside"),
        ({"none": [EXAMPLE | {"digest": "../../etc/passwd"}]}, "digest"),
        ({"none": [EXAMPLE] * 601}, "none"),
        ({"limit": 1e9}, "limit"),
        ({"steep": -1}, "steep"),
        ({"sharp": 0}, "sharp"),
        ({"embedding": "0" * 64}, "for the embedding"),
    ],
    ids=str,
)
def test_a_header_that_lies_is_refused(
    tmp_path: Path, bundle: Bundle, good: bytes, keys: dict[str, object], says: str
) -> None:
    assert says in refused(tmp_path, bundle, changed(good, **keys))


@pytest.mark.parametrize("name", ["", "a\nb", "\x1b[31mred", " a", "x" * 101, "\ud800"])
def test_a_tag_that_is_no_name_is_refused(
    tmp_path: Path, bundle: Bundle, good: bytes, name: str
) -> None:
    header, _ = parts(good)
    for key in ("tag", "group"):
        tags = [dict(header["tags"][0], **{key: name}), header["tags"][1]]
        refused(tmp_path, bundle, changed(good, tags=tags))


def test_a_tag_twice_is_refused(tmp_path: Path, bundle: Bundle, good: bytes) -> None:
    header, _ = parts(good)
    assert "each once" in refused(tmp_path, bundle, changed(good, tags=header["tags"][:1] * 2))


@pytest.mark.parametrize(("value", "says"), [(np.nan, "NaN"), (np.inf, "NaN"), (0.0, "length")])
def test_numbers_that_are_none_are_refused(
    tmp_path: Path, bundle: Bundle, good: bytes, value: float, says: str
) -> None:
    header, body = parts(good)
    said = json.dumps(header).encode()
    assert says in refused(tmp_path, bundle, sealed(said, numbers(len(body) // 2, value)))


@pytest.mark.parametrize(
    "header",
    [b"", b"{", b"[" * 100_000, b"null", b"\xff\xfe", b'{"schema": 1, "schema": 1}', b"\0" * 50],
    ids=range(7),
)
def test_a_header_that_is_no_json_is_refused(tmp_path: Path, bundle: Bundle, header: bytes) -> None:
    refused(tmp_path, bundle, sealed(header, b""))


def test_a_length_beyond_the_file_is_refused(tmp_path: Path, bundle: Bundle, good: bytes) -> None:
    assert "header is" in refused(tmp_path, bundle, sealed(b"{}", b"", length=2**32 - 1))


@given(st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_bytes_are_read_or_refused(tmp_path: Path, bundle: Bundle, data: bytes) -> None:
    for content in (data, MAGIC + data, sealed(data, b""), sealed(b"{}", data)):
        refused(tmp_path, bundle, content)


def test_a_folder_a_pipe_and_nothing_are_refused(tmp_path: Path, bundle: Bundle) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in (".", "pipe", "nothing", "a\0b"):
        with pytest.raises(BundleError):
            read_gallery(tmp_path / name, bundle)


# vocabularies


def header(**keys: object) -> Header:
    given_ = {
        "schema": 1, "kind": "vocabulary", "made_by": "a test", "source": "by hand",
        "tags": (("red", "warm"), ("blue", None)), "size": 3, "width": 3, "is_projected": False,
        "embedding": None, "answers": "softmax", "temperature": 0.1, "offset": 0.5,
        "threshold": 0.5,
    }  # fmt: skip
    return Header(**(given_ | keys))  # type: ignore[arg-type]


VECTORS = np.array([[1, 0, 0], [0, 0, 1]], np.float32)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"size": 512, "width": 512}, "for embeddings of size 512, expected 3"),
        ({"width": 2}, "vectors are of size 2"),
        ({"embedding": "0" * 64}, "another embedding"),
        ({"is_projected": True}, "numbers take"),
        ({"tags": (("red", None), ("red", None))}, "each once"),
        ({"tags": (("red", None), ("\n", None))}, "no names"),
        ({"temperature": 0.0}, "temperature"),
        ({"offset": 7.0}, "offset"),
        ({"kind": "gallery"}, "kind"),
    ],
    ids=str,
)
def test_a_vocabulary_that_does_not_fit_is_refused(
    tmp_path: Path, bundle: Bundle, keys: dict[str, object], says: str
) -> None:
    write_vocabulary(tmp_path / "v", Vocabulary(header(**keys), VECTORS, None))
    with pytest.raises(BundleError, match=says):
        read_vocabulary(tmp_path / "v", bundle)


def test_a_gallery_is_no_vocabulary(tmp_path: Path, bundle: Bundle, good: bytes) -> None:
    (tmp_path / "v").write_bytes(good)
    with pytest.raises(BundleError, match="v"):
        read_vocabulary(tmp_path / "v", bundle)
