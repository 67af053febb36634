"""Who made a bundle: an OpenSSF Model Signing signature (v1.0, method "key"), checked offline.

`bundle.sig`, a file of the bundle, is a Sigstore bundle: JSON with a DSSE envelope around an
in-toto statement that names every file with its SHA-256. `model_signing verify key` takes what is
written here, and what `model_signing sign key` wrote is taken here.
Source: https://github.com/ossf/model-signing-spec, 1.0.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec

from edge.bundle.keys import Keys, PrivateKey, PublicKey
from edge.bundle.manifest import MANIFEST
from edge.errors import BundleError
from edge.strict import read_json

SIGNATURE = "bundle.sig"
MAX_SIGNATURE_BYTES = 1 << 20
MEDIA = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://model_signing/signature/v1.0"
AGAIN = "edge-tag bundle sign BUNDLE --key KEY, where the private key is"


class Signed(msgspec.Struct, frozen=True):
    sig: bytes  # DER; base64 in the file, as all bytes
    keyid: str = ""


class Envelope(msgspec.Struct, frozen=True, rename="camel"):
    payload: bytes  # a Statement
    payload_type: str
    signatures: tuple[Signed, ...]


class Hint(msgspec.Struct, frozen=True):
    hint: str = ""  # id of the key


class Material(msgspec.Struct, frozen=True, rename="camel"):
    public_key: Hint
    tlog_entries: tuple[msgspec.Raw, ...] = ()


class SigstoreBundle(msgspec.Struct, frozen=True, rename="camel"):
    media_type: str
    verification_material: Material
    dsse_envelope: Envelope


class Resource(msgspec.Struct, frozen=True):
    name: str
    digest: str  # hex
    algorithm: str = "sha256"


class Serialization(msgspec.Struct, frozen=True):
    method: str = "files"
    hash_type: str = "sha256"
    allow_symlinks: bool = False
    ignore_paths: tuple[str, ...] = (SIGNATURE,)


class Predicate(msgspec.Struct, frozen=True):
    resources: tuple[Resource, ...]
    serialization: Serialization = Serialization()


class Subject(msgspec.Struct, frozen=True):
    name: str
    digest: dict[str, str]


class Statement(msgspec.Struct, frozen=True, rename="camel"):
    subject: tuple[Subject, ...]
    predicate_type: str
    predicate: Predicate
    kind: str = msgspec.field(name="_type")


def signed(name: str, digests: Mapping[str, str], key: PrivateKey) -> bytes:
    """What `bundle.sig` holds. digests: of each file, `bundle.json` among them, SHA-256 in hex."""
    resources = tuple(Resource(file, digests[file]) for file in sorted(digests))
    every = hashlib.sha256(b"".join(bytes.fromhex(one.digest) for one in resources))
    subject = Subject(name, {"sha256": every.hexdigest()})
    statement = Statement((subject,), PREDICATE, Predicate(resources), STATEMENT)
    payload = msgspec.json.encode(statement)
    by = (Signed(key.sign(_authenticated(payload))),)
    material = Material(Hint(key.public.id))
    return msgspec.json.encode(SigstoreBundle(MEDIA, material, Envelope(payload, PAYLOAD, by)))


def check(data: bytes, manifest: bytes, keys: Keys, where: str) -> str:
    """Does `data` sign the bundle with this `bundle.json`, by one of `keys`? Gives the id.

    The manifest has the hash of every other file, so those need not be looked at. Raises
    BundleError.
    """
    digest = hashlib.sha256(manifest).hexdigest()
    envelope = read_json(data, SigstoreBundle, where, AGAIN).dsse_envelope
    by = _signer(envelope, keys, where)
    statement = read_json(envelope.payload, Statement, where, AGAIN)  # of somebody who is trusted
    _check_kind(envelope, statement, where)
    signed = {one.name: one.digest for one in statement.predicate.resources}
    if signed.get(MANIFEST) != digest:
        found = signed.get(MANIFEST, "nothing")[:16]
        raise BundleError(
            f"{where}: is for a {MANIFEST} of {found}, expected {digest[:16]}, the one beside it",
            fix=AGAIN,
        )
    return by.id


def _signer(envelope: Envelope, keys: Keys, where: str) -> PublicKey:
    message = _authenticated(envelope.payload)
    for key in keys:
        if any(key.has_signed(message, one.sig) for one in envelope.signatures):
            return key
    trusted = ", ".join(f"{key.id[:12]}..." for key in keys)
    raise BundleError(f"{where}: is of no key that is trusted, expected {trusted}", fix=AGAIN)


def _check_kind(envelope: Envelope, statement: Statement, where: str) -> None:
    how = statement.predicate.serialization
    found = (
        envelope.payload_type, statement.kind, statement.predicate_type, how.method, how.hash_type
    )  # fmt: skip
    expected = (PAYLOAD, STATEMENT, PREDICATE, "files", "sha256")
    for one, wanted in zip(found, expected, strict=True):
        if one != wanted:
            raise BundleError(f"{where}: {one[:100]!r} is found, expected {wanted}", fix=AGAIN)


def _authenticated(payload: bytes) -> bytes:
    """What is signed of a DSSE envelope: its specification's "pre-authentication encoding"."""
    kind = PAYLOAD.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
