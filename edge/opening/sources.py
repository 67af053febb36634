"""What a command reads."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import ExitStack, closing
from functools import partial
from typing import TYPE_CHECKING

from edge.process import Stop
from edge.redact import encodable

if TYPE_CHECKING:
    from edge.records import Frame
    from edge.sources import Source
    from edge.sources.ahead import Ahead

LIVE_MS = 200.0  # five frames a second; without a limit, one of 4K takes seconds on a small board


def is_patient(flags: argparse.Namespace) -> bool:
    """What is not there yet is waited for: nobody is there to start the run again."""
    return getattr(flags, "wait", False) or getattr(flags, "config", None) is not None


def open_sources(flags: argparse.Namespace, opened: ExitStack, stop: Stop) -> list[Source]:
    from edge.sources import open_source, refuse_twice

    open_one = partial(open_source, is_stopped=stop, is_patient=is_patient(flags))
    named = flags.names or [None] * len(flags.sources)
    sources = [
        opened.enter_context(closing(open_one(text, every_s=every_s, name=name)))
        for text, every_s, name in zip(flags.sources, paces_s(flags), named, strict=True)
    ]
    told = zip(source_names(flags, sources), sources, strict=True)
    refuse_twice([name for name, source in told if source.is_live])
    return sources


def with_deadline(flags: argparse.Namespace, sources: Sequence[Source]) -> None:
    """A camera waits for nobody: where nobody says what its frames may take, that is `LIVE_MS`."""
    if flags.budget_ms is None and any(source.is_live for source in sources):
        flags.budget_ms = LIVE_MS


def begin_reading(sources: Sequence[Source], opened: ExitStack) -> Ahead[tuple[int, Frame]] | None:
    """The first picture is decoded from now on, while everything else is being opened."""
    from edge.sources.ahead import read_ahead

    ahead = read_ahead(sources)
    return ahead and opened.enter_context(closing(ahead))


def paces_s(flags: argparse.Namespace) -> list[float]:
    return [flags.every_s or 0.0 if pace_s is None else pace_s for pace_s in flags.paces_s]


def source_names(flags: argparse.Namespace, sources: Sequence[Source]) -> list[str]:
    """Of all sources, as results have them."""
    named = zip(sources, flags.names or [None] * len(sources), strict=True)
    return [name or encodable(source.name) for source, name in named]
