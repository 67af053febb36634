"""Modules of ours that need a package which only an extra of edge-tag installs."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from edge.errors import EdgeError


def load(module: str, extra: str, where: str, kind: type[EdgeError]) -> ModuleType:
    """Our `module`, imported now. `where` opens the error.

    Raises `kind`, with the line of pip that installs `extra`, when a package is missing.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as e:
        if e.name is None or e.name.split(".")[0] == "edge":
            raise  # our own mistake, not a missing package
        raise kind(
            f"{where}: needs the package {e.name!r}, which is not installed",
            fix=f"pip install 'edge-tag[{extra}]'",
        ) from e
