"""What a report says in words: how it was measured, and what to know before believing a number."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

import msgspec

from quantize.int8.gate import Limits
from quantize.pictures import Sample
from quantize.report.models import HeadSpec
from quantize.report.records import HeadFacts, Kind, LeftOut, Machine, Row
from quantize.report.truth import Truth

UNSAID = ("", "none")  # heads of samples about which nobody said anything
PACKAGES = ("edge-tag", "onnxruntime", "openvino", "ai-edge-litert", "numpy")
HARDLY_SMALLER = 0.75  # of float's size; weights in 8 bits instead of 32 are a quarter


def versions() -> dict[str, str]:
    """What ran the artifacts."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def gate_facts(limits: Limits) -> dict[str, str]:
    """What int8 was allowed to lose."""
    table: dict[str, float] = msgspec.to_builtins(limits)
    return {f"gate: {name}": f"{limit:g}" for name, limit in table.items()}


def gate_limits(facts: Mapping[str, str]) -> dict[str, float]:
    """What `gate_facts` said, of a report of any age."""
    names = msgspec.structs.asdict(Limits())
    return {name: float(facts[key]) for name in names if (key := f"gate: {name}") in facts}


def looser(limits: Mapping[str, float]) -> str:
    """Those over the default, in words; "" where there is none."""
    usual = msgspec.structs.asdict(Limits())
    over = {name: limit for name, limit in limits.items() if limit > usual[name]}
    return ", ".join(f"{name} {limit:g} (not {usual[name]:g})" for name, limit in over.items())


def head_facts(head: HeadSpec, kind: Kind, truth: Truth | None, pictures: int) -> HeadFacts:
    """`pictures`: how many it answered; by how many it is judged, the truth knows."""
    groups = len({group for group in head.groups if group})
    if truth is None:
        return HeadFacts(kind, len(head.tags), groups, pictures, "nobody")
    return HeadFacts(kind, len(head.tags), groups, len(truth.rows), truth.judge)


def notes_of(
    heads: Sequence[HeadSpec],
    truths: Mapping[str, Truth | None],
    samples: Sequence[Sample],
    left_out: Sequence[LeftOut],
    here: Machine,
    rows: Sequence[Row],
) -> tuple[str, ...]:
    """Sentences, most important first."""
    notes = _hardly_smaller(rows)
    if here.is_busy:
        notes.append(
            f"The machine was busy (load {here.load:.1f} on {here.cores} cores): "
            "read the times against each other, not as they are."
        )
    if left_out:
        notes.append(f"{len(left_out)} pictures could not be read and are not counted.")
    strange = Counter(s.head for s in samples if s.head not in truths and s.head not in UNSAID)
    notes += [
        f"{count} pictures are labelled for {head!r}, no head of this student: not judged there."
        for head, count in strange.items()
    ]
    if any(head.temperature is not None for head in heads):
        notes.append(
            "Temperatures and thresholds are the bundle's own: calibration and F1 flatter if they "
            "were fitted on these pictures."
        )
    return (*notes, *(words for head, truth in truths.items() if (words := _said(head, truth))))


def _hardly_smaller(rows: Sequence[Row]) -> list[str]:
    """An int8 may pass the gate because nearly every layer stayed in float."""
    floats = {row.engine: row.size_bytes for row in rows if row.precision == "float"}
    shares = {row.engine: row.size_bytes / floats[row.engine] for row in rows
              if row.precision == "int8" and row.engine in floats}  # fmt: skip
    return [
        f"int8 of {engine} has {share:.0%} of float's size: most of its weights stayed in float. "
        "Try --qat, or a student that is easier to quantise."
        for engine, share in shares.items()
        if share > HARDLY_SMALLER
    ]


def _said(head: str, truth: Truth | None) -> str:
    if truth is None:
        return f"Nobody said what is right for {head!r}: only agreement is known."
    if truth.judge == "teacher":
        return f"{head!r} is judged by the teacher: its best tag counts as right."
    return ""
