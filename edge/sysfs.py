"""Small files of the kernel's: a text or a number, and nothing where there is none. Bounded."""

from __future__ import annotations

from pathlib import Path


def text(file: Path, most: int = 256) -> str:
    """Without the zero that ends a device tree's; "" when it cannot be read."""
    try:
        with file.open("rb") as opened:
            return opened.read(most).decode("utf-8", "replace").strip("\0\n\r\t ")
    except OSError:
        return ""


def first_matches(folder: Path, pattern: str, most: int = 64) -> list[Path]:
    """What `pattern` names in a folder, in order; more are not looked at."""
    try:
        return sorted(folder.glob(pattern))[:most]
    except OSError:
        return []


def number(file: Path) -> int | None:
    """None where there is none."""
    try:
        return int(text(file))
    except ValueError:
        return None
