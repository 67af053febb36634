"""The one way to read `bundle.json`.

Its length comes first, then schema, types and keys (strict.py), then what the values say together.
Whether the files are there and fit is for `read.py` to see.
"""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Sequence

import msgspec

from edge.bundle.files import MAX_BUNDLE_BYTES, MAX_FILE_BYTES, MAX_FILES, check_name
from edge.bundle.manifest import (
    MANIFEST,
    SCHEMA,
    Artifact,
    Head,
    HeatArtifact,
    HeatMap,
    InputSpec,
    Manifest,
    StoredFile,
)
from edge.bundle.signature import SIGNATURE
from edge.errors import PACK_AGAIN, BundleError
from edge.strict import read_json

MAX_MANIFEST_BYTES = 1 << 20
MAX_HEADS = 64
MAX_COUNTER = 2**53  # what every JSON reader keeps exactly
MAX_SIDE_PX = 4096
MAX_EMBEDDING = 65_536
MAX_CELLS = 256  # of the glance, on one side
MAX_GOLDEN_CELLS = 64
MAX_MODEL_FILES = 8  # of one artifact

WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # names of bundles, heads and engines
A_WORD = "1 to 64 of A-Z a-z 0-9 . _ -, the first a letter or digit"
SHA256 = re.compile(r"[0-9a-f]{64}")


class _Peek(msgspec.Struct):
    """The schema is looked at first: a newer manifest has keys that this runtime does not know."""

    schema: int


def read_manifest(data: bytes, where: str) -> Manifest:
    """A manifest that is right in itself. Raises BundleError."""
    if len(data) > MAX_MANIFEST_BYTES:
        raise BundleError(
            f"{where}: file is {len(data)} bytes, expected at most {MAX_MANIFEST_BYTES}",
            fix=PACK_AGAIN,
        )
    schema = read_json(data, _Peek, where).schema
    if schema > SCHEMA:
        raise BundleError(
            f"{where}: schema is {_show(schema)}, written by a newer edge-tag, expected {SCHEMA}",
            fix="update edge-tag: pip install -U edge-tag",
        )
    need(schema >= 1, where, "schema", schema, f"1 to {SCHEMA}; no release ever wrote another")
    manifest = read_json(data, Manifest, where)
    _check(manifest, where)
    return manifest


def need(
    holds: bool, where: str, key: str, found: object, expected: str, fix: str = PACK_AGAIN
) -> None:
    """Raises BundleError where it does not hold."""
    if not holds:
        raise BundleError(f"{where}: {key} is {_show(found)}, expected {expected}", fix=fix)


def _show(found: object) -> str:
    """Short, whatever a hostile file holds: Python refuses to print an integer of 5,000 digits."""
    if isinstance(found, int) and found.bit_length() > 64:
        return f"a number of {found.bit_length()} bits"
    return reprlib.repr(found)


def _within(where: str, key: str, found: float, least: int, most: int, unit: str = "") -> None:
    """Raises BundleError for a number below `least` or above `most`, and for a NaN."""
    need(least <= found <= most, where, key, found, f"{least} to {most}{unit}")


def _check(m: Manifest, where: str) -> None:
    need(bool(WORD.fullmatch(m.name)), where, "name", m.name, A_WORD)
    _within(where, "counter", m.counter, 0, MAX_COUNTER)
    _check_input(m.input, where, "input")
    _within(where, "embedding_size", m.embedding_size, 1, MAX_EMBEDDING)
    _within(where, "number of heads", len(m.heads), 1, MAX_HEADS)
    need(len(m.artifacts) >= 1, where, "number of artifacts", 0, "1 or more")
    for i, head in enumerate(m.heads):
        _check_head(head, where, f"heads[{i}]")
    for i, artifact in enumerate(m.artifacts):
        _check_artifact(artifact, m.heads, where, f"artifacts[{i}]")
    names = [head.name for head in m.heads]
    _check_unique(names, where, "heads: name")
    is_free = m.attributes is None or "attributes" not in names
    need(is_free, where, "heads: name", "attributes", "another name, the bundle has attributes")
    _check_models(m.artifacts, where, "artifacts")
    for golden in m.golden:
        for name, sample in golden.embedding.items():
            key = f"golden embedding[{_show(name)}]"
            _within(where, key, len(sample), 1, m.embedding_size, " numbers")
    if m.glance is not None:
        _check_glance(m.glance, {a.engine for a in m.artifacts}, where)
    _check_files(m.files(), where)


def _check_input(spec: InputSpec, where: str, key: str) -> None:
    for name, px in (("height", spec.height), ("width", spec.width)):
        _within(where, f"{key}.{name}", px, 1, MAX_SIDE_PX, " px")


