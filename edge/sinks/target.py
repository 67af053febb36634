"""Where results are to go, as the user writes it: `KIND:WHERE#option=value,option=value`.

    jsonl:/data/tags.jsonl#max-mb=10,keep=5
    mqtt://broker/shop/door#user=cam,password-file=/run/secrets/mqtt
    https://example.org/hook?id=7#secret-file=/run/secrets/hook

Options stand behind a `#`, which no address sends on, and need no quotes in a shell. A password in
the address is refused: every user of a machine can read the words of its commands.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import NamedTuple, TypeVar
from urllib.parse import SplitResult, urlsplit

from edge.errors import UsageError
from edge.redact import HIDDEN, Secret, encodable, read_secret, without_secrets

T = TypeVar("T")
KIND = re.compile(r"([a-z]+):(.*)", re.DOTALL)
FILE = ("max-mb", "max-hours", "keep", "sync")
BROKER = (
    *("user", "password-file", "password-env", "ca-file", "cert-file", "key-file"),
    *("client-id", "version", "discovery", "pictures"),
)
HOOK = ("secret-file", "secret-env", "token-file", "token-env", "ca-file", "timeout")
OPTIONS: dict[str, tuple[str, ...]] = {  # all that each kind takes; of "days:" one for each label
    **dict.fromkeys(("jsonl", "csv", "events"), FILE),
    "coco": (),
    "snapshots": ("of", "days", "days:", "files", "max-mb", "free-mb"),
    **dict.fromkeys(("mqtt", "mqtts"), BROKER),
    **dict.fromkeys(("http", "https"), HOOK),
}
HOST = re.compile(r"([\w.-]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?")


class Target(NamedTuple):
    """A checked form; each kind reads its own options."""

    kind: str
    where: str  # a path, or a whole address
    shown: str  # without credentials, for names and messages
    options: dict[str, str]
    known: list[str]  # options that were asked for
    is_patient: bool = False  # a file, or a folder, that is not to be had yet is waited for
    leaves_room: bool = False  # of a run without end: what may grow for ever leaves some to events

    def option(self, name: str, default: T, read: Callable[[str, str], T]) -> T:
        """The value of an option. `read` is told the option's name and its text."""
        self.known.append(name)
        text = self.options.get(name)
        return default if text is None else read(f"{self.shown}: {name}", text)

    def text(self, name: str, default: str = "") -> str:
        return self.option(name, default, lambda _, text: text)

    def number(self, name: str, default: float, least: float = 0.0, most: float = 1e9) -> float:
        def read(where: str, text: str) -> float:
            try:
                value = float(text)
            except ValueError:
                value = float("nan")
            if not least <= value <= most:  # a NaN fails too
                raise UsageError(
                    f"{where} is {text!r}, expected {least:g} to {most:g}",
                    fix=f"leave it out for {default:g}",
                )
            return value

        return self.option(name, default, read)

    def word(self, name: str, default: str, words: tuple[str, ...]) -> str:
        def read(where: str, text: str) -> str:
            if text not in words:
                raise UsageError(
                    f"{where} is {text!r}, expected one of {', '.join(words)}",
                    fix=f"leave it out for {default}",
                )
            return text

        return self.option(name, default, read)

    def secret(self, name: str) -> Secret | None:
        """From the file of option `NAME-file`, or the environment variable of `NAME-env`."""
        file, variable = self.text(f"{name}-file"), self.text(f"{name}-env")
        if file and variable:
            raise UsageError(
                f"{self.shown}: {name}-file and {name}-env are given, expected one",
                fix=f"keep {name}-file alone",
            )
        return read_secret(self.shown, file or None, variable or None)

    def by_label(self, name: str, read: Callable[[str, str], T]) -> dict[str, T]:
        """Options `NAME:LABEL`, by label."""
        found = {}
        for key, text in self.options.items():
            if key.startswith(f"{name}:"):
                self.known.append(key)
                found[key.removeprefix(f"{name}:")] = read(f"{self.shown}: {key}", text)
        return found

    def done(self) -> None:
        """For who has no row in OPTIONS: every option was asked for, else it raises UsageError."""
        _refuse_unknown(self.shown, self.options, self.known)

    @property
    def place(self) -> str:
        """The same for a path however it is written."""
        return self.where if "://" in self.where else os.path.realpath(self.where)

    @property
    def address(self) -> SplitResult:
        """`where` in parts, with a host and a port that is one."""
        try:
            parts = urlsplit(self.where)
            is_whole = bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_whole = False
        if not is_whole:
            raise _no_host(self.kind, self.shown)
        return parts


