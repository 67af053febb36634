"""Where the gallery of a bundle lies. To look whether there is one costs no array."""

from __future__ import annotations

import os
from pathlib import Path

from edge.bundle.installed import folder
from edge.bundle.read import DEFAULT, Bundle
from edge.homes import own_folder

SUFFIX = ".gallery"


def default_path(bundle: Bundle) -> Path:
    """Where a bundle's gallery lies when nobody says where: the one that is there, else where one
    would be written.

    Beside the bundle, `shop.edge` and `shop.edge.gallery`: a bundle itself never changes. Where
    that may not be written, and for the bundle that ships, in the user's data folder.
    """
    own = own_folder("data") / f"{bundle.manifest.name}{SUFFIX}"
    root = bundle.root.absolute()
    if root == DEFAULT.absolute():
        return own
    beside = root.with_name(root.name + SUFFIX)
    if root.parent == folder().absolute():
        return beside  # `own` may be of another embedding
    if beside.exists() or (os.access(root.parent, os.W_OK) and not own.exists()):
        return beside
    return own
