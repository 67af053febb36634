"""All that is wrong with a table, not only the first: where, what is found, what is expected.

msgspec stops at the first fault, so each part of a table is tried on its own.
"""

from __future__ import annotations

import math
import types
from collections.abc import Iterator
from datetime import date, time
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec

from edge.redact import redacted
from edge.spelling import nearest

LONG = 500  # letters of a value that is read for credentials
LONGEST = 60  # letters of a value that is shown
JSON_WORDS = {"object": "a table", "array": "an array", "bool": "true or false"}
REFUSED = (msgspec.ValidationError, ValueError, OverflowError)


class Problem(NamedTuple):
    """A fault. key is empty for the file as a whole; says is `X is found, expected Y`."""

    key: str
    says: str
    fix: str = ""


def problems(value: object, kind: Any, key: str = "") -> list[Problem]:
    """What keeps `value`, as TOML gives it, from being a `kind`; empty when it is one.

    Values are shown shortened and without credentials, those of unknown keys not at all.
    """
    plain = _plain(kind)
    if isinstance(value, float) and not math.isfinite(value):
        return [Problem(key, f"{value} is found, expected a number")]
    found = list(_keys(value, plain, key))
    for below, part, its_kind in _parts(value, plain, key):
        found += problems(part, its_kind, below)
    return found or _whole(value, kind, plain, key)


def shown(value: object) -> str:
    """A value in an error, as TOML writes it."""
    if isinstance(value, dict | list):
        return f"{'a table' if isinstance(value, dict) else 'an array'} of {len(value)}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, int) and not -(10**18) < value < 10**18:
        return "a very large number"  # Python refuses to print some of them
    if isinstance(value, str) and len(value) > LONG:  # half a text may be half a credential
        return f"a text of {len(value)} letters"
    text = redacted(repr(value))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def joined(key: str, name: str) -> str:
    """`cameras[0]`, `url` -> `cameras[0].url`."""
    return f"{key}.{_short(name)}" if key else _short(name)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[:LONGEST]}..."


def _plain(kind: Any) -> Any:
    """Without its limits and without None, which TOML cannot say."""
    while get_origin(kind) in (Annotated, Union, types.UnionType):
        options = [k for k in get_args(kind) if k is not type(None)]
        kind = options[0]
    return kind


def _described(kind: Any) -> str:
    for option in (kind, *(get_args(kind) if get_origin(kind) is not Annotated else ())):
        if get_origin(option) is Annotated:
            for meta in option.__metadata__:
                if isinstance(meta, msgspec.Meta) and meta.description:
                    return meta.description
    return ""


def _keys(value: object, plain: Any, key: str) -> Iterator[Problem]:
    """Unknown ones and missing ones."""
    if not (isinstance(value, dict) and _is_record(plain)):
        return
    fields = {field.encode_name: field for field in msgspec.structs.fields(plain)}
    for name in value:
        if name not in fields:
            expected = ", ".join(fields)
            says = f"unknown key is found, expected some of {expected}"
            yield Problem(joined(key, name), says, nearest(name, fields))
    for name, field in fields.items():
        if field.required and name not in value:
            yield Problem(joined(key, name), "nothing is found, expected this key")


def _parts(value: object, plain: Any, key: str) -> Iterator[tuple[str, object, Any]]:
    """What is in it: key, value, kind."""
    options = get_args(plain)
    if isinstance(value, dict) and _is_record(plain):
        hints = get_type_hints(plain, include_extras=True)
        for field in msgspec.structs.fields(plain):
            if field.encode_name in value:
                below = joined(key, field.encode_name)
                yield below, value[field.encode_name], hints[field.name]
    elif isinstance(value, dict) and get_origin(plain) is dict:
        for name, part in value.items():
            yield joined(key, name), name, options[0]
            yield joined(key, name), part, options[1]
    elif isinstance(value, list) and get_origin(plain) is tuple:
        kinds = [options[0]] * len(value) if options[-1] is Ellipsis else list(options)
        if len(kinds) == len(value):
            for n, (part, its_kind) in enumerate(zip(value, kinds, strict=True)):
                yield f"{key}[{n}]", part, its_kind


def _whole(value: object, kind: Any, plain: Any, key: str) -> list[Problem]:
    """Parts are right: is the whole?"""
    if get_origin(plain) is Literal and value not in get_args(plain):
        words = get_args(plain)
        says = f"{shown(value)} is found, expected one of {', '.join(words)}"
        return [Problem(key, says, nearest(value, words) if isinstance(value, str) else "")]
    try:
        msgspec.convert(value, kind)
    except REFUSED as e:
        return [Problem(key, _said(str(e), value, kind))]
    return []


def _said(message: str, value: object, kind: Any) -> str:
    """msgspec's words in ours, better where the kind has a description. What the records say stays.

    A description is what stands behind "expected".
    """
    message = message.partition(" - at `")[0].replace("`", "")
    if not message.startswith(("Expected", "Invalid", "Integer")):
        return message
    expected = _described(kind) or message.partition(", got ")[0].removeprefix("Expected ")
    expected = JSON_WORDS.get(expected, expected)
    return f"{shown(value)} is found, expected {expected}"


def _is_record(plain: Any) -> bool:
    return isinstance(plain, type) and issubclass(plain, msgspec.Struct)
