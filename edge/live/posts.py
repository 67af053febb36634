"""A POST of the live page: its body, with limits, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import msgspec

from edge.errors import ConfigError, EdgeError
from edge.health.serving import JSON, Page, as_json
from edge.live.access import Headers
from edge.live.actions import Actions, Capture, Enrol, Freeze
from edge.strict import NOT_JSON, decoded

MAX_BODY = 4096
WORDS, FORM = "application/json", "application/x-www-form-urlencoded"


def body_of(headers: Headers, read: Callable[[int], bytes], wanted: str = WORDS) -> bytes | Page:
    """What came with a request, or why it is not taken. wanted: its Content-Type."""
    size = headers.get("Content-Length", "")
    kind = headers.get("Content-Type", "").partition(";")[0].strip()
    if kind != wanted:
        return as_json(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, error=f"expected {wanted}")
    if not (size.isascii() and size.isdecimal()) or "Transfer-Encoding" in headers:
        return as_json(HTTPStatus.LENGTH_REQUIRED, error="expected a Content-Length")
    if len(size) > 9 or int(size) > MAX_BODY:
        limit = f"expected at most {MAX_BODY} bytes"
        return as_json(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, error=limit)
    try:
        return read(int(size))
    except OSError:
        return as_json(HTTPStatus.REQUEST_TIMEOUT, error="the body did not come")


def changed(actions: Actions, path: str, body: bytes) -> Page:
    """It is done, or an answer says why it is not."""
    try:
        return _done(actions, path, body)
    except NOT_JSON as e:
        return as_json(HTTPStatus.BAD_REQUEST, error=str(e)[:200])
    except EdgeError as e:
        also = [str(one) for one in e.also] if isinstance(e, ConfigError) else []
        return as_json(HTTPStatus.CONFLICT, error=str(e), fix=e.fix, also=also)


def _done(actions: Actions, path: str, body: bytes) -> Page:
    """Raises EdgeError, and what msgspec raises."""
    done: dict[str, Any]
    if path == "/freeze":
        done = actions.freeze(decoded(body, Freeze))
    elif path == "/enrol":
        done = actions.enrol(decoded(body, Enrol))
    elif path == "/capture":
        done = actions.capture(decoded(body, Capture))
    elif path == "/reload":
        done = actions.reload()
    else:
        return as_json(HTTPStatus.NOT_FOUND, error="there is nothing to do here")
    return Page(200, JSON, msgspec.json.encode(done))
