"""A device profile's values in the flags of a command that did not give them."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from edge.boards.chosen import chosen
from edge.boards.profiles import VIRTUAL, Profile
from edge.boards.virtual import Virtual
from edge.engines import installed
from edge.errors import UsageError

KEYS = ("engine", "provider", "threads", "budget_ms", "thermal", "preferred")


def with_device(flags: argparse.Namespace, say: Callable[[str], None]) -> None:
    """Fill `flags` in. `flags.virtual` is a device to stand in for, or None; `say` is told of it.
    `flags.roofline` is that of the device.

    Raises ConfigError, BundleError, UsageError for a virtual engine without a device.
    """
    flags.virtual = flags.preferred = flags.roofline = None
    if flags.device is None:
        if flags.engine == VIRTUAL:
            raise UsageError(
                "--engine virtual is given without a device, expected --device beside it",
                fix="--device rpi5; edge-tag devices lists them",
            )
        return
    profile = chosen(flags.device, say, is_virtual=flags.engine == VIRTUAL)
    flags.roofline = profile.roofline
    if VIRTUAL in (flags.engine, profile.engine):
        _as_if(flags, profile, say)
        return
    values = {key: getattr(profile, key, None) for key in KEYS} | {"preferred": profile.precision}
    for key, value in values.items():
        # a provider belongs to its engine: another engine by flag leaves the profile's behind
        is_foreign = key == "provider" and flags.engine not in (None, profile.engine)
        if getattr(flags, key) is None and not is_foreign:
            setattr(flags, key, value)


def _as_if(flags: argparse.Namespace, profile: Profile, say: Callable[[str], None]) -> None:
    """As on that device: its budget and its times; answers come from an engine of this machine."""
    flags.virtual = virtual = Virtual(profile)
    flags.engine = profile.engine if profile.engine in installed() else None
    flags.provider = None
    if flags.budget_ms is None:
        flags.budget_ms = profile.budget_ms
    say(
        f"edge-tag: {virtual.label}: a launch takes what is predicted for it, which may be wrong "
        f"by a factor of {virtual.within:g}; what is around launches takes this machine's time"
    )
