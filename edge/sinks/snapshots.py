"""Pictures of what happened: the thing cut out, or the whole frame, a JPEG an event.

    FOLDER/<label>/<id>.jpg         the thing, with some of its surroundings
    FOLDER/<label>/<id>.frame.jpg   the frame, with `of=frames` or `of=both`

Written when a thing is told of, and again when what is known of it changed and the picture is a
better one: one picture a thing, the best. See `worth`.
Retention is by age, by label, by number, by bytes and by what the disk has free, and of pictures
with such names only; one for which there is no room is left out and counted, and the run goes on.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic, time

from msgspec.structs import replace

from edge.errors import SinkError, UsageError
from edge.events.changes import ID
from edge.events.event import Event, Sight
from edge.outage import Outage
from edge.pictures.pixels import jpeg
from edge.pictures.stems import plain
from edge.records import Picture
from edge.sinks.cutouts import QUALITY, cut_out
from edge.sinks.retention import DAY_S, KeptPicture, Rules, due
from edge.sinks.target import Target
from edge.store import check_folder, make_folder, write_whole

log = logging.getLogger(__name__)

SWEEP_S = 60.0  # between two looks at what is too old
STEP_S = 60.0  # by which a wall clock is set; less is drift
YEAR_S = 365 * DAY_S  # no clock that was right is set by so much
UNSET_S = 50 * YEAR_S  # since 1970, which is before edge-tag was written: a clock was not set yet
MOST_OPEN = 1000  # things whose picture may be replaced
OF = {"crops": (".jpg",), "frames": (".frame.jpg",), "both": (".jpg", ".frame.jpg")}
OURS = re.compile(f"{ID}({'|'.join(map(re.escape, OF['both']))})")  # names of files
PART = re.compile(rf"\.{OURS.pattern}\.part")  # what `write_whole` had in hand when it was killed


Worth = tuple[bool, float, int]


def worth(sight: Sight) -> Worth:
    """How good its picture is: all of it is in the frame, then its score, then its size."""
    x0, y0, x1, y1 = sight.box
    is_inside = x0 > 0 and y0 > 0 and x1 < sight.size[0] and y1 < sight.size[1]
    return is_inside, round(sight.score, 2), sight.area


class Snapshots:
    """An `Album`. Raises SinkError when the folder cannot be used at the start, unless it
    `is_patient`; never later.
    """

    def __init__(
        self,
        folder: Path,
        rules: Rules,
        of: str = "crops",
        *,
        clock: Callable[[], float] = time,
        steady: Callable[[], float] = monotonic,
        free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
        is_patient: bool = False,
    ) -> None:
        self.written = self.removed = self.left_out = 0
        self._folder, self._rules, self._of = folder, rules, OF[of]
        self._clock, self._steady, self._free = clock, steady, free
        self._ahead_s = clock() - steady()  # of the wall clock; it changes when that one is set
        self._own: set[Path] = set()  # pictures of this run
        self._best: OrderedDict[str, tuple[str, Worth]] = OrderedDict()  # id -> label, and how good
        self._outage, self._swept_s = Outage(f"snapshots:{folder}"), -SWEEP_S
        self._kept: dict[Path, KeptPicture] = {}
        self._is_begun = False
        if not is_patient:
            self._begin()

    def keep(self, events: Sequence[Event], picture: Picture | None) -> None:
        told = [event.after for event in events if event.type != "end" and event.why != "moved"]
        if picture is not None:
            for sight in told:
                self.left_out += not self._outage.survived(self._write, sight, picture)
        if self._steady() - self._swept_s >= SWEEP_S:
            self._tidy()
        for event in events:
            if event.type == "end":
                self._best.pop(event.after.id, None)

    def _tidy(self) -> None:
        """That it went well does not say that there is room for a picture now."""
        try:
            self._sweep(self._rules)
        except (SinkError, OSError) as e:
            self._outage.met(str(e))

    def close(self) -> None:
        if self.left_out:
            log.warning("%s: %d pictures found no room", self._folder, self.left_out)

    def _begin(self) -> None:
        make_folder(self._folder)
        check_folder(self._folder)
        self._kept = {kept.path: kept for kept in _found(self._folder)}
        self._is_begun = True

    def _room(self) -> int:
        """Bytes that the disk has free. Somebody may have taken the folder away, with all in it."""
        if not self._is_begun:
            self._begin()
        make_folder(self._folder)
        return self._free(self._folder)

    def _write(self, sight: Sight, picture: Picture) -> None:
        if self._room() < self._rules.free_bytes:
            self._sweep(self._rules.tighter())
            if self._room() < self._rules.free_bytes:
                raise SinkError(
                    f"{self._folder}: the disk has less free than free-mb says",
                    fix="make room, or lower it: #free-mb=N behind the folder",
                )
        label, now = plain(sight.label), worth(sight)
        before, best = self._best.get(sight.id, (label, None))
        if best is not None and now <= best:
            self._move(sight.id, before, label)
            self._best[sight.id] = label, best
            return
        for end in self._of:
            box = sight.box if end == ".jpg" else (0, 0, *sight.size)
            path = self._folder / label / f"{sight.id}{end}"
            make_folder(path.parent)
            data = jpeg(cut_out(picture, box, sight.size), QUALITY)
            write_whole(path, data)
            self._kept[path] = KeptPicture(path, label, self._clock(), len(data))
            self._own.add(path)
            if before != label:
                self._remove(self._folder / before / path.name)
        self._best[sight.id] = label, now
        while len(self._best) > MOST_OPEN:
            self._best.popitem(last=False)
        self.written += 1
        if len(self._kept) > self._rules.files > 0:
            self._sweep(self._rules.tighter())

    def _move(self, number: str, before: str, label: str) -> None:
        """The pictures of a thing that has another label now."""
        names = [f"{number}{end}" for end in self._of if before != label]
        for kept in filter(None, [self._kept.get(self._folder / before / name) for name in names]):
            if kept.path.exists():  # somebody may have taken it away
                path = self._folder / label / kept.path.name
                make_folder(path.parent)
                kept.path.rename(path)
                self._kept[path] = replace(kept, path=path, label=label)
                self._own.add(path)
            self._remove(kept.path)

    def _sweep(self, rules: Rules) -> None:
        """Everything that is due goes. All are sorted for it: 40 ms for 10,000."""
        self._swept_s, free = self._steady(), self._room()
        self._follow_clock()
        for kept in due(list(self._kept.values()), rules, self._clock(), free):
            self._remove(kept.path)
            self.removed += 1

    def _follow_clock(self) -> None:
        """A board without a battery begins in 1970: once its clock is set, what it wrote before is
        not half a century old.
        """
        now_s = self._clock()
        step_s = now_s - self._steady() - self._ahead_s
        if abs(step_s) >= STEP_S:
            self._ahead_s += step_s
            # by years: then it was wrong, or is now, and dated what earlier runs wrote, too
            dated = self._own if abs(step_s) < YEAR_S else self._dated_until(now_s - step_s)
            self._date(list(dated), step_s)
        if now_s >= UNSET_S and (undated := self._dated_until(UNSET_S)):
            newest_s = max(self._kept[path].time_s for path in undated)
            self._date(undated, now_s - newest_s)

    def _dated_until(self, time_s: float) -> list[Path]:
        return [path for path, kept in self._kept.items() if kept.time_s <= time_s]

    def _date(self, paths: Sequence[Path], step_s: float) -> None:
        """So much later than they were, here and for the next run."""
        for path in paths:
            kept = self._kept[path]
            self._kept[path] = replace(kept, time_s=kept.time_s + step_s)
            with suppress(OSError):
                os.utime(path, (kept.time_s + step_s,) * 2)

    def _remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._kept.pop(path, None)
        self._own.discard(path)
        with suppress(OSError):  # not empty
            path.parent.rmdir()


def open_from(target: Target) -> Snapshots:
    """Raises UsageError and SinkError."""

    def days(where: str, text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 < value <= 36500:
            raise UsageError(
                f"{where} is {text!r}, expected days, more than 0",
                fix="a number, as in days:LABEL=30",
            )
        return value

    rules = Rules(
        days=target.number("days", 0.0),
        days_of={plain(k): v for k, v in target.by_label("days", days).items()},
        files=int(target.number("files", Rules().files, least=1, most=1e6)),
        bytes=int(target.number("max-mb", 0.0) * 2**20),
        free_bytes=int(target.number("free-mb", Rules().free_bytes / 2**20) * 2**20),
    )
    of = target.word("of", "crops", tuple(OF))
    return Snapshots(Path(target.where), rules, of, is_patient=target.is_patient)


def _found(folder: Path) -> Iterator[KeptPicture]:
    """The pictures of earlier runs; what others keep in the folder is none of ours."""
    try:
        for label in sorted(path for path in folder.iterdir() if path.is_dir()):
            for entry in os.scandir(label):
                path, found = label / entry.name, entry.stat()
                is_ours = OURS.fullmatch(entry.name) is not None
                if PART.fullmatch(entry.name) or (is_ours and not found.st_size):
                    path.unlink(missing_ok=True)  # a power cut left it
                elif is_ours:
                    yield KeptPicture(path, label.name, found.st_mtime, found.st_size)
    except OSError as e:
        raise SinkError(f"{folder}: {e.strerror}", fix="name another folder") from e
