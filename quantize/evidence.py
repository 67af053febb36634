"""What a bundle's temperatures, thresholds and accuracy rest on: held-out pictures, and what int8
answered when `compare` asked it about them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from safetensors import SafetensorError, safe_open

from edge.records import F32
from quantize.errors import WorkshopError
from quantize.pictures import Sample, by_key, pictures_of, read_folder
from quantize.report.records import Report, read_report
from quantize.report.soft import read_teacher
from quantize.report.truth import Teacher

REPORT, OUTPUTS = "report.json", "int8-outputs.safetensors"  # what `compare` writes
AGAIN = "edge-quantize compare again, into another folder"


class Evidence(msgspec.Struct, frozen=True, eq=False):
    """Held-out pictures, and what the int8 artifact said of them."""

    samples: Sequence[Sample]  # every label
    pictures: Sequence[Sample]  # each picture once, in the order of the answers
    outputs: Mapping[str, F32]  # head -> (N, T) or (N, T + 1) logits
    teacher: Teacher | None
    report: Report


def read_evidence(report: Path, images: Path, head: str, labels: Path | None) -> Evidence:
    """What the report in a folder was made from. Raises WorkshopError when it is not there."""
    told = read_report(report / REPORT)
    outputs, keys = _outputs(report / OUTPUTS)
    samples = read_folder(images, head).of("val")
    teacher = read_teacher(labels, samples) if labels else None
    pictures = pictures_of_report(keys, samples, images)
    return Evidence(samples, pictures, outputs, teacher, told)


def _outputs(file: Path) -> tuple[dict[str, F32], list[str]]:
    """What int8 answered, and the keys of the pictures."""
    if not file.is_file():
        raise WorkshopError(
            file, "no such file", "what `edge-quantize compare` wrote beside its report", AGAIN
        )
    try:
        with safe_open(file, "np") as stored:
            outputs = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
            return outputs, json.loads(stored.metadata()["keys"])
    except SafetensorError as e:
        raise WorkshopError(file, f"does not load ({e})", "what int8 answered", AGAIN) from e


def pictures_of_report(
    keys: Sequence[str], samples: Sequence[Sample], images: Path
) -> list[Sample]:
    """Each picture of a report once, by its key. Raises WorkshopError when some are gone."""
    known = by_key(pictures_of(samples))
    if missing := [key for key in keys if key not in known]:
        found = f"{len(missing)} of the report's {len(keys)} pictures are missing: {missing[0]}"
        fix = "give the pictures of the report, or run compare again"
        raise WorkshopError(images, found, "all of them, held out", fix)
    return [known[key] for key in keys]
