"""A webhook: one POST an event, in order; what answers 2xx has it.

    Edge-Tag-Seq: 41                          the same when it is sent again
    Edge-Tag-Signature: sha256=<hex>          HMAC of the body, with `secret-file` or `secret-env`
    Authorization: Bearer <token>             with `token-file` or `token-env`

No answer, 408, 425, 429 and 5xx are tried again, and so are 401, 403, 404 and redirects, which a
person has to put right; after the seconds of a `Retry-After`, an hour at most. Any other answer
means that this event will never be taken. A redirect is not followed: what is signed for one host
is not for another.
"""

from __future__ import annotations

import hashlib
import hmac
import ssl
from collections.abc import Sequence
from http.client import HTTPException
from string import punctuation
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import HTTPRedirectHandler, HTTPSHandler, OpenerDirector, Request, build_opener

from edge import __version__
from edge.errors import NOT_TRUSTED, SinkError, UsageError
from edge.outbox.delivery import EventRefused, Later
from edge.outbox.ledger import Owed
from edge.redact import Secret, redacted
from edge.sinks import CarrierSite
from edge.sinks.target import Target

TIMEOUT_S = 10.0
UP = "is it up, and reached from here? try it with curl"
LOG = "look at the log of the other side"
LONGEST_S = 3600.0  # that we are sent away for
AGAIN = {301, 302, 303, 307, 308, 401, 403, 404, 407, 408, 421, 423, 425, 429}


class Webhook:
    """A `Carrier`."""

    def __init__(
        self,
        name: str,
        url: str,
        opener: OpenerDirector,
        signing: Secret | None,
        token: Secret | None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.name = name
        self._url, self._opener, self._timeout_s = url, opener, timeout_s
        self._signing, self._token = signing, token
        self._secrets = [Secret(url), *(s for s in (signing, token) if s is not None)]

    def send(self, events: Sequence[Owed]) -> int:
        done = 0
        try:
            for event in events:
                self._post(event)
                done += 1
        except SinkError:
            if not done:
                raise
        return done

    def tend(self) -> None:
        """Nothing to do between events: nobody is asked whether they are there."""

    def close(self) -> None:
        """Every connection is closed already."""

    def _post(self, event: Owed) -> None:
        request = Request(self._url, event.body, self._headers(event), method="POST")
        try:
            with self._opener.open(request, timeout=self._timeout_s) as answer:
                answer.read(1024)
        except HTTPError as e:
            e.close()
            says = f"{self.name}: answers {e.code}, expected 2xx"
            if (after_s := _seconds(e.headers.get("Retry-After", ""))) and e.code in (429, 503):
                raise Later(says, after_s, fix=LOG) from None
            if e.code in AGAIN or e.code >= 500:
                raise SinkError(says, fix=LOG) from None
            raise EventRefused(says, fix=LOG) from None
        except (URLError, OSError, HTTPException) as e:
            why = redacted(str(getattr(e, "reason", "") or e or type(e).__name__), self._secrets)
            is_refused = "CERTIFICATE_VERIFY_FAILED" in why
            fix = NOT_TRUSTED if is_refused else UP
            raise SinkError(f"{self.name}: {why}", fix=fix) from None  # it may quote the address

    def _headers(self, event: Owed) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"edge-tag/{__version__}",
            "Edge-Tag-Seq": str(event.seq),
        }
        if self._signing is not None:
            headers["Edge-Tag-Signature"] = f"sha256={signature(self._signing, event.body)}"
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token.reveal()}"
        return headers


def signature(secret: Secret, body: bytes) -> str:
    """HMAC-SHA-256, hex."""
    return hmac.new(secret.reveal().encode(), body, hashlib.sha256).hexdigest()


def _seconds(text: str) -> float:
    """Of a `Retry-After`; 0 for a date: clocks differ."""
    return min(float(text), LONGEST_S) if text.isascii() and text.isdecimal() else 0.0


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def open_from(target: Target, site: CarrierSite) -> Webhook:
    """Nothing is sent yet. Raises UsageError."""
    url = _url(target)
    authority = target.text("ca-file")
    signing, token = target.secret("secret"), _token(target)
    timeout_s = target.number("timeout", TIMEOUT_S, 0.1, 600)
    try:
        context = ssl.create_default_context(cafile=authority or None)
    except (OSError, ssl.SSLError) as e:
        raise UsageError(
            f"{target.shown}: ca-file {authority}: {e}", fix="name a PEM file of certificates"
        ) from e
    # a path may be a credential: two of one host are told apart by a digest
    name = f"{target.shown} ({hashlib.sha256(target.where.encode()).hexdigest()[:6]})"
    opener = build_opener(_NoRedirects, HTTPSHandler(context=context))
    return Webhook(name, url, opener, signing, token, timeout_s)


def _url(target: Target) -> str:
    """As it is sent: of a path, as browsers do, what is not ASCII is escaped."""
    if not target.address.netloc.isascii():
        raise UsageError(
            f"{target.shown}: the host is not ASCII, expected it as DNS has it",
            fix="write it like xn--bcher-kva.example",
        )
    return quote(target.where, safe=punctuation)


def _token(target: Target) -> Secret | None:
    token = target.secret("token")
    if token is None:
        return None
    if target.kind == "http":
        raise UsageError(
            f"{target.shown}: a token over http is for all to read, expected https",
            fix="sign in its place: #secret-file=FILE, which is not sent",
        )
    if not (token.reveal().isascii() and token.reveal().isprintable()):
        raise UsageError(
            f"{target.shown}: the token has what no header takes, expected ASCII alone",
            fix="have the other side make one, or openssl rand -hex 32 > FILE",
        )
    return token
