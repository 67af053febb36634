"""Where a broker is, and as whom we come to it: `mqtt://HOST[:PORT][/PREFIX]#options`, checked."""

from __future__ import annotations

import hashlib
import ssl
from typing import NamedTuple

from edge.errors import UsageError
from edge.pictures.stems import plain
from edge.redact import Secret
from edge.sinks.target import Target

VERSIONS = ("5", "3.1.1")


class Address(NamedTuple):
    """Where, and as whom."""

    name: str  # for people, without credentials
    host: str
    port: int
    prefix: str
    client_id: str
    version: str
    is_tls: bool
    discovery: str  # Home Assistant's prefix; empty: it is not told
    has_pictures: bool  # of what came last
    user: str
    files: tuple[str, str, str]  # authority, certificate, key; empty: the system's, none, none


def address_of(target: Target, device: str) -> tuple[Address, Secret | None]:
    """With the password. Raises UsageError."""
    parts, is_tls = target.address, target.kind == "mqtts"
    prefix = parts.path.strip("/") or f"edge-tag/{plain(device)}"
    if any(c in prefix for c in "+#\0") or "//" in prefix or len(prefix) > 200:
        raise UsageError(
            f"{target.shown}: {prefix!r} is no prefix of a topic, expected a/b",
            fix=f"{target.kind}://HOST/shop/door, without + and #",
        )
    assert parts.hostname is not None
    digest = hashlib.sha256(f"{device}/{prefix}".encode()).hexdigest()[:8]
    files = (target.text("ca-file"), target.text("cert-file"), target.text("key-file"))
    found = target.text("discovery", "homeassistant")
    address = Address(
        name=f"{target.kind}://{parts.netloc}/{prefix}",
        host=parts.hostname,
        port=parts.port or (8883 if is_tls else 1883),
        prefix=prefix,
        client_id=target.text("client-id", f"edge-tag-{digest}"),
        version=target.word("version", "5", VERSIONS),
        is_tls=is_tls,
        discovery="" if found == "off" else found.strip("/"),
        has_pictures=target.word("pictures", "off", ("on", "off")) == "on",
        user=target.text("user"),
        files=files,
    )
    password = target.secret("password")
    _check(target, address, password)
    return address, password


def _check(target: Target, address: Address, password: Secret | None) -> None:
    if password is not None and not address.user:
        raise UsageError(
            f"{target.shown}: a password without a user, expected user=NAME too",
            fix="#user=NAME,password-file=FILE behind the address",
        )
    if any(address.files) and not address.is_tls:
        raise UsageError(
            f"{target.shown}: ca-file, cert-file and key-file are for mqtts://",
            fix="write mqtts:// for mqtt://, or leave them out",
        )
    if address.is_tls:
        try:
            context = ssl.create_default_context(cafile=address.files[0] or None)
            if address.files[1]:
                context.load_cert_chain(address.files[1], address.files[2] or None)
        except (OSError, ssl.SSLError) as e:
            raise UsageError(
                f"{target.shown}: certificates: {e}",
                fix="name PEM files: #ca-file=FILE,cert-file=FILE,key-file=FILE",
            ) from e
