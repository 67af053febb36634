"""Where to listen, and who may ask: loopback alone, unless there is a token."""

from __future__ import annotations

import hmac
from ipaddress import ip_address
from typing import NamedTuple

from edge.errors import UsageError
from edge.redact import Secret, read_secret

LOOPBACK = ("127.0.0.1", "::1", "localhost")
SHORTEST = 16  # characters of a token
ALONE = ":9464 alone stands for 127.0.0.1:9464, this machine and nobody else"


class Door(NamedTuple):
    """Where to listen, and what opens it."""

    host: str  # an address; loopback unless there is a token
    port: int  # 0: any that is free
    token: Secret | None = None  # None: everybody on this machine may ask

    def opens(self, authorization: str) -> bool:
        """Is that the header of somebody who may ask? The time it takes tells nothing."""
        if self.token is None:
            return True
        wanted = f"Bearer {self.token.reveal()}".encode()
        return hmac.compare_digest(authorization.encode("utf-8", "replace"), wanted)

    def is_meant(self, host: str) -> bool:
        """Is that a `Host` under which we are asked? A page elsewhere that points a name of its own
        at 127.0.0.1 would ask through the browser of somebody on this machine."""
        name = host.rpartition("]")[0].lstrip("[") if host.startswith("[") else host.split(":")[0]
        return self.token is not None or name.lower() in ("", self.host, *LOOPBACK)


def parse_door(text: str, token_file: str | None, flag: str = "--health") -> Door:
    """As after `flag`, and what opens it. Raises UsageError."""
    door = parse_address(text, flag)
    token = read_secret(f"{flag}-token-file", token_file, None)
    if token is None and not ip_address(door.host).is_loopback:
        raise UsageError(
            f"{flag}: {door.host} is not loopback and there is no token, expected one",
            fix=f"{flag}-token-file FILE, with a long random line in it; or 127.0.0.1",
        )
    if token is not None and (len(token.reveal()) < SHORTEST or not token.reveal().isascii()):
        raise UsageError(
            f"{flag}-token-file: the token is too short or not ASCII, expected {SHORTEST} "
            "characters or more",
            fix="openssl rand -hex 32 > FILE",
        )
    return door._replace(token=token)


def parse_address(text: str, flag: str) -> Door:
    """`HOST:PORT`, `[::1]:PORT` or `:PORT`, without a token. Raises UsageError."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    is_number = port.isascii() and port.isdecimal() and len(port) <= 5
    if not colon or not is_number or int(port) > 65535:
        raise UsageError(
            f"{flag}: {text!r} is given, expected HOST:PORT, like 127.0.0.1:9464", fix=ALONE
        )
    host = "127.0.0.1" if host in ("", "localhost") else host
    try:
        ip_address(host)
    except ValueError as e:
        raise UsageError(
            f"{flag}: {host!r} is given, expected an address of this machine, like 127.0.0.1",
            fix=ALONE,
        ) from e
    return Door(host, int(port))