def _check_glance(glance: HeatMap, engines: set[str], where: str) -> None:
    """`engines`: those that the bundle has crops for."""
    _check_input(glance.input, where, "glance.input")
    _within(where, "glance.rows", glance.rows, 1, MAX_CELLS)
    _within(where, "glance.columns", glance.columns, 1, MAX_CELLS)
    _within(where, "number of glance.kinds", len(glance.kinds), 1, MAX_HEADS)
    for kind in glance.kinds:
        need(bool(WORD.fullmatch(kind)), where, "glance.kinds", kind, A_WORD)
    _check_unique(list(glance.kinds), where, "glance.kinds")
    need(len(glance.artifacts) >= 1, where, "number of glance.artifacts", 0, "1 or more")
    for i, artifact in enumerate(glance.artifacts):
        key = f"glance.artifacts[{i}]"
        known = artifact.engine in engines
        need(known, where, f"{key}.engine", artifact.engine, "an engine of artifacts")
        _check_heat_artifact(artifact, glance, where, key)
    _check_models(glance.artifacts, where, "glance.artifacts")
    for name, found in glance.average_precision.items():
        _within(where, f"glance.average_precision[{_show(name)}]", found, 0, 1)


def _check_heat_artifact(artifact: HeatArtifact, glance: HeatMap, where: str, key: str) -> None:
    _within(where, f"number of {key}.files", len(artifact.files), 1, MAX_MODEL_FILES)
    names = artifact.heat, artifact.geometry
    need(names[0] != names[1], where, f"{key}.geometry", names[1], "another output than heat")
    _within(where, f"number of {key}.golden", len(artifact.golden), 1, MAX_GOLDEN_CELLS)
    for cell in artifact.golden:
        inside = 0 <= cell.row < glance.rows and 0 <= cell.column < glance.columns
        need(inside, where, f"{key}.golden", (cell.row, cell.column), "a row and a column of it")
        kinds = set(cell.heat) == set(glance.kinds)
        need(kinds, where, f"{key}.golden", tuple(cell.heat), "a probability for every kind")


def _check_head(head: Head, where: str, key: str) -> None:
    named = bool(WORD.fullmatch(head.name)) and head.name != "embedding"
    need(named, where, f"{key}.name", head.name, f"{A_WORD}, and not 'embedding'")
    warm = math.isfinite(head.temperature) and head.temperature > 0
    need(warm, where, f"{key}.temperature", head.temperature, "a finite number above 0")
    need(len(head.thresholds) > 0, where, f"{key}.thresholds", (), "one for all tags, or one a tag")
    for threshold in head.thresholds:
        _within(where, f"{key}.thresholds", threshold, 0, 1)
    may_have_none = head.kind == "softmax" or not head.has_none
    need(may_have_none, where, f"{key}.has_none", True, "false, the head is not softmax")
    for name, accuracy in head.accuracy.items():
        which = f"{key}.accuracy[{_show(name)}]"
        need(accuracy.count >= 0, where, f"{which}.count", accuracy.count, "0 or more")
        for share in (accuracy.top1, *accuracy.by_tag.values()):
            _within(where, which, share, 0, 1)


def _check_artifact(artifact: Artifact, heads: tuple[Head, ...], where: str, key: str) -> None:
    """Its engine may be one that this runtime has never heard of: then nobody will open it."""
    need(bool(WORD.fullmatch(artifact.engine)), where, f"{key}.engine", artifact.engine, A_WORD)
    _within(where, f"number of {key}.files", len(artifact.files), 1, MAX_MODEL_FILES)
    outputs = artifact.outputs
    for output in ("embedding", *(head.name for head in heads)):
        need(output in outputs, where, f"{key}.outputs", tuple(outputs), f"{output!r} in it")


def _check_models(models: Sequence[Artifact | HeatArtifact], where: str, key: str) -> None:
    _check_unique([f"{m.engine}/{m.precision}" for m in models], where, f"{key}: engine/precision")


def _check_unique(names: list[str], where: str, key: str) -> None:
    for i, name in enumerate(names):
        need(name not in names[:i], where, key, name, "each only once")


def _check_files(files: list[StoredFile], where: str) -> None:
    need(len(files) <= MAX_FILES, where, "number of files", len(files), f"at most {MAX_FILES}")
    for stored in files:
        check_name(stored.file, where)
        is_own = stored.file not in (MANIFEST, SIGNATURE)
        need(is_own, where, "file", stored.file, "one other than the manifest and the signature")
        _within(where, f"{stored.file}: size_bytes", stored.size_bytes, 0, MAX_FILE_BYTES)
        is_digest = bool(SHA256.fullmatch(stored.sha256))
        key = f"{stored.file}: sha256"
        need(is_digest, where, key, stored.sha256, "64 hex digits, lower case")
    _check_unique([stored.file for stored in files], where, "file (with another hash or size)")
    total, most = sum(stored.size_bytes for stored in files), MAX_BUNDLE_BYTES
    need(total <= most, where, "size of all files", total, f"at most {most} bytes")
