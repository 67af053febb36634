"""Keys of elliptic curves by the package `cryptography`: P-256, P-384 and P-521, each with the hash
that OpenSSF Model Signing 1.0 gives it.
"""

from __future__ import annotations

import hashlib

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

HASHES: dict[str, hashes.HashAlgorithm] = {
    "secp256r1": hashes.SHA256(),
    "secp384r1": hashes.SHA384(),
    "secp521r1": hashes.SHA512(),
}


class Public:
    """See `keys.PublicKey`."""

    def __init__(self, key: ec.EllipticCurvePublicKey) -> None:
        """Raises ValueError for a curve that is none of those."""
        self._key, self._how = key, _how(key.curve)
        self.pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        self.id = hashlib.sha256(self.pem).hexdigest()

    def has_signed(self, message: bytes, signature: bytes) -> bool:
        try:
            self._key.verify(signature, message, self._how)
        except InvalidSignature:
            return False
        return True


class Private:
    """See `keys.PrivateKey`."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        """Raises ValueError for a curve that is none of those."""
        self._key, self._how = key, _how(key.curve)
        self.public = Public(key.public_key())

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message, self._how)


def public_key(pem: bytes) -> Public:
    """Raises ValueError for what is none, or of another kind."""
    try:
        key = load_pem_public_key(pem)
    except UnsupportedAlgorithm as e:
        raise ValueError(str(e)) from e
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ValueError("it is of another kind")
    return Public(key)


def private_key(pem: bytes, password: bytes | None) -> Private:
    """Raises ValueError for what is none, or of another kind, or has another password."""
    try:
        key = load_pem_private_key(pem, password)
    except (UnsupportedAlgorithm, TypeError) as e:  # TypeError: a password too many, or too few
        raise ValueError(str(e)) from e
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("it is of another kind")
    return Private(key)


def new_pair() -> tuple[bytes, bytes]:
    """A private and a public key of P-256, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private, Public(key.public_key()).pem


def _how(curve: ec.EllipticCurve) -> ec.ECDSA:
    if curve.name not in HASHES:
        raise ValueError(f"its curve is {curve.name}")
    return ec.ECDSA(HASHES[curve.name])
