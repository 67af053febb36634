"""Regions made ready for the engine, the next one while the engine is busy with this one."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from functools import cache, partial
from typing import TypeVar

import numpy as np

from edge.aside import Aside
from edge.pictures import pixels
from edge.pictures.planes import Scratch
from edge.records import U8, Picture, Region

T = TypeVar("T")


def prepare(picture: Picture, region: Region, out: U8, scratch: Scratch) -> None:
    """One region into `out` (h, w, 3): a glance at all of a frame, or a closer look at a part.

    Raises ValueError for a region outside the picture.
    """
    into = pixels.shrink_into if region.kind == "full" else pixels.crop_into
    into(picture, region, out, scratch)


class Preparer:
    """Two inputs, used in turn, and a thread that fills one while its owner uses the other.

    The thread starts with the second region: looking at one picture as a whole costs none. OpenCV
    and the engines let go of Python's lock while they work. Not thread-safe: one owner.
    """

    def __init__(self, height: int, width: int) -> None:
        """Of the inputs, px."""
        self._inputs = [np.empty((1, height, width, 3), np.uint8) for _ in range(2)]
        self._scratch = Scratch()  # one crop is made at a time, whoever makes it
        self._aside = Aside("prepare")
        self._ahead: Future[None] | None = None
        self._begun = 0

    def crops(self, picture: Picture, regions: Iterable[Region]) -> Generator[U8, None, None]:
        """Each region as (1, height, width, 3), good until the next one is asked for.

        `regions` is asked for one more than was given out. May be left at any time; whoever does
        not go to the end should close it, or begin another. Raises ValueError for a region outside
        the picture, once those before it were given, and where another one was begun meanwhile.
        """
        self._begun += 1
        begun = self._begun
        self._drop()
        following = iter(regions)
        region = next(following, None)
        if region is None:
            return
        now, later = self._inputs
        prepare(picture, region, now[0], self._scratch)
        try:
            while True:
                region = next(following, None)
                if region is not None:
                    job = partial(prepare, picture, region, later[0], self._scratch)
                    self._ahead = self._aside.later(job)
                yield now
                if begun != self._begun:
                    raise ValueError("another picture was begun, expected this one to its end")
                if region is None:
                    return
                if not self._is_made():
                    job()
                now, later = later, now
        finally:
            if begun == self._begun:
                self._drop()

    def aside(self, work: Callable[[], T]) -> Callable[[], T]:
        """Give `work` to the thread, once. The function that comes back gives its result, or raises
        what it raised. If the thread has not begun it by then, whoever asks does the work: that is
        quicker than to wait. Looking at a single region starts no thread.
        """
        return cache(work) if self._ahead is None else self.begin(work)

    def in_turn(self, work: Callable[[], T]) -> Callable[[], T]:
        """As `aside`, but only the thread does it: nothing that is given later is begun before this
        has ended, as long as results are asked for in the order given.
        """
        later = None if self._ahead is None else self._aside.later(work)
        return cache(work) if later is None else later.result

    def begin(self, work: Callable[[], T]) -> Callable[[], T]:
        """As `aside`, and starts the thread where it does not run yet."""
        later = self._aside.later(work)
        if later is None:
            return cache(work)
        return cache(lambda: work() if later.cancel() else later.result())

    def close(self) -> None:
        """End the thread."""
        self._drop()
        self._aside.close()

    def _is_made(self) -> bool:
        """False when the thread has not begun: on a busy machine its owner is there before it."""
        ahead, self._ahead = self._ahead, None
        if ahead is None or ahead.cancel():
            return False
        ahead.result()
        return True

    def _drop(self) -> None:
        """Forget the region that was prepared ahead, with any error it may have."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and not ahead.cancel():
            ahead.exception()
