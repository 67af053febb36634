"""Which pictures go, and in which order. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

DAY_S = 86400.0


class KeptPicture(msgspec.Struct, frozen=True):
    """A picture in a folder."""

    path: Path
    label: str  # the folder it lies in
    time_s: float  # when it was written, s since 1970
    bytes: int


class Rules(msgspec.Struct, frozen=True):
    """How long, how many, how much. 0 is no limit."""

    days: float = 0.0
    days_of: Mapping[str, float] = {}  # label -> days, where it has its own
    files: int = 10_000
    bytes: int = 0
    free_bytes: int = 256 << 20  # of the disk, that stay free

    def days_for(self, label: str) -> float:
        return self.days_of.get(label, self.days)

    def tighter(self) -> Rules:
        """By a hundredth: where room is made for one picture, there is some for the next ones."""
        return replace(
            self,
            files=self.files - self.files // 100,
            bytes=self.bytes - self.bytes // 100,
            free_bytes=self.free_bytes + self.free_bytes // 100,
        )


def due(
    pictures: Sequence[KeptPicture], rules: Rules, now_s: float, free_bytes: int
) -> list[KeptPicture]:
    """Those that go now: the old ones; then as many as it takes, by `spent`.

    free_bytes  what the disk has free now
    """
    order = sorted(pictures, key=lambda kept: (-spent(kept, rules, now_s), kept.time_s))
    files = len(order)
    bytes_ = sum(kept.bytes for kept in order)
    gone = []
    for kept in order:
        is_old = rules.days_for(kept.label) > 0 and spent(kept, rules, now_s) >= 1
        is_many = 0 < rules.files < files
        is_much = 0 < rules.bytes < bytes_ or free_bytes < rules.free_bytes
        if not (is_old or is_many or is_much):
            break
        gone.append(kept)
        files, bytes_, free_bytes = files - 1, bytes_ - kept.bytes, free_bytes + kept.bytes
    return gone


def spent(kept: KeptPicture, rules: Rules, now_s: float) -> float:
    """How much of its time is over, 1: all of it. Without a limit a picture lasts ten years, so
    that under pressure those go first that were to go soonest.
    """
    days = rules.days_for(kept.label) or 3650.0
    return max(0.0, now_s - kept.time_s) / (days * DAY_S)
