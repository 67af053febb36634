"""The bundle that a run begins with: a damaged one must not stop a device that nobody visits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edge.bundle.installed import STATE, folder, installed
from edge.bundle.read import DEFAULT, open_bundle
from edge.errors import BundleError


def usable(say: Callable[[str], None]) -> Path | None:
    """The bundle that is installed, or where it is not whole the one before, or the one that came
    with edge-tag; None where none was installed.

    say  is told of each that is passed over, and why
    Raises ConfigError for trusted keys that cannot be read.
    """
    if not (folder() / STATE).exists():
        return None
    return next((path for path in _candidates(say) if _is_whole(path, say)), DEFAULT)


def _is_whole(path: Path, say: Callable[[str], None]) -> bool:
    try:
        with open_bundle(path) as bundle:
            bundle.read_all()
    except BundleError as e:
        say(f"edge-tag: {e}; it is passed over")
        return False
    return True


def _candidates(say: Callable[[str], None]) -> list[Path]:
    try:
        state = installed()
    except BundleError as e:
        say(f"edge-tag: {e}; the bundle that came with edge-tag is used")
        return []
    names = () if state.current is None else (state.current, state.previous)
    return [folder() / name for name in names if name is not None]
