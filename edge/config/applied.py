"""The config file of a run: in its flags, at its frames, and read again on SIGHUP."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from edge.config.merge import merged
from edge.config.read import read
from edge.config.records import Camera, Config
from edge.config.watch import Reload, Tunable, Watch, tune


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
