"""Device profiles: how to run on a board, one TOML file each.

`devices/*.toml` beside the package in a checkout, `edge/devices/*.toml` inside the wheel.
"""

from __future__ import annotations

import difflib
from pathlib import Path

import msgspec

from edge.errors import ConfigError
from edge.schedule.cooling import Thermal

MAX_BYTES = 64 * 2**10  # a profile has eight keys


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to run on a device. A flag of the command wins over the profile."""

    name: str  # as in `--device NAME`, the file's name
    title: str  # for people
    engine: str | None = None  # None: the best one installed
    provider: str | None = None  # None: the engine's CPU
    threads: int | None = None  # None: the engine decides
    budget_ms: float | None = None  # for the closer looks at one frame; None: no limit
    thermal: Thermal | None = None  # the budget shrinks with heat; None: it does not
    note: str = ""  # what the numbers rest on

    def __post_init__(self) -> None:
        if self.threads is not None and self.threads < 1:
            raise ValueError(f"threads is {self.threads}, expected 1 or more")
        if self.budget_ms is not None and not 0 <= self.budget_ms < float("inf"):
            raise ValueError(f"budget_ms is {self.budget_ms}, expected 0 ms or more")


def find(name: str) -> Profile:
    """The profile called `name`, or the one in the file `name`. Raises ConfigError."""
    if name.endswith(".toml"):
        return read(Path(name))
    known = {path.stem: path for path in files()}
    if name not in known:
        raise ConfigError(
            f"device profile {name!r} is unknown, expected one of {', '.join(known) or 'none'}",
            fix=_nearest(name, known) or "edge-tag devices",
        )
    return read(known[name])


def files() -> list[Path]:
    """Every profile that ships, sorted by name."""
    here = Path(__file__).resolve().parent
    for folder in (here / "devices", here.parent / "devices"):
        if found := sorted(folder.glob("*.toml")):
            return found
    return []


def read(path: Path) -> Profile:
    """The profile in a file. Raises ConfigError that names the file and the key."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except OSError as e:
        raise ConfigError(f"{path}: {e.strerror}", fix="edge-tag devices") from e
    if len(text) > MAX_BYTES:
        raise ConfigError(f"{path}: larger than {MAX_BYTES} bytes, expected a device profile")
    try:
        table = msgspec.toml.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError) as e:
        raise ConfigError(f"{path}: {e}, expected TOML") from e
    _refuse_unknown(path, table)
    try:
        return msgspec.convert(table, Profile)
    except msgspec.ValidationError as e:
        raise ConfigError(f"{path}: {_with_key(str(e))}") from e


def _refuse_unknown(path: Path, table: dict[str, object]) -> None:
    """msgspec refuses unknown keys too, but does not say which one was meant."""
    known = dict.fromkeys(Profile.__struct_fields__)
    for key in table:
        if key not in known:
            raise ConfigError(
                f"{path}: unknown key {key!r}, expected some of {', '.join(known)}",
                fix=_nearest(key, known),
            )


def _nearest(word: str, known: dict[str, object] | dict[str, Path]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {near[0]!r}?" if near else ""


def _with_key(message: str) -> str:
    """msgspec's `Expected int, got str - at $.threads` -> `threads: Expected int, got str`."""
    what, _, where = message.replace("`", "").partition(" - at $.")
    return f"{where}: {what}" if where else what
