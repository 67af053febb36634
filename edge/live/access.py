"""Who may look at the live page, and from where something may be changed. No sockets here.

A browser shows the token once, in the address, and gets a cookie that holds a digest of it: valid
until the token changes, over restarts too, and of no use to learn the token from.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections import OrderedDict
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from time import monotonic
from typing import Literal, Protocol

from edge.health.address import Door

HEADER = "X-Edge-Tag"  # no page from elsewhere can send it without asking, and we answer no
WRONG = 10  # tokens from one address, within WINDOW_S; then none of its tokens is looked at
WINDOW_S = 60.0
KNOWN = 256  # addresses that are remembered
LONG_S = 365 * 86400  # a cookie

Answer = Literal["yes", "no", "later"]


class Headers(Protocol):
    """Of a request, whatever the case of their names."""

    def get(self, name: str, default: str, /) -> str: ...
    def __contains__(self, name: str, /) -> bool: ...


class Access:
    """Bounded by KNOWN addresses. Any thread may ask."""

    def __init__(self, door: Door, port: int, clock: Callable[[], float] = monotonic) -> None:
        """port: browsers give the cookies of a host to all of its ports, so it is in the name"""
        self._door, self._clock = door, clock
        self.cookie = f"edge-tag-{port}"
        self._lock = threading.Lock()
        self._wrong: OrderedDict[str, tuple[float, int]] = OrderedDict()  # since when, how many

    def may(self, headers: Headers, token: str, address: str) -> Answer:
        """token: as it stood in the address of the page; "" where none did."""
        if self._door.token is None or self._has_cookie(headers.get("Cookie", "")):
            return "yes"
        said = headers.get("Authorization", "") or (f"Bearer {token}" if token else "")
        if not said:
            return "no"
        if self._tried(address) >= WRONG:
            return "later"
        if self._door.opens(said):
            return "yes"
        self._note(address)
        return "no"

    def cookie_line(self, is_secure: bool) -> str:
        """`Set-Cookie` for who showed the token; only for those."""
        secure = "; Secure" if is_secure else ""
        rest = f"Path=/; Max-Age={LONG_S}; HttpOnly; SameSite=Strict{secure}"
        return f"{self.cookie}={self._digest()}; {rest}"

    def _digest(self) -> str:
        token = self._door.token.reveal() if self._door.token is not None else ""
        return hmac.new(token.encode(), b"edge-tag live page", hashlib.sha256).hexdigest()

    def _has_cookie(self, text: str) -> bool:
        try:
            found = SimpleCookie(text).get(self.cookie)
        except CookieError:
            return False
        value = "" if found is None else found.value
        return hmac.compare_digest(value.encode(), self._digest().encode())

    def _tried(self, address: str) -> int:
        with self._lock:
            since_s, count = self._wrong.get(address, (0.0, 0))
            return count if self._clock() - since_s < WINDOW_S else 0

    def _note(self, address: str) -> None:
        count = self._tried(address)
        with self._lock:
            since_s = self._wrong.pop(address, (0.0, 0))[0] if count else self._clock()
            self._wrong[address] = since_s, count + 1
            while len(self._wrong) > KNOWN:
                self._wrong.popitem(last=False)


def is_drawn_elsewhere(headers: Headers) -> bool:
    """Is it a picture, or a script, of a page from elsewhere? Such a page sees nothing of ours, but
    would have pictures made, and take all streams there are, where no token is asked for.
    """
    is_from_elsewhere = headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none")
    return is_from_elsewhere and headers.get("Sec-Fetch-Mode", "") != "navigate"


def is_ours(headers: Headers) -> bool:
    """Does a request that changes something come from our own page, or from no browser at all?"""
    if headers.get(HEADER, "") != "1":
        return False
    if headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        return False
    host, origin = headers.get("Host", "").lower(), headers.get("Origin", "").lower()
    return origin in ("", f"http://{host}", f"https://{host}")
