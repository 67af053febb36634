"""Device profiles: how to run on a board, what it could do at best, and who says so.

One TOML file each: `devices/*.toml` beside the package in a checkout, `edge/devices/*.toml` inside
the wheel.
"""

from __future__ import annotations

import re
from math import inf
from pathlib import Path
from typing import Literal

import msgspec

from edge import bounded
from edge.errors import ConfigError
from edge.schedule.cooling import Thermal
from edge.spelling import nearest

MAX_BYTES = 64 * 2**10  # a profile has some forty lines
VIRTUAL = "virtual"  # the engine that takes a board's predicted time


class Citation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who says so."""

    says: str  # the figure, as it is used here
    title: str  # of a public document; "arithmetic" for what follows from the figures beside it
    url: str = ""

    def __post_init__(self) -> None:
        if not self.url.startswith("https://") and self.title != "arithmetic":
            raise ValueError(f"url is {self.url!r}, expected https://..., or title arithmetic")


class Roofline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a processor could do at best. A GMAC, 10^9 multiplications with additions, is 2 GOP."""

    kind: Literal["cpu", "gpu", "npu"]
    processor: str
    int8_gmac_s: float  # all cores together, dense
    sources: tuple[Citation, ...]
    memory_gb_s: float | None = None  # None: what it moves stays on the chip
    float_gmac_s: float | None = None  # likewise in float; None: unknown
    cores: int = 1  # of a CPU, the fast ones
    # What public figures of an accelerator come to; a CPU's come from what was measured here.
    launch_ms: float = 0.0  # of any launch, however small
    layer_us: float = 0.0  # of any layer of it
    share: float = 1.0  # of int8_gmac_s that convolutions reach, 0..1

    def __post_init__(self) -> None:
        for key in ("int8_gmac_s", "memory_gb_s", "float_gmac_s"):
            peak = getattr(self, key)
            _need(peak is None or 0 < peak < inf, key, peak, "more than 0")
        for key in ("launch_ms", "layer_us"):
            taken = getattr(self, key)
            _need(0 <= taken < inf, key, taken, "0 or more")
        _need(0 < self.share <= 1, "share", self.share, "more than 0, and 1 at most")
        _need(self.cores >= 1, "cores", self.cores, "1 or more")
        _need(len(self.sources) > 0, "sources", "empty", "who says so")

    def gmac_s(self, precision: str) -> float | None:
        """The peak at a precision; None where nobody said."""
        return self.int8_gmac_s if precision == "int8" else self.float_gmac_s


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to run on a device. A flag of the command wins over the profile."""

    name: str  # as in `--device NAME`, the file's name
    title: str  # for people
    engine: str | None = None  # None: the best one installed
    provider: str | None = None  # None: the engine's CPU
    precision: Literal["int8", "float"] | None = None  # where the bundle has it; None: int8
    threads: int | None = None  # None: the engine decides
    input_px: tuple[int, ...] = ()  # sides of a student's input that suit it; empty: any
    budget_ms: float | None = None  # for the closer looks at one frame; None: no limit
    thermal: Thermal | None = None  # the budget shrinks with heat; None: it does not
    camera: str = ""  # the line of a shell after which `--camera 0`, or what it says, works
    install: tuple[str, ...] = ()  # lines of a shell, in their order
    note: str = ""  # what the numbers rest on
    roofline: Roofline | None = None  # None: it is no one processor

    def __post_init__(self) -> None:
        threads, budget_ms, sides = self.threads, self.budget_ms, self.input_px
        _need(threads is None or threads >= 1, "threads", threads, "1 or more")
        _need(budget_ms is None or 0 <= budget_ms < inf, "budget_ms", budget_ms, "0 ms or more")
        _need(all(32 <= px <= 4096 for px in sides), "input_px", sides, "32 to 4096 each")


def find(name: str) -> Profile:
    """The profile called `name`, or the one in the file `name`. Raises ConfigError."""
    if name.endswith(".toml"):
        return read(Path(name))
    known = {path.stem: path for path in files()}
    if name not in known:
        raise ConfigError(
            f"device profile {name!r} is unknown, expected auto or one of "
            f"{', '.join(known) or 'none'}",
            fix=nearest(name, known) or "edge-tag devices",
        )
    return read(known[name])


def folder() -> Path:
    """Where what ships about devices lies."""
    here = Path(__file__).resolve().parents[1]  # edge
    inside = here / "devices"
    return inside if inside.is_dir() else here.parent / "devices"


def files() -> list[Path]:
    """Every profile that ships, sorted by name."""
    return sorted(folder().glob("*.toml"))


def read(path: Path) -> Profile:
    """The profile in a file. Raises ConfigError that names the file and the key."""
    text = bounded.read(path, MAX_BYTES, ConfigError, "a device profile", fix="edge-tag devices")
    try:
        table = msgspec.toml.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError) as e:
        raise ConfigError(f"{path}: {e}, expected TOML", fix=_pattern()) from e
    try:
        return msgspec.convert(table, Profile)
    except msgspec.ValidationError as e:
        raise _refusal(path, str(e)) from e


RECORDS = {
    "": Profile,
    "thermal": Thermal,
    "roofline": Roofline,
    "roofline.sources": Citation,
}


def _refusal(path: Path, message: str) -> ConfigError:
    """msgspec's `Expected int, got str - at $.threads` -> `threads: Expected int, got str`."""
    what, _, where = message.replace("`", "").partition(" - at $.")
    unknown = re.search(r"unknown field (.*)", what)
    if unknown is None:
        return ConfigError(
            f"{path}: {where}: {what}" if where else f"{path}: {what}", fix=_pattern()
        )
    known = RECORDS[re.sub(r"\[\d+\]", "", where)].__struct_fields__
    at = f"{where}: " if where else ""
    return ConfigError(
        f"{path}: {at}unknown key {unknown[1]!r}, expected some of {', '.join(known)}",
        fix=nearest(unknown[1], known) or _pattern(),
    )


def _pattern() -> str:
    return f"take one that ships as a pattern: {folder()}"


def _need(holds: bool, key: str, found: object, expected: str) -> None:
    if not holds:
        raise ValueError(f"{key} is {found}, expected {expected}")
