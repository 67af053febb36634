"""The work shared out over processes that somebody else starts: torchrun, Slurm, two shells.

RANK and WORLD_SIZE in the environment say which part is ours. All ranks write into one folder;
nobody waits: the one that finds every shard there writes the manifest.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from quantize.errors import WorkshopError


class Rank(msgspec.Struct, frozen=True):
    """Which of how many processes this one is."""

    number: int = 0
    world: int = 1
    local: int = 0  # on this machine: picks the GPU
    local_world: int = 1


def rank_of(environment: dict[str, str] | None = None) -> Rank:
    """As torchrun says; alone where nobody says anything. Raises WorkshopError."""
    known = dict(os.environ) if environment is None else environment
    number, world = _whole(known, "RANK", 0), _whole(known, "WORLD_SIZE", 1)
    if not 0 <= number < world:
        raise WorkshopError(
            "RANK",
            f"{number} of WORLD_SIZE {world}",
            f"0 to {world - 1}",
            "unset both, or torchrun",
        )
    local, many = _whole(known, "LOCAL_RANK", number), _whole(known, "LOCAL_WORLD_SIZE", world)
    return Rank(number, world, local, many)


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Ranks begin and finish a folder one after the other. It is made when it is not there.

    Raises WorkshopError when it cannot be made.
    """
    try:
        if not folder.exists():
            folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as e:
        raise WorkshopError(
            folder, f"cannot be made ({e.strerror})", "a folder to write", "--out OTHER"
        ) from e
    try:
        # NFS cannot lock a folder: there two ranks that end in one millisecond may collide, and
        # the command, given again, finishes.
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _whole(environment: dict[str, str], name: str, default: int) -> int:
    text = environment.get(name, str(default))
    if not text.isdecimal():
        raise WorkshopError(name, f"{text!r} in the environment", "a whole number", f"unset {name}")
    return int(text)
