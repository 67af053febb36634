"""A report that strangers may read: no names, no addresses, no paths, no credentials."""

from __future__ import annotations

import getpass
import re
import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from edge.redact import ADDRESS

SYSTEM = ("dev", "sys", "proc", "usr")  # folders that are the same on every machine
MAC = re.compile(r"(?<![\w:-])(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}(?![\w:-])", re.IGNORECASE)
IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\w)")
IPV6 = re.compile(r"(?<![\w:])(?=[0-9a-f:]*:[0-9a-f:]*:)[0-9a-f:]{3,39}(?![\w:])", re.IGNORECASE)
MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
SERIAL = re.compile(r"(usb:[0-9a-f]{4}:[0-9a-f]{4}):[^\s,)]+", re.IGNORECASE)
PATH = re.compile(rf"(?<![\w/.:~<>])[~.]{{0,2}}/(?!(?:{'|'.join(SYSTEM)})/)[^\s'\",;:)]+")


def own_names() -> list[str]:
    """What this machine and its user are called."""
    names = [socket.gethostname(), socket.gethostname().split(".")[0]]
    with suppress(KeyError, OSError, RuntimeError):  # a number without a name, as in a container
        names += [getpass.getuser(), Path.home().name]
    return [name for name in names if name]


def anonymous(text: str, names: Iterable[str] = ()) -> str:
    """`text` without what would tell whose it is. names: more to hide, whole words."""
    for name in sorted(set(names), key=len, reverse=True):
        if name:
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "<name>", text, flags=re.IGNORECASE)
    text = SERIAL.sub(r"\1:<serial>", text)
    text = ADDRESS.sub(lambda found: f"{found[0].partition('://')[0]}://<address>", text)
    text = MAIL.sub("<address>", PATH.sub("<path>", text))
    for address in (MAC, IPV4, IPV6):
        text = address.sub("<address>", text)
    return text
