"""Writing bundles, whole or not at all, checked by opening them; same input, same bytes."""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from edge.bundle.manifest import MANIFEST, Manifest, StoredFile
from edge.bundle.read import Bundle, open_bundle
from edge.bundle.signature import SIGNATURE
from edge.errors import BundleError
from edge.store import sync

LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the first date a zip can say


def stored(name: str, data: bytes) -> StoredFile:
    """What the manifest says of a file."""
    return StoredFile(name, len(data), hashlib.sha256(data).hexdigest())


def write_bundle(
    folder: Path, files: Mapping[str, bytes], manifest: Manifest, replace: bool = False
) -> None:
    """Write a bundle directory. `files` holds exactly the files that `manifest` names.

    It is written beside `folder`, opened as the runtime opens it, every file read back, and
    renamed: whoever looks at `folder` sees all of it or none. Raises BundleError when it is there
    already and `replace` is false, and when it would not open.
    """
    named = {file.file for file in manifest.files()}
    if named != set(files):
        raise ValueError(f"files and manifest differ: {sorted(named ^ set(files))}")
    _refuse_existing(folder, replace)
    fresh = folder.with_name(f"{folder.name}.tmp")
    shutil.rmtree(fresh, ignore_errors=True)  # left by a run that was killed
    for name in sorted(files):
        _write(fresh / name, files[name])
    _write(fresh / MANIFEST, manifest_bytes(manifest))
    _read_all(fresh)
    _take_place(fresh, folder, replace)


def zip_bundle(path: Path, target: Path, replace: bool = False) -> None:
    """One `.edge` file of the bundle at `path`. Raises as `write_zip` does."""
    with open_bundle(path, is_own=True) as bundle:
        write_zip(bundle, target, replace)


def write_zip(
    bundle: Bundle, target: Path, replace: bool = False, signature: bytes | None = None
) -> None:
    """One `.edge` file of a bundle, not compressed: weights do not shrink.

    signature  in place of the one that the bundle has
    Raises BundleError when the bundle is damaged, or `target` is there already and `replace` is
    false; OSError for a disk that is full or gone, and then nothing is left of it.
    """
    _refuse_existing(target, replace)
    fresh = target.with_name(f"{target.name}.tmp")
    try:
        with zipfile.ZipFile(fresh, "w", zipfile.ZIP_STORED) as out:
            for name, data in _contents(bundle, signature):
                out.writestr(_entry(name), data)
        _read_all(fresh)
        sync(fresh)
        fresh.replace(target)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    sync(target.parent)


def _contents(bundle: Bundle, signature: bytes | None) -> Iterator[tuple[str, bytes]]:
    signature = bundle.signature() if signature is None else signature
    yield MANIFEST, bundle.source
    if signature is not None:
        yield SIGNATURE, signature
    for file in sorted(bundle.manifest.files(), key=lambda f: f.file):
        yield file.file, bundle.read(file)


def manifest_bytes(manifest: Manifest) -> bytes:
    """`bundle.json`: keys of records in their order, keys of tables sorted, two spaces."""
    return (
        msgspec.json.format(msgspec.json.encode(manifest, order="deterministic"), indent=2) + b"\n"
    )


def _entry(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, LONG_AGO)
    info.create_system = 3  # Unix, on whatever system it is written
    info.external_attr = 0o644 << 16
    return info


def _refuse_existing(path: Path, replace: bool) -> None:
    if os.path.lexists(path) and not replace:
        raise BundleError(
            f"{path}: is there already, expected a new name",
            fix="name another place, or replace it",
        )


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    sync(path)


def _read_all(path: Path) -> None:
    with open_bundle(path, is_own=True) as bundle:
        bundle.read_all()


def _take_place(fresh: Path, folder: Path, replace: bool) -> None:
    _refuse_existing(folder, replace)  # again: writing took a while
    old = folder.with_name(f"{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    had_one = os.path.lexists(folder)
    if had_one:
        folder.rename(old)
    try:
        fresh.rename(folder)
    except OSError:
        if had_one:
            old.rename(folder)
        raise
    sync(folder.parent)
    shutil.rmtree(old, ignore_errors=True)
