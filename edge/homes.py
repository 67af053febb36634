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
    """The folder for files of a kind. It may be missing, or not writable: writing then says so."""
    service, users, at_home = PLACES[kind]
    if given := os.environ.get(service, "").partition(":")[0]:
        return Path(given)
    user = next((os.environ[name] for name in users if os.environ.get(name)), None)
    return (Path(user) if user else _home() / at_home) / "edge-tag"


def outbox_path(given: str | None) -> Path:
    """Where the outbox lies: as given, else in our own folder."""
    return own_folder("state") / "outbox.db" if given is None else Path(given)


def _home() -> Path:
    """The user's home. Where there is none, or it is another user's, as in containers, the root:
    many runs only look whether a file of theirs is there, and need no home.
    """
    try:
        home = Path.home()
        (home / ".local").exists()  # raises where the home may not be looked into
    except (RuntimeError, PermissionError):
        return Path("/")
    return home
