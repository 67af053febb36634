"""Published RAM, RAM++ and Tag2Text files: a tagger, and what became of every key.

Only the weights that tagging needs are kept, so the peak is about their size.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch

from quantize.checkpoints.reading import State, read_state
from quantize.checkpoints.report import LoadReport, reported
from quantize.errors import WorkshopError
from quantize.ram.configs import Kind
from quantize.ram.detect import config_of, counts_of, kind_of, rows_of
from quantize.ram.labels import LabelRows, refuse_bad_rows
from quantize.ram.layout import sorted_out
from quantize.ram.tables import resized, side_of
from quantize.ram.tagger import Tagger, build

Unexpected = Literal["refuse", "ignore"]
TABLE = "relative_position_bias_table"
FORM = "a RAM, RAM++ or Tag2Text checkpoint"


def load(
    file: Path,
    *,
    image_size: int | None = None,
    kind: Kind | None = None,
    tags: int | None = None,
    unexpected: Unexpected = "refuse",
    relabel: bool = False,
) -> tuple[Tagger, LoadReport]:
    """A tagger on the CPU in single precision, and what became of every key.

    image_size  px, a multiple of 32; None: what the file was trained at. Where the window differs,
                position tables are resized
    kind        refuse a file of another kind; None: whatever the file is
    tags        number of tags, where RAM++ has another number of descriptions a tag than 51
    unexpected  "ignore": a key that no tagger has is reported, not refused
    relabel     its label rows are about to be replaced: any number of them goes, zeros too

    Raises WorkshopError for a file that is no such checkpoint, holds code, or lacks or has keys it
    should not: nothing is ever half loaded.
    """
    state, dropped = read_state(file, FORM)
    found = kind_of(file, state, kind)
    kept, more, renamed = sorted_out(state)
    config = config_of(file, found, kept, image_size)
    counts = counts_of(file, found, kept, rows_of(file, found, kept) if relabel else tags)
    with torch.device("meta"):
        tagger = build(config, counts)
    shapes = {key: tuple(value.shape) for key, value in tagger.state_dict().items()}
    changes = _resize_tables(kept, shapes)
    report = reported(file, config.kind, kept, shapes, renamed, changes, {**dropped, **more})
    _refuse_incomplete(report, unexpected)
    if not relabel:
        _refuse_rows(file, kept, counts)
    weights = {key: kept[key].float() for key in report.loaded}
    tagger.load_state_dict(weights, strict=True, assign=True)
    return tagger.requires_grad_(False).eval(), report


def _resize_tables(kept: State, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
    """Resize, in place, position tables made for another window; key -> what was done.

    All of a file have one size: where one stands out it is damaged, and the report will say so.
    """
    tables = [key for key in shapes if key.endswith(TABLE) and key in kept]
    rows = {kept[key].shape[0] for key in tables if kept[key].ndim == 2}
    if len(rows) != 1 or not side_of(*rows):
        return {}
    changes = {}
    for key in tables:
        before, after = kept[key].shape[0], shapes[key][0]
        if before != after and kept[key].shape[1:] == shapes[key][1:]:
            changes[key] = f"{before} -> {after} rows"
            kept[key] = resized(kept[key], after)
    return changes


def _refuse_incomplete(report: LoadReport, unexpected: Unexpected) -> None:
    is_whole = not (report.missing or report.wrong_shape)
    if report.is_complete or (is_whole and unexpected == "ignore"):
        return
    wanted = len(report.loaded) + len(report.missing) + len(report.wrong_shape)
    again = "download the file again, or check which network it belongs to"
    raise WorkshopError(
        report.file,
        report.faults(),
        f"the {wanted} keys of a {report.kind} checkpoint",
        'unexpected="ignore", if you know what the keys are' if is_whole else again,
    )


def _refuse_rows(file: Path, kept: State, counts: tuple[int, ...]) -> None:
    """Label rows of zeros are a network that was never given its tags (R18)."""
    rows = kept.get("label_embed", kept.get("label_embed.weight"))
    assert rows is not None  # the report would have said so
    names = tuple(f"number {i}" for i in range(len(counts)))
    refuse_bad_rows(file, LabelRows(names, counts, rows, {}))
