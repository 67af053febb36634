"""Which of the bundles that were installed is in use: `installed.json` beside them."""

from __future__ import annotations

from pathlib import Path

import msgspec

from edge.bounded import read
from edge.errors import BundleError
from edge.homes import own_folder
from edge.store import make_folder, write_whole
from edge.strict import read_json

STATE = "installed.json"
MAX_BYTES = 1 << 16
AGAIN = "remove that file: until one is installed again, the bundle that came with edge-tag is used"


class Installed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Files are names in `folder()`; None is the bundle that came with edge-tag."""

    current: str | None = None
    previous: str | None = None  # what `rollback` goes back to
    newest: dict[str, int] = {}  # bundle name -> the highest counter that was ever installed


def folder() -> Path:
    """Of the bundles that were installed; it may not be there."""
    return own_folder("data") / "bundles"


def installed() -> Installed:
    """Raises BundleError for a file that is damaged."""
    path = folder() / STATE
    if not path.exists():
        return Installed()
    data = read(path, MAX_BYTES, BundleError, STATE, AGAIN)
    found = read_json(data, Installed, str(path), AGAIN)
    for name in (found.current, found.previous):
        if name is not None and Path(name).name != name:
            raise BundleError(f"{path}: {name!r} is found, expected a file beside it", fix=AGAIN)
    return found


def remember(state: Installed) -> None:
    """On the disk when this returns. Raises SinkError."""
    make_folder(folder())
    write_whole(folder() / STATE, msgspec.json.encode(state), is_synced=True)


def current() -> Path | None:
    """The bundle in use; None: the one that came with edge-tag. Raises BundleError."""
    name = installed().current
    return None if name is None else folder() / name
