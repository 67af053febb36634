"""Files that hold no network of ours, or half of one: what reading them raises, in one place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from quantize.errors import WorkshopError, reason

SPOILT = (  # of safetensors, JSON and torch, each in its own words
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RuntimeError,
    SafetensorError,
)


@contextmanager
def loading(file: Path, wanted: str) -> Iterator[None]:
    """While `file` is read and its network built. Raises WorkshopError when it is none."""
    try:
        yield
    except SPOILT as e:
        found = f"does not load ({reason(e)})"
        raise WorkshopError(file, found, wanted, "copy it again, or give another") from e
