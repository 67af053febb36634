"""What a run has done so far, counted: one thread writes, others read. Bounded by its cameras."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from time import monotonic

import msgspec
from msgspec import UNSET

from edge.records import FrameFailed, FrameTags, Picture

FILES = "files"  # the name of everything that is no camera: there may be any number of files
STALE_S = 10.0  # no frame through the engine for so long: not ready
BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 2.0, 5.0)


class Tally(msgspec.Struct):
    """Of one camera. Never changed once it was handed out."""

    tagged: int = 0
    failed: int = 0
    frame_s: float = 0.0  # from pixels to tags, all frames
    engine_s: float = 0.0  # of that, inside the engine
    over_budget: int = 0  # frames that took longer than they were allowed
    by_duration: tuple[int, ...] = (0,) * (len(BUCKETS_S) + 1)  # frames; the last: longer
    looks: Counter[str] = msgspec.field(default_factory=Counter)  # by kind
    shed: Counter[str] = msgspec.field(default_factory=Counter)  # by why
    coverage: float = 0.0  # of the last frame
    oldest_s: float = 0.0  # likewise
    age_s: float | None = None  # of the last frame when its tags were told; None: no camera
    tagged_s: float | None = None  # when the last one was, on `clock`; None: none was
    is_up: bool = False  # its last frame could be read
    is_off: bool = False  # its last frame was not to be looked at: its schedule says so
    error: str = ""  # why its last frame could not be read


class Vitals:
    """What a run has done so far. One thread tells it, any may ask.

    cameras  names of the live sources; any other source counts as FILES
    stale_s  so long may a camera take from one tagged frame to the next
    clock    seconds, the one on which live frames say when they were taken
    """

    def __init__(
        self,
        cameras: Sequence[str],
        stale_s: float = STALE_S,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.cameras, self.stale_s, self._clock = tuple(cameras), stale_s, clock
        self._lock = threading.Lock()
        self._tallies: dict[str, Tally] = {name: Tally() for name in cameras}
        self.bundle = self.engine = ""  # of the last frame

    def told(
        self, result: FrameTags | FrameFailed, picture: Picture | None, at_s: float | None
    ) -> None:
        """A frame is done: what the pipeline reports."""
        name = result.source if result.source in self.cameras else FILES
        with self._lock:
            old = self._tallies.get(name, Tally())
            if isinstance(result, FrameTags):
                self.bundle, self.engine = result.bundle, result.engine
                self._tallies[name] = self._after(old, result, at_s if name != FILES else None)
            else:
                self._tallies[name] = msgspec.structs.replace(
                    old, failed=old.failed + 1, is_up=False, is_off=False, error=result.error
                )

    def off(self, name: str) -> None:
        """A frame of a camera came, and is not to be looked at."""
        if name in self.cameras:
            with self._lock:
                old = self._tallies[name]
                self._tallies[name] = msgspec.structs.replace(
                    old, is_up=True, is_off=True, error=""
                )

    def tallies(self) -> dict[str, Tally]:
        """By camera, as they are now."""
        with self._lock:
            return dict(self._tallies)

    def since_s(self, tally: Tally) -> float | None:
        """Since its last tagged frame; None: there was none."""
        return None if tally.tagged_s is None else max(0.0, self._clock() - tally.tagged_s)

    def why_not_ready(self) -> list[str]:
        """Empty: every camera has been tagged of late."""
        tallies = self.tallies()
        if all(tally.tagged == 0 and not tally.is_off for tally in tallies.values()):
            return ["nothing was tagged yet"]
        return [f"{name}: {why}" for name, why in self.ailing().items()]

    def ailing(self) -> dict[str, str]:
        """Cameras of which nothing was tagged of late, and why; files may be at their end."""
        tallies = self.tallies()
        return {name: why for name in self.cameras if (why := self._why(tallies[name]))}

    def _why(self, tally: Tally) -> str:
        since_s = self.since_s(tally)
        if tally.is_off:
            return ""
        error = f" ({tally.error})" if tally.error else ""
        if since_s is None:
            return f"nothing was tagged yet{error}"
        return f"no frame for {since_s:.0f} s{error}" if since_s > self.stale_s else ""

    def _after(self, old: Tally, result: FrameTags, at_s: float | None) -> Tally:
        spent, now_s = result.spent, self._clock()
        is_over = spent.budget_ms is not UNSET and spent.total_ms > spent.budget_ms
        by_duration = list(old.by_duration)
        by_duration[bisect_left(BUCKETS_S, spent.total_ms / 1e3)] += 1
        return Tally(
            tagged=old.tagged + 1,
            failed=old.failed,
            frame_s=old.frame_s + spent.total_ms / 1e3,
            engine_s=old.engine_s + spent.engine_ms / 1e3,
            over_budget=old.over_budget + is_over,
            by_duration=tuple(by_duration),
            looks=old.looks + Counter(glance=spent.glances, crop=spent.crops),
            shed=old.shed + Counter(result.shed),
            coverage=result.coverage,
            oldest_s=result.oldest_s,
            age_s=None if at_s is None else max(0.0, now_s - at_s),
            tagged_s=now_s,
            is_up=True,
        )
