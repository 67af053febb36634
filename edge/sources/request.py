"""A source as the user asks for it: `ADDRESS#option=value,option=value`.

    rtsp://cam/1#transport=udp,user=shop,password-file=/run/secrets/cam
    usb:046d:0825#name=till,timeout=30,frozen=0

Options stand behind a `#`, as those of `--to` do; files have none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from edge.redact import without_secrets
from edge.sinks.target import Target, options_of

OPTIONS = re.compile(r"#(?=[a-z-]+=)")  # a password may hold a #
KNOWN = frozenset(  # options that some source has; none is a credential
    (
        "name",
        "timeout",
        "frozen",
        "transport",
        "user",
        "password-file",
        "password-env",
        "size",
        "fps",
    )
)


class SourceRequest(NamedTuple):
    """What to open, and how."""

    kind: str
    text: str  # without options
    options: Target
    every_s: float
    is_stopped: Callable[[], bool]
    is_patient: bool  # a live source that is not there is waited for

    @property
    def name(self) -> str:
        """As the user named it, or its address, without credentials."""
        return self.options.shown

    def shown_as(self, name: str) -> SourceRequest:
        """Unless the user named it."""
        is_named = "name" in self.options.options
        return self if is_named else self._replace(options=self.options._replace(shown=name))


def split(text: str) -> tuple[str, str]:
    """Address and options."""
    address, *options = OPTIONS.split(text, maxsplit=1)
    return address, "".join(options)


def options(kind: str, address: str, text: str, name: str | None = None) -> Target:
    """name: where the options have none; None: the address. Raises UsageError."""
    shown = without_secrets(address)
    given = options_of(shown, text)
    if name is not None:
        given.setdefault("name", name)
    return Target(kind, address, given.get("name", shown), given, ["name"])
