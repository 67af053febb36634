"""Artifacts to compare: from the folders of `export` and `quantize`, or from a bundle."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from edge.bundle import Bundle, open_bundle
from edge.engines import ENGINES, installed, pip_line
from quantize import recipe
from quantize.errors import WorkshopError
from quantize.export.files import FILES
from quantize.int8 import record as records
from quantize.int8.gate import Limits
from quantize.pictures import TagList, read_lists
from quantize.report.records import Kind

Precision = Literal["float", "int8"]

UNSAID = ("done", "limits", "passed")  # of a recipe: the gate speaks for itself
SHOWN = 120  # characters of a setting
ONE_STUDENT = "give the float and the int8 of one student"


class HeadSpec(msgspec.Struct, frozen=True):
    """How one output of the artifacts becomes tags."""

    name: str
    tags: tuple[str, ...]
    groups: tuple[str | None, ...]
    kind: Kind | None = None  # None: the number of logits tells, see opened.py
    temperature: float | None = None  # None: to be fitted
    thresholds: tuple[float, ...] | None = None  # None: to be fitted


class Model(msgspec.Struct, frozen=True):
    """An artifact as bytes."""

    engine: str
    precision: Precision
    where: str  # for errors
    files: tuple[bytes, ...]
    outputs: dict[str, str] | None = None  # head -> tensor; None: embedding first, heads in order

    @property
    def name(self) -> str:
        return f"{self.engine}/{self.precision}"

    @property
    def size_bytes(self) -> int:
        return sum(len(data) for data in self.files)

    @property
    def sha256(self) -> tuple[str, ...]:
        return tuple(map(records.sha256, self.files))


class Side(msgspec.Struct, frozen=True):
    """One side of the comparison."""

    title: str
    heads: dict[str, HeadSpec]
    models: tuple[Model, ...]
    facts: dict[str, str]
    limits: Limits = Limits()  # of the gate, as `quantize` was given them


def wanted_engines(named: Sequence[str] | None) -> list[str]:
    """The engines to ask: those named, which must be here, or every one that is."""
    here = [name for name in installed() if name in FILES]
    for name in named or ():
        if name not in here:
            known = name in ENGINES
            fix = pip_line(name) if known else f"--engine {here[0] if here else 'onnxruntime'}"
            found = f"{name!r} is {'not installed' if known else 'unknown'}"
            raise WorkshopError("--engine", found, f"one of {', '.join(here)}", fix)
    if not here:
        raise WorkshopError("engines", "none is installed", "one at least", pip_line("onnxruntime"))
    return [name for name in here if name in (named or here)]


def from_stage(folder: Path, precision: Precision, engines: Iterable[str]) -> Side:
    """What `export` (float) or `quantize` (int8) wrote.

    Raises WorkshopError for a missing file, and for an int8 that is not the one that was judged.
    """
    stage = "export" if precision == "float" else "quantize"
    made = recipe.read(folder, stage)
    lists = read_lists(folder)
    if not lists:
        raise WorkshopError(
            folder / "tags.json", "no such file", "the tags of every head", _again(stage, folder)
        )
    models = [_model(folder, precision, stage, engine) for engine in engines]
    if precision == "int8":
        _refuse_unjudged(folder, models)
    said = {k: v for k, v in (made.settings | made.result).items() if k not in UNSAID}
    facts = _flat(f"{stage}: ", said)
    limits = msgspec.convert(made.settings.get("limits", {}), Limits)
    return Side(str(folder), _heads(lists), tuple(models), facts, limits)


def _model(folder: Path, precision: Precision, stage: str, engine: str) -> Model:
    for name in FILES[engine]:
        if not (folder / name).is_file():
            raise WorkshopError(
                folder / name,
                "no such file",
                f"the {precision} artifact of {engine}",
                f"{_again(stage, folder)}, or name the engines to compare: --engine NAME",
            )
    files = tuple((folder / name).read_bytes() for name in FILES[engine])
    return Model(engine, precision, str(folder / FILES[engine][0]), files)


def _refuse_unjudged(folder: Path, models: Sequence[Model]) -> None:
    kept = records.verified(folder).kept
    for model in models:
        if model.engine not in kept:
            raise WorkshopError(
                model.where,
                "a file that was never judged",
                f"one of those in {records.FILE}: {', '.join(kept) or 'none'}",
                f"{_again('quantize', folder)}, or name the engines to compare: --engine NAME",
            )


def _again(stage: str, folder: Path) -> str:
    return f"run edge-quantize {stage} --out {folder} again"


def _heads(lists: dict[str, TagList]) -> dict[str, HeadSpec]:
    return {name: HeadSpec(name, tags.tags, tags.groups) for name, tags in lists.items()}


def from_bundle(path: Path, engines: Sequence[str]) -> Side:
    """The int8 artifacts of a bundle for those of `engines` it was made for.

    Raises BundleError when it cannot be read, WorkshopError when it is for none of them.
    """
    with open_bundle(path) as bundle:
        manifest = bundle.manifest
        mine = [a for a in manifest.artifacts if a.precision == "int8" and a.engine in engines]
        models = [
            Model(
                a.engine,
                "int8",
                f"{path}/{a.files[0].file}",
                tuple(bundle.read(file) for file in a.files),
                dict(a.outputs),
            )
            for a in sorted(mine, key=lambda a: engines.index(a.engine))
        ]
        if not models:
            here = ", ".join(a.engine for a in manifest.artifacts) or "nothing"
            raise WorkshopError(
                path, f"bundle for {here}", f"int8 for {', '.join(engines)}", "--bundle OTHER"
            )
        facts = _flat("bundle: ", dict(manifest.recipe))
        heads = {head.name: _head(bundle, head.name) for head in manifest.heads}
        return Side(bundle.id, heads, tuple(models), facts)


def _head(bundle: Bundle, name: str) -> HeadSpec:
    head = next(h for h in bundle.manifest.heads if h.name == name)
    names = bundle.tags_of(head)
    tags, groups = tuple(tag for tag, _ in names), tuple(group for _, group in names)
    return HeadSpec(name, tags, groups, head.kind, head.temperature, head.thresholds)


def require_same_heads(before: Side, after: Side) -> None:
    """Float and int8 of one student give the same tags. Raises WorkshopError."""
    if set(before.heads) != set(after.heads):
        raise WorkshopError(
            after.title,
            f"heads are {', '.join(sorted(after.heads))}",
            f"{', '.join(sorted(before.heads))} as in {before.title}",
            ONE_STUDENT,
        )
    for name, head in before.heads.items():
        other = after.heads[name]
        if len(head.tags) != len(other.tags):
            raise WorkshopError(
                after.title,
                f"head {name!r} has {len(other.tags)} tags",
                f"{len(head.tags)} as in {before.title}",
                ONE_STUDENT,
            )
        for n, (here, there) in enumerate(zip(head.tags, other.tags)):
            if here != there:
                raise WorkshopError(
                    after.title,
                    f"tag {n} of head {name!r} is {there!r}",
                    f"{here!r} as in {before.title}",
                    ONE_STUDENT,
                )


def _flat(prefix: str, table: dict[str, object]) -> dict[str, str]:
    """Settings as a reader wants them: short, no tables in tables, nothing that is empty."""
    plain = {k: v for k, v in table.items() if v not in (None, "", [], {})}
    return {
        prefix + key: text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."
        for key, text in ((k, _text(v)) for k, v in plain.items())
    }


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {_text(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    if isinstance(value, float):
        return f"{value:.6g}"  # 2.2351741790771484e-08 pushed the rest off the line
    return str(value)