def parse_target(text: str, kinds: Mapping[str, object]) -> Target:
    """Raises UsageError, which shows nothing that may be a credential."""
    found = KIND.fullmatch(text)
    kind = found[1] if found else ""
    if found is None or kind not in kinds or not found[2].strip("/"):
        near = get_close_matches(kind, kinds, 1)
        raise UsageError(
            f"--to: {_shown(text)!r} is given, expected {', '.join(f'{k}:...' for k in kinds)}",
            fix=f"did you mean {near[0]}:...?" if near else "--to jsonl:tags.jsonl",
        )
    where, _, options = (text if found[2].startswith("//") else found[2]).partition("#")
    shown = _shown(where if "://" in where else f"{kind}:{where}")
    if "://" in where:
        _refuse_credentials(kind, where)
    found_options = options_of(shown, options)
    # here already: who only checks a config file opens nothing
    _refuse_unknown(shown, found_options, OPTIONS[kind])
    return Target(kind, where, shown, found_options, [])


def _refuse_unknown(shown: str, options: Mapping[str, str], known: Sequence[str]) -> None:
    for key in options:
        label_of = f"{key.partition(':')[0]}:"
        if key not in known and label_of not in known:
            near = get_close_matches(key, known, 1)
            expected = ", ".join(dict.fromkeys(known)) or "none"
            raise UsageError(
                f"{shown}: option {key!r} is unknown, expected some of {expected}",
                fix=f"did you mean {near[0]!r}?" if near else "leave it out",
            )


def _refuse_credentials(kind: str, where: str) -> None:
    """And show nothing: where a password ends is not known, when it holds an @, a # or a ?."""
    address = where.split("?", 1)[0] if kind in ("http", "https") else where
    if "@" in address:
        raise UsageError(
            f"{kind}://{HIDDEN}: a user or a password is in the address, expected a file or a "
            "variable that holds it: every user of a machine can read the words of its commands",
            fix=f"{kind}://HOST/...#user=NAME,password-file=FILE (or password-env=VARIABLE)",
        )
    host = where.partition("://")[2].split("/", 1)[0].split("?", 1)[0]
    if not HOST.fullmatch(host):
        raise _no_host(kind, f"{kind}://{HIDDEN}")


def _no_host(kind: str, shown: str) -> UsageError:
    return UsageError(
        f"{shown}: no host in it, expected {kind}://host[:port]/...",
        fix=f"{kind}://localhost/..., if it runs on this machine",
    )


def _shown(text: str) -> str:
    """An address may hold a token in its path: of a web address only the host is shown."""
    shown = encodable(without_secrets(text))
    kind, is_address, rest = shown.partition("://")
    if not is_address:
        return shown
    host, _, path = rest.partition("/")
    if not HOST.fullmatch(host):  # half of a password that holds a # or a ?
        return f"{kind}://{HIDDEN}"
    return f"{kind}://{host}/{HIDDEN}" if kind in ("http", "https") and path else shown


def options_of(shown: str, text: str) -> dict[str, str]:
    """`name=value,name=value`. Raises UsageError."""
    found: dict[str, str] = {}
    for piece in filter(None, text.split(",")):
        key, is_given, value = piece.partition("=")
        if not is_given or not value or key in found:
            raise UsageError(
                f"{shown}: options do not parse, expected #name=value,name=value, each once",
                fix="write it like #user=NAME,timeout=30",
            )
        found[key] = value
    return found
