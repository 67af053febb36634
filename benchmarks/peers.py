"""What is compared, by name: the functions and classes in the tables of contenders, pipelines and
watchers. A peer's package is imported in its own module alone, and may be missing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from edge.errors import UsageError


def load(folder: str, where: str) -> Any:
    """`module:name` in a folder of ours. Raises UsageError where its package is not installed."""
    module, name = where.split(":")
    return getattr(import_module(f"benchmarks.{folder}.{module}"), name)


def missing(package: str) -> UsageError:
    """The error for a peer that is not installed."""
    return UsageError(
        f"{package}: package is not installed, expected it to compare with",
        fix="pip install 'edge-tag[bench]'",
    )
