"""Credentials never reach a log, an error, a name or a result: whatever is shown passes here.

A password is read from a file or an environment variable into a `Secret`, which shows nothing of
itself, and is taken out of it where the library that needs it is called.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from edge.errors import UsageError

HIDDEN = "***"
MAX_BYTES = 4096  # a password, a token, a key
IN_PATH = re.compile(  # as XMEye's cameras have it: /user=shop_password=x_channel=1_stream=0.sdp
    r"((?:user|usr|login|pass|pw|psw|token|key|auth|secret)[a-z]*(?:=|%3D))"
    r"(?:.*(?=[_&]channel=)|.*)",  # a password may hold a _ or a &; channels are told apart
    re.IGNORECASE | re.DOTALL,
)
HALF = re.compile(r"(?<=://)[^/\[\]]*:(?!\d{1,5}(?:/|$))[^/]*")  # user:pass, and no port of a host
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]{0,30}://[^\s'\"<>]+", re.IGNORECASE)


class Secret:
    """A credential. Printing, logging and formatting it give ***; `reveal` gives itself."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return HIDDEN

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return HIDDEN

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        return Secret, (HIDDEN,)  # a copy of it, anywhere, holds nothing


def without_secrets(text: str) -> str:
    """A URL as it may be shown: no user, no password, no query (tokens travel there)."""
    if "//" not in text:
        return text
    text = IN_PATH.sub(rf"\1{HIDDEN}", text)
    # up to the last @: a password may hold an @ or a / that nobody escaped
    text = re.sub(r"[?#].*", "", re.sub(r"//.*@", "//", text, flags=re.DOTALL), flags=re.DOTALL)
    return HALF.sub(HIDDEN, text)  # a ? or a # of a password cut off what stood before the @


def encodable(text: str) -> str:
    """A name as UTF-8 can tell it: a file may have one of any bytes, and those are escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def redacted(text: str, secrets: Iterable[Secret] = ()) -> str:
    """Free text, like a library's error: every address in it stripped, every secret masked."""
    values = sorted((s.reveal() for s in secrets if s.reveal()), key=len, reverse=True)
    for value in values:
        for written in (value, quote(value, safe=""), quote(value), repr(value)[1:-1]):
            text = text.replace(written, HIDDEN)
    return ADDRESS.sub(lambda found: without_secrets(found[0]), text)


def read_secret(where: str, file: str | None, variable: str | None) -> Secret | None:
    """From a file (its first line) or an environment variable; None where neither is named.

    Raises UsageError, which names the file or the variable and never what is in it.
    """
    if file is not None:
        return _from_file(where, Path(file))
    if variable is None:
        return None
    value = os.environ.get(variable, "")
    if not value:
        raise UsageError(
            f"{where}: environment variable {variable} is empty, expected a password",
            fix=f"export {variable}=... where edge-tag is started",
        )
    return Secret(value)


def _from_file(where: str, path: Path) -> Secret:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as e:
        raise UsageError(f"{where}: {path}: {e.strerror}", fix="name a file with it") from e
    try:
        lines = raw.decode("utf-8").splitlines() if len(raw) <= MAX_BYTES else []
    except UnicodeDecodeError:
        lines = []
    if not lines or not lines[0]:
        raise UsageError(
            f"{where}: {path}: holds no password, expected one line of text",
            fix="write it into the first line of that file",
        )
    return Secret(lines[0])
