"""Where files of our own lie: in the folders that systemd gives a service, else in the user's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

Kind = Literal["state", "data", "cache"]
# A service's own, it may write nowhere else; the user's, where one of these says; in their home.
PLACES: dict[Kind, tuple[str, tuple[str, ...], str]] = {
    "state": ("STATE_DIRECTORY", ("XDG_STATE_HOME",), ".local/state"),
    "data": ("STATE_DIRECTORY", ("XDG_DATA_HOME", "LOCALAPPDATA"), ".local/share"),
    "cache": ("CACHE_DIRECTORY", ("XDG_CACHE_HOME",), ".cache"),
}


def own_folder(kind: Kind) -> Path:
    """It may not be there yet, nor be one that may be written to: whoever writes is told."""
    service, users, at_home = PLACES[kind]
    if given := os.environ.get(service, "").partition(":")[0]:
        return Path(given)
    user = next((os.environ[name] for name in users if os.environ.get(name)), None)
    return (Path(user) if user else _home() / at_home) / "edge-tag"


def _home() -> Path:
    """The root for a user without one, or with another's, as containers have it: many runs only
    look whether something of theirs is there.
    """
    try:
        home = Path.home()
        (home / ".local").exists()  # raises where the home may not be looked into
    except (RuntimeError, PermissionError):
        return Path("/")
    return home
