"""Where the gallery of a bundle lies. To look whether there is one costs no array."""

from __future__ import annotations

import os
from pathlib import Path

from edge.bundle.read import DEFAULT, Bundle

SUFFIX = ".gallery"


def default_path(bundle: Bundle) -> Path:
    """Where a bundle's gallery lies when nobody says where: the one that is there, else where one
    would be written.

    Beside the bundle, `shop.edge` and `shop.edge.gallery`: a bundle itself never changes. Where
    that may not be written, and for the bundle that ships, in the user's data folder.
    """
    own = _user_folder() / f"{bundle.manifest.name}{SUFFIX}"
    root = bundle.root.absolute()
    if root == DEFAULT.absolute():
        return own
    beside = root.with_name(root.name + SUFFIX)
    if beside.exists() or (os.access(root.parent, os.W_OK) and not own.exists()):
        return beside
    return own


def _user_folder() -> Path:
    """A service's own folder, as systemd sets it: it may write nowhere else. Else XDG_DATA_HOME, or
    LOCALAPPDATA on Windows; else the place both stand for.
    """
    if service := os.environ.get("STATE_DIRECTORY", "").partition(":")[0]:
        return Path(service)
    given = os.environ.get("XDG_DATA_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(given) if given else Path.home() / ".local" / "share") / "edge-tag"
