"""JSON into frozen records, strictly, with errors that name file and key.

msgspec refuses wrong types and unknown keys; a key given twice it would let pass, and two readers
might then see two different files, so that is refused here.
"""

from __future__ import annotations

import json
import re
from threading import Lock
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from edge.errors import COPY_AGAIN, PACK_AGAIN, BundleError
from edge.spelling import nearest

T = TypeVar("T")
_WORKED_OUT = Lock()
_DECODERS: dict[object, msgspec.json.Decoder[Any]] = {}

NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError)


def decoded(data: bytes | str, kind: type[T]) -> T:
    """JSON as a `kind`. Raises what msgspec does.

    msgspec works a record out when it is first asked for, and where two threads ask at once the
    process crashes (0.22): here one of them does, and the other waits.
    """
    with _WORKED_OUT:
        decoder = _DECODERS.get(kind)
        if decoder is None:
            decoder = _DECODERS[kind] = msgspec.json.Decoder(kind)
    record: T = decoder.decode(data)
    return record


def read_json(data: bytes, kind: type[T], where: str, fix: str = PACK_AGAIN) -> T:
    """`data` as a `kind`. Its length is for the caller to limit.

    Raises BundleError; `fix` is for what parses and is no such record.
    """
    try:
        record = decoded(data, kind)
    except msgspec.ValidationError as e:
        message, _, place = str(e).partition(" - at `")
        key = place.rstrip("`").removeprefix("$.")
        says = f"{where}: {key}: {message}" if key else f"{where}: {message}"
        raise BundleError(says, fix=_misspelt(message, kind) or fix) from e
    except NOT_JSON as e:
        raise BundleError(
            f"{where}: content does not parse ({e}), expected JSON",
            fix=COPY_AGAIN,
        ) from e
    _refuse_repeated_keys(data, where, fix)
    return record


def _misspelt(message: str, kind: Any) -> str:
    """A hint for a misspelt key; empty when the trouble is another one."""
    unknown = re.search(r"unknown field `(.*?)`", message)
    return nearest(unknown[1], sorted(_keys(inspect.type_info(kind)))) if unknown else ""


def _keys(info: Any) -> set[str]:
    """Every key of a record and of the records in it."""
    keys: set[str] = set()
    for field in getattr(info, "fields", ()):
        keys |= {field.encode_name} | _keys(field.type)
    for part in ("item_type", "value_type"):
        if hasattr(info, part):
            keys |= _keys(getattr(info, part))
    return keys


def _refuse_repeated_keys(data: bytes, where: str, fix: str) -> None:
    def once(pairs: list[tuple[str, object]]) -> None:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise BundleError(
                    f"{where}: key {key!r} is given twice in one object, expected once",
                    fix=fix,
                )
            seen.add(key)

    try:  # numbers are not converted: a long enough one takes minutes
        json.loads(data, object_pairs_hook=once, parse_int=len, parse_float=len)
    except (ValueError, RecursionError) as e:
        raise BundleError(f"{where}: {e}", fix=fix) from e
