"""Mauled as disks, networks and strangers maul them, files are read or refused, and nothing else.

Seeded mutations in the manner of a fuzzer, several at a time, and any value at any place of a right
document with its hash made right again. Memory is watched, and what was read has to be of use.
"""

from __future__ import annotations

import hashlib
import json
import random
import struct
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.bundle import open_bundle
from edge.bundle.manifest_read import read_manifest
from edge.bundle.write import zip_bundle
from edge.config.read import parse
from edge.config.shown import toml
from edge.errors import BundleError, ConfigError, EdgeError, UsageError
from edge.heads.gallery_file import read_gallery, write_gallery
from edge.heads.rows import MAGIC, START
from edge.length.plane_file import PlaneFile, digest, read_plane, write_plane
from edge.sinks import SINKS
from edge.sinks.target import parse_target
from tests.galleries import gallery
from tests.hostile.test_config import GOOD as CONFIG
from tests.hostile.test_plane_file import GOOD as PLANE

ROUNDS = 120
MOST_BYTES = 40 << 20  # that reading a file of some kilobytes may take
BITES = (
    *(b"\0", b"\xff\xff\xff\xff", b"9" * 400, b"-1", b"1e999", b"NaN", b"[" * 300, b"{}", b'"'),
    *(
        b"../..",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
        b"PK\x01\x02",
        b"PK\x05\x06",
        b"\n",
        b"#",
        b"a.b",
    ),
)


class Reader(NamedTuple):
    """What is read, and how; `read` also uses what it gets."""

    good: bytes
    read: Callable[[bytes], object]
    error: type[EdgeError]


def mauled(data: bytes, rng: random.Random) -> bytes:
    """One to eight wounds."""
    content = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(content) + 1)
        end = min(len(content), at + rng.choice([0, 1, 1, 2, 4, 40, 400]))
        kind = rng.randrange(5)
        if kind == 0 and content:
            content[at % len(content)] ^= 1 << rng.randrange(8)
        elif kind == 1:
            content[at:end] = rng.choice(BITES)
        elif kind == 2:
            content[at:end] = rng.randbytes(end - at)
        elif kind == 3:
            del content[at:end]
        else:
            other = rng.randrange(len(content) + 1)
            content[at:at] = content[other : other + 40]
    return bytes(content)


def replaced(document: Any, rng: random.Random, value: object) -> Any:
    """The document with something else at one place."""
    if not isinstance(document, dict | list) or not document or rng.random() < 0.15:
        return value
    if isinstance(document, dict):
        key = rng.choice(sorted(document))
        return document | {key: replaced(document[key], rng, value)}
    n = rng.randrange(len(document))
    return [*document[:n], replaced(document[n], rng, value), *document[n + 1 :]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("mauled")


@pytest.fixture(scope="module")
def readers(folder, tiny_bundle) -> dict[str, Reader]:
    file = folder / "file"
    bundle = open_bundle(tiny_bundle)

    def written(data: bytes) -> Path:
        file.write_bytes(data)
        return file

    def config(data: bytes) -> None:
        parse(toml(parse(data, "edge.toml")).encode(), "shown.toml")

    def zipped(data: bytes) -> None:
        with open_bundle(written(data)) as opened:
            for one in opened.manifest.files():
                opened.read(one)

    def a_gallery(data: bytes) -> None:
        found = read_gallery(written(data), bundle)
        chances = found.fit.probabilities(np.eye(3, dtype=np.float32))
        assert chances.shape == (3, len(found.tags) + 1)
        assert np.isfinite(chances).all()

    def plane(data: bytes) -> None:
        found = read_plane(written(data))
        middle = np.array([[found.width / 2, found.height / 2]])
        assert np.isfinite(found.to_mm(middle)).all()

    zip_bundle(tiny_bundle, folder / "tiny.edge")
    write_gallery(folder / "good.gallery", gallery(2, 2, bundle))
    write_plane(folder / "plane.json", PLANE)
    manifest = (tiny_bundle / "bundle.json").read_bytes()
    return {
        "config": Reader(CONFIG, config, ConfigError),
        "manifest": Reader(manifest, lambda data: read_manifest(data, "m"), BundleError),
        "zip": Reader((folder / "tiny.edge").read_bytes(), zipped, BundleError),
        "gallery": Reader((folder / "good.gallery").read_bytes(), a_gallery, BundleError),
        "plane": Reader((folder / "plane.json").read_bytes(), plane, ConfigError),
    }


def outcome(reader: Reader, data: bytes) -> bool:
    """Was it read? Anything but the reader's own error comes out of here."""
    try:
        reader.read(data)
    except reader.error as e:
        wrong = e
    else:
        return True
    assert len(str(wrong)) < 2000
    return False


@pytest.mark.parametrize("name", ["config", "manifest", "zip", "gallery", "plane"])
def test_a_mauled_file_is_read_or_refused_in_bounded_memory(readers, name):
    reader = readers[name]
    assert outcome(reader, reader.good)
    tracemalloc.start()
    for seed in range(ROUNDS):
        outcome(reader, mauled(reader.good, random.Random(seed)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MOST_BYTES


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=9), below),
    max_leaves=6,
)


def as_json(document: Any) -> bytes:
    return json.dumps(document).encode()


@settings(max_examples=80)
@given(st.integers(0, 2**32), ANYTHING)
def test_any_value_in_a_plane_that_is_rightly_hashed(readers, seed, value):
    reader = readers["plane"]
    table = replaced(json.loads(reader.good), random.Random(seed), value)
    with suppress(TypeError, ValueError, msgspec.ValidationError):  # no plane at all any more
        table["sha256"] = digest(msgspec.convert(table | {"sha256": ""}, PlaneFile))
    outcome(reader, as_json(table))


@settings(max_examples=80)
@given(st.integers(0, 2**32), ANYTHING)
def test_any_value_in_the_header_of_a_gallery_that_is_rightly_hashed(readers, seed, value):
    data = readers["gallery"].good
    [length] = struct.unpack("<I", data[START - 4 : START])
    header, body = json.loads(data[START : START + length]), data[START + length :]
    said = as_json(replaced(header, random.Random(seed), value))
    rest = struct.pack("<I", len(said)) + said + body
    outcome(readers["gallery"], MAGIC + hashlib.sha256(rest).digest() + rest)


@settings(max_examples=80)
@given(st.integers(0, 2**32), st.binary(max_size=60))
def test_any_numbers_in_a_gallery_that_is_rightly_hashed(readers, seed, piece):
    data = readers["gallery"].good
    rng = random.Random(seed)
    at = rng.randrange(START, len(data))
    rest = data[START - 4 : at] + piece + data[at + len(piece) :]
    outcome(readers["gallery"], MAGIC + hashlib.sha256(rest).digest() + rest)


WORDS = st.sampled_from(
    ["mqtt://", "https://", "jsonl:", "snapshots:", "h", "/", "#", ",", "=", "@", "?", ":", "[::1]",
     "max-mb", "keep", "user", "password-env", "days:", "nan", "inf", "-1", "1e999", "\0", "\n"]
)  # fmt: skip


@settings(max_examples=150)
@given(st.lists(WORDS | st.text(max_size=5), max_size=9).map("".join))
def test_any_words_after_to_are_a_target_or_a_usage_error(text):
    with suppress(UsageError):
        target = parse_target(text, SINKS)
        target.number("max-mb", 0.0)
        target.word("version", "5", ("5", "3.1.1"))
        if target.kind in ("mqtt", "https"):
            assert target.address.hostname
