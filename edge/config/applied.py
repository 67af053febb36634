"""The config file of a run: in its flags, at its frames, and read again on SIGHUP; and of commands
that only read its cameras.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from edge.config.merge import merged, with_cameras, with_machine
from edge.config.read import read
from edge.config.records import Camera, Config
from edge.config.watch import Reload, Tunable, Watch, tune
from edge.records import Frame
from edge.sources import Source


class Configured(NamedTuple):
    """A file that was read."""

    path: Path
    config: Config
    cameras: list[Camera | None]  # by source
    is_due: Callable[[], bool]  # asks for another reading

    def watched(self, tagger: Tunable) -> Watch:
        """For the pipeline. Raises ConfigError for a head that the bundle does not have."""
        tune(tagger, self.config, str(self.path))
        watch = Watch(self.cameras)
        watch.reload = Reload(self.path, self.config, watch, tagger, self.is_due)
        watch.between = watch.reload
        return watch


def configured(flags: argparse.Namespace, is_due: Callable[[], bool]) -> Configured:
    """Reads `flags.config` and completes the flags. Raises ConfigError and UsageError."""
    path = Path(flags.config)
    config = read(path)
    return Configured(path, config, merged(flags, config), is_due)


def cameras_of(flags: argparse.Namespace) -> list[Camera | None]:
    """By source, of a command that tags nothing; empty without `flags.config`. Completes the flags.

    Raises ConfigError and UsageError.
    """
    return [] if flags.config is None else with_cameras(flags, read(Path(flags.config)))


def examined_by(flags: argparse.Namespace) -> None:
    """Completes the flags of a command that only looks at what a run of the file would use.

    Raises ConfigError and UsageError.
    """
    config = read(Path(flags.config))
    with_machine(flags, config)
    with_cameras(flags, config)


def masked_frames(sources: Sequence[Source], cameras: Sequence[Camera | None]) -> Iterator[Frame]:
    """Frames of one source after the other: masked, and none while their camera is off."""
    watch = Watch(cameras)
    for n, source in enumerate(sources):
        for frame in source.frames():
            if (shown := watch.before(n, frame)) is not None:
                yield shown
