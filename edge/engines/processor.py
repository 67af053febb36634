"""What the processor lacks, as Linux tells it."""

from __future__ import annotations

from pathlib import Path

ABOUT = Path("/proc/cpuinfo")


def lacks_vnni(about: Path = ABOUT) -> bool:
    """Is this an x86 processor without an instruction that sums products of bytes in 32 bits?

    In 16 they overflow; exact sums take several steps, and int8 may then be slower than float.
    """
    if not about.is_file():
        return False
    lines = about.read_text("utf-8", "replace").splitlines()
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    return bool(flags) and not any("vnni" in flag or flag == "amx_int8" for flag in flags)
