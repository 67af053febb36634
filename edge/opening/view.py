"""How closely a command looks: budget, best tags, and the plane that fish are measured in."""

from __future__ import annotations

import argparse
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import UsageError

if TYPE_CHECKING:
    from edge.length.ruler import Ruler
    from edge.seen import View
    from edge.tagger import Tagger


def open_view(flags: argparse.Namespace, opened: ExitStack) -> View:
    from edge.records import Budget
    from edge.seen import View

    budget = Budget() if flags.budget_ms is None else Budget(frame_ms=flags.budget_ms)
    return View(flags.whole, flags.top_k, budget, _ruler(flags, opened))


def _ruler(flags: argparse.Namespace, opened: ExitStack) -> Ruler | None:
    if flags.plane is None and flags.mm_per_px is None:
        _refuse_without_plane(flags)
        return None
    from edge.length.plane import FlatPlane
    from edge.length.plane_file import read_plane
    from edge.length.ruler import Ruler
    from edge.pictures.lab import warm_up

    warm_up()
    plane = FlatPlane(flags.mm_per_px) if flags.plane is None else read_plane(Path(flags.plane))
    if flags.outline is None:
        return Ruler(plane, flags.length_to or "tips")
    from edge.length.outline import open_outline

    outliner = open_outline(
        Path(flags.outline), flags.engine, flags.provider or "CPU", flags.threads or 0
    )
    opened.enter_context(closing(outliner))
    return Ruler(plane, flags.length_to or "tips", outliner)


def _refuse_without_plane(flags: argparse.Namespace) -> None:
    """Raises UsageError for a flag that only counts where fish are measured."""
    alone = {"--outline": flags.outline, "--length-to fork": flags.length_to == "fork"}
    for flag, given in alone.items():
        if given:
            raise UsageError(
                f"{flag} is given without a plane, expected --plane or --mm-per-px beside it",
                fix="edge-tag --mm-per-px 0.5 ..., or edge-tag calibrate",
            )


def outlined(view: View, tagger: Tagger, flags: argparse.Namespace, opened: ExitStack) -> View:
    """With the outline that the bundle holds, where lengths are wanted and none was named."""
    if view.ruler is None or view.ruler.outliner is not None or not tagger.bundle.manifest.outline:
        return view
    from msgspec.structs import replace

    from edge.length.packed import open_packed

    outliner = open_packed(
        tagger.bundle, tagger.artifact.engine, flags.provider or "CPU", flags.threads or 0
    )
    opened.enter_context(closing(outliner))
    return replace(view, ruler=replace(view.ruler, outliner=outliner))
