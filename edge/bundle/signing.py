"""Signing a bundle, and saying which keys this device trusts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from edge.bounded import read
from edge.bundle import keys
from edge.bundle.manifest import MANIFEST
from edge.bundle.read import Bundle, open_bundle
from edge.bundle.signature import SIGNATURE, signed
from edge.bundle.write import write_zip
from edge.errors import ConfigError, SinkError
from edge.homes import own_folder
from edge.store import make_folder, write_whole

Rows = Sequence[tuple[str, str]]


def write_pair(name: Path) -> tuple[Path, Path]:
    """NAME.key.pem, which its owner alone may read, and NAME.pub.pem.

    Raises SinkError, also where one of them is there already: a key is not to be had again.
    """
    private, public = (name.with_name(f"{name.name}.{kind}.pem") for kind in ("key", "pub"))
    make_folder(name.parent)
    pair = keys.new_pair()
    _write_new(private, pair[0], 0o600)
    _write_new(public, pair[1], 0o644)
    return private, public


def _write_new(path: Path, data: bytes, mode: int) -> None:
    try:
        path.touch(mode, exist_ok=False)
        path.write_bytes(data)
    except OSError as e:
        raise SinkError(f"{path}: {e.strerror}", fix="name another: keys are kept") from e


def sign_bundle(path: Path, key_file: Path, password_file: Path | None = None) -> Rows:
    """Write `bundle.sig` into a folder or an `.edge` file, in place of one that is there.

    Raises BundleError for a bundle that is not whole, ConfigError for what is no key, SinkError.
    """
    password = None if password_file is None else _first_line(password_file)
    key = keys.read_private(key_file, password)
    with open_bundle(path, is_own=True) as bundle:
        signature = signed(bundle.manifest.name, _digests(bundle), key)
        try:
            if path.is_dir():
                write_whole(path / SIGNATURE, signature, is_synced=True)
            else:
                write_zip(bundle, path, replace=True, signature=signature)
        except OSError as e:
            raise SinkError(f"{path}: {e.strerror or e}", fix="make room on that disk") from e
        return [(bundle.id, f"signed with the key {key.public.id[:12]}...")]


def trust(path: Path) -> Rows:
    """From now on a bundle must be signed with one of the keys at `path`, PEM.

    Raises ConfigError for what are none, SinkError.
    """
    keys.read_public(path)  # raises for what is none
    own = own_folder("data") / keys.FILE
    make_folder(own.parent)
    write_whole(own, _bytes(path), is_synced=True)
    return trusted_rows()


def distrust() -> Rows:
    """From now on any bundle will do, unless the administrator's keys say otherwise.

    Raises SinkError.
    """
    own = own_folder("data") / keys.FILE
    try:
        own.unlink(missing_ok=True)
    except OSError as e:
        raise SinkError(f"{own}: {e.strerror}", fix="make its folder one to write in") from e
    return trusted_rows()


def trusted_rows() -> Rows:
    """The keys that are trusted, and where they lie. Raises ConfigError."""
    path = keys.trust_file()
    if path is None:
        return [("any", f"no key is asked for: neither {keys.SYSTEM} nor one's own is there")]
    return [(f"{key.id[:12]}...", str(path)) for key in keys.read_public(path)]


def _digests(bundle: Bundle) -> dict[str, str]:
    bundle.read_all()
    own = {MANIFEST: hashlib.sha256(bundle.source).hexdigest()}
    return own | {file.file: file.sha256 for file in bundle.manifest.files()}


def _first_line(path: Path) -> bytes:
    return _bytes(path).partition(b"\n")[0].rstrip(b"\r")


def _bytes(path: Path) -> bytes:
    return read(
        path, keys.MAX_BYTES, ConfigError, "a small file", "name a file with one line in it"
    )
