"""Keys that bundles are signed with, and those that this device trusts.

What they are made of is in `curves.py`, which is loaded when a key is: a device that trusts no key
needs no package for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Protocol

from edge.bounded import read
from edge.errors import ConfigError
from edge.homes import own_folder

FILE = "trusted-keys.pem"
SYSTEM = Path("/etc/edge-tag") / FILE  # the administrator's: a service may not write there
MAX_BYTES = 1 << 16
END = b"-----END PUBLIC KEY-----"
NEW_KEY = "edge-tag bundle key NAME makes one"


class PublicKey(Protocol):
    """Of an elliptic curve."""

    id: str  # SHA-256 of its PEM in hex, as a signature names it

    def has_signed(self, message: bytes, signature: bytes) -> bool: ...


class PrivateKey(Protocol):
    """Of an elliptic curve."""

    public: PublicKey

    def sign(self, message: bytes) -> bytes:
        """ECDSA, DER."""
        ...


Keys = Sequence[PublicKey]


def trust_file() -> Path | None:
    """Where the keys are that a bundle must be signed with; None: this device takes any bundle.

    Raises ConfigError where that cannot be seen.
    """
    return next((path for path in (SYSTEM, own_folder("data") / FILE) if _is_there(path)), None)


def _is_there(path: Path) -> bool:
    """A folder that may not be looked into, or a link to a disk that is not there yet, must not
    make a device take anybody's bundle.
    """
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as e:
        raise ConfigError(
            f"{path}: {e.strerror}, expected the keys of this device, or nothing",
            fix="let the user that runs edge-tag look into that folder: chmod a+rx",
        ) from e
    return True


def trusted() -> Keys | None:
    """The keys of which one must have signed a bundle; None: it takes any bundle.

    Raises ConfigError as `trust_file` and `read_public` do.
    """
    path = trust_file()
    return None if path is None else read_public(path)


def read_public(path: Path) -> Keys:
    """The keys of a PEM file, one after the other: an old and a new one while they change.

    Raises ConfigError for a file that holds none, or anything else; or without `cryptography`.
    """
    expected = "PEM of public keys, P-256, P-384 or P-521"
    data = read(path, MAX_BYTES, ConfigError, expected, NEW_KEY)
    *blocks, _ = data.split(END)
    load = _curves(str(path)).public_key
    try:
        keys = [load(block + END) for block in blocks]
    except ValueError as e:
        raise ConfigError(f"{path}: {e}, expected {expected}", fix=NEW_KEY) from e
    if not keys or b"PRIVATE" in data:
        found = "a private key" if b"PRIVATE" in data else "no public key"
        raise ConfigError(f"{path}: {found} is found, expected {expected}", fix=NEW_KEY)
    return keys


def read_private(path: Path, password: bytes | None = None) -> PrivateKey:
    """The key of a PEM file. Raises ConfigError for anything else, or without `cryptography`."""
    expected = "PEM of a private key, P-256, P-384 or P-521"
    data = read(path, MAX_BYTES, ConfigError, expected, NEW_KEY)
    try:
        key: PrivateKey = _curves(str(path)).private_key(data, password)
    except ValueError as e:
        fix = f"--password-file FILE, if it has a password; {NEW_KEY}"
        raise ConfigError(f"{path}: {e}, expected {expected}", fix=fix) from e
    return key


def new_pair() -> tuple[bytes, bytes]:
    """A private and a public key, PEM. Raises ConfigError without `cryptography`."""
    private, public = _curves("keys").new_pair()
    return private, public


def _curves(where: str) -> ModuleType:
    try:
        return import_module("edge.bundle.curves")
    except ImportError as e:
        raise ConfigError(
            f"{where}: signatures need the package 'cryptography', which is not installed: {e}",
            fix="pip install 'edge-tag[signing]'",
        ) from e
