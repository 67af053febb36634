"""Flags that were not given: what a config file says, a device profile, what is installed here."""

from __future__ import annotations

import argparse
import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

from edge.process import hangups, say

if TYPE_CHECKING:
    from edge.config.applied import Configured


def open_config(flags: argparse.Namespace, opened: ExitStack) -> Configured | None:
    """The config file, with its values in the flags that were not given."""
    if flags.config is None:
        if "NOTIFY_SOCKET" in os.environ:  # `systemctl reload` is no end of it
            opened.enter_context(hangups())
        return None
    from edge.config.applied import configured

    return configured(flags, opened.enter_context(hangups()))


def with_defaults(flags: argparse.Namespace) -> argparse.Namespace:
    """The flags, with what stands where one was not given: the bundle that is installed, what a
    device profile says, the fastest engine.
    """
    if flags.bundle is None:
        from edge.bundle.in_use import usable

        found = usable(say)
        flags.bundle = found and str(found)
    if flags.device is None and flags.engine != "virtual":
        flags.virtual = flags.preferred = None
    else:
        from edge.boards.applied import with_device

        with_device(flags, say)
    if flags.engine == "auto":
        from edge.bench.choosing import TaggerOptions, choose

        precision = getattr(flags, "precision", None)
        flags.engine = choose(TaggerOptions(flags.bundle, flags.provider, flags.threads, precision))
    return flags
