"""Pictures that stand still for somebody, at most MOST of them, each for KEPT_S."""

from __future__ import annotations

from collections import OrderedDict
from secrets import token_hex

from edge.errors import UsageError
from edge.live.shots import Shot
from edge.records import Picture

MOST = 2  # 25 MB each at 4K
KEPT_S = 600.0


class Stills:
    """Not thread-safe. `now_s` is a monotonic clock's."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[float, Shot]] = OrderedDict()  # number -> until when

    def add(self, shot: Shot, now_s: float) -> str:
        """Under a number of its own; the oldest makes room."""
        number = token_hex(8)
        self._kept[number] = now_s + KEPT_S, shot
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)
        return number

    def get(self, number: str, now_s: float) -> tuple[Shot, Picture]:
        """Raises UsageError for one that is not kept any more."""
        until_s, shot = self._kept.get(number, (now_s, None))
        if shot is None or shot.picture is None or until_s < now_s:
            raise UsageError("this picture is not kept any more", fix="freeze it again")
        return shot, shot.picture

    def drop(self, now_s: float) -> None:
        """Those whose time is over."""
        while self._kept and next(iter(self._kept.values()))[0] < now_s:
            self._kept.popitem(last=False)

    def clear(self) -> None:
        self._kept.clear()
