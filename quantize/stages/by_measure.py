"""int8 of a network that is judged by a measure of its own: spots of a glance, masks of an outline.

What `quantize-glance` and `quantize-outline` have alike; `quantize` judges tags.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch

from edge.records import U8
from quantize import recipe
from quantize.export import FILES, folded, usable
from quantize.export.files import EXPORTERS
from quantize.fish.network import Outline
from quantize.glance.network import Glance
from quantize.int8.backends import PACKAGES
from quantize.int8.bench import Judge
from quantize.int8.gate import Limits
from quantize.int8.making import Work, earlier, make, tidy
from quantize.int8.record import Record
from quantize.int8.score import Kind
from quantize.int8.sensitivity import sensitivity
from quantize.stages.export import TRIED_ON, written

FLOAT = "float"  # folder of the float artifacts


class Case(msgspec.Struct, frozen=True, eq=False):
    """A network, and how it is judged."""

    name: str  # "glance"
    file: Path  # where the stage before wrote it; its copy lies in `out` in the end
    network: Glance | Outline
    seen: U8  # (N, H, W, 3), what the ranges are measured on
    shown: U8  # (M, H, W, 3), what judges
    judge: Callable[[str, Sequence[bytes]], Judge]  # engine, its float artifact -> the rules
    kinds: Mapping[str, Kind]  # outputs that the ranking of the layers looks at
    most: int  # units that may stay in float where no method passes


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Those of every such stage."""
    parser.add_argument("--out", type=Path, required=True, help="folder to write, or to go on in")
    parser.add_argument("--engines", default=",".join(FILES), help="comma between them")
    parser.add_argument(
        "--gate-slowdown", type=float, default=1.0, help="int8 ms / float ms, at most"
    )


def engines_of(args: argparse.Namespace) -> tuple[list[str], dict[str, str]]:
    """Those asked for that can be made here; and of the others, why not."""
    needs = {e: tuple(dict.fromkeys((*EXPORTERS[e], *PACKAGES[e]))) for e in FILES}
    return usable(args.engines.split(","), needs)


def quantised(
    case: Case, engines: list[str], skipped: dict[str, str], limits: Limits, out: Path
) -> Record:
    """Engine by engine; those that an earlier run finished are not made again."""
    network, floats = case.network.eval(), out / FLOAT
    _export(case, engines, floats)
    work = Work(folded(network, network.side), case.seen, case.judge, (), floats, out)
    pictures = {"ranges": len(case.seen), "judging": len(case.shown)}
    made = earlier(out) or Record(limits, pictures, skipped=skipped)
    made = make(work, [e for e in engines if e not in made.kept], made)
    if failing := [e for e in engines if not made.kept[e].tried.answers_pass]:
        made = _rescued(case, work, failing, made)
    shutil.copyfile(case.file, out / case.file.name)
    tidy(out)
    return made


def _export(case: Case, engines: list[str], out: Path) -> None:
    """As a stage in a folder of its own: what is there and proven is not made again."""
    asked = {"engines": engines, "side": case.network.side}
    if not recipe.begin(out, "export", asked, {case.name: f"../{case.file.name}"}):
        few = np.resize(case.shown, (TRIED_ON, *case.shown.shape[1:]))
        recipe.finish(out, written(case.network, engines, case.network.side, few, out))


def _rescued(case: Case, work: Work, failing: list[str], made: Record) -> Record:
    """With the layers that hurt most in float; which those are takes a minute to ask."""
    hurts = sensitivity(work.student, torch.from_numpy(work.seen), case.kinds)
    ranked = [hurt.unit for hurt in hurts if hurt.unit not in work.student.precise][: case.most]
    made = msgspec.structs.replace(made, sensitivity=tuple(hurts))
    return make(msgspec.structs.replace(work, ranked=ranked), failing, made)


def result_of(made: Record, measure: str) -> dict[str, Any]:
    """What the stage's result keeps of it."""
    return {
        "method": {engine: kept.tried.method for engine, kept in made.kept.items()},
        "layers in float": {e: len(k.tried.kept_in_float) for e, k in made.kept.items()},
        measure: measured(made, measure),
        "passed": made.verdict.passed,
        "skipped": made.skipped,
    }


def measured(made: Record, measure: str) -> dict[str, float]:
    """ "onnxruntime/float" -> the measure of it."""
    rows = [row for row in made.verdict.rows if row.measure == measure]
    floats = {f"{row.engine}/float": row.before for row in rows}
    return floats | {f"{row.engine}/int8": row.after for row in rows}
