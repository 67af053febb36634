"""What the processor has, as Linux tells it."""

from __future__ import annotations

from pathlib import Path

ABOUT = Path("/proc/cpuinfo")


def has_vnni(about: Path = ABOUT) -> bool:
    """Is it known to have an instruction that sums products of bytes in 32 bits?"""
    return any("vnni" in flag or flag == "amx_int8" for flag in _flags(about))


def lacks_vnni(about: Path = ABOUT) -> bool:
    """Is this an x86 processor without it?

    In 16 bits they overflow; exact sums take several steps, and int8 may then be slower than float.
    """
    return bool(_flags(about)) and not has_vnni(about)


def _flags(about: Path) -> list[str]:
    """What an x86 processor can do; nothing of others, and where there is no Linux."""
    if not about.is_file():
        return []
    lines = about.read_text("utf-8", "replace").splitlines()
    return next((line.split() for line in lines if line.startswith("flags")), [])
