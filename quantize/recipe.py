"""What a stage's folder says about itself: made of what, with which settings, and what came of it.

A stage that finds its own recipe in its folder goes on where it was stopped; one that finds another
recipe there refuses, because half of each would be neither. A recipe that nothing came of yet, be
it refused or stopped early, is no half: the next one takes its place.
"""

from __future__ import annotations

import platform
import shutil
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

from quantize import disk
from quantize.contents import SIZES, file_digest, folder_digest
from quantize.errors import WorkshopError

FILE = "recipe.json"
OURS = (FILE, f".{FILE}.tmp")  # the latter is left by a kill while the former is written
FLAGS_OR = {"settings": "flags", "inputs": "flags and files"}
PACKAGES = (
    "edge-tag",
    "torch",
    "onnx",
    "onnxruntime",
    "openvino",
    "nncf",
    "litert-torch",
    "ai-edge-quantizer",
    "ai-edge-litert",
    "numpy",
    "opencv-python-headless",
)


class Recipe(msgspec.Struct, frozen=True):
    """`result` is empty until the stage is done."""

    stage: str
    settings: dict[str, Any]
    inputs: dict[str, str]  # what was read -> its digest
    versions: dict[str, str]
    result: dict[str, Any]


def begin(
    out: Path,
    stage: str,
    settings: Mapping[str, Any],
    inputs: Mapping[str, str],
    is_shared: bool = False,
) -> Recipe | None:
    """Make `out` this stage's folder. Returns the recipe of an earlier run that finished, or None.

    is_shared   other processes may have begun it just now, and not written anything yet

    Raises WorkshopError when `out` holds something else.
    """
    wanted = _as_read(Recipe(stage, dict(settings), dict(inputs), _versions(), {}))
    if (out / FILE).exists() and (is_shared or not _is_only_begun(out)):
        known = _decoded(out)
        _refuse_other(out, known, wanted)
        return known if known.result else None
    if out.exists() and (not out.is_dir() or any(p.name not in OURS for p in out.iterdir())):
        raise WorkshopError(
            out, "something without a recipe.json", "an empty folder or none", "--out OTHER"
        )
    out.mkdir(parents=True, exist_ok=True)
    _write(out, wanted)
    return None


def finish(out: Path, result: Mapping[str, Any]) -> None:
    """The stage is done, and this is what came of it; never empty."""
    _write(out, msgspec.structs.replace(_decoded(out), result={"done": True, **result}))


def clear(*spare: Path) -> None:
    """Files and folders that only a run which goes on needs. For whoever finds the stage done: a
    run that was killed just before leaves them to the next one.
    """
    for path in spare:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def read(folder: Path, stage: str | None = None) -> Recipe:
    """The recipe of a finished stage. Raises WorkshopError when there is none, or another's."""
    if not (folder / FILE).exists():
        raise WorkshopError(
            folder,
            "no recipe.json in it" if folder.is_dir() else "no such folder",
            f"what `edge-quantize {stage or 'STAGE'}` wrote",
            f"run edge-quantize {stage or 'STAGE'} --out {folder} first",
        )
    recipe = _decoded(folder)
    if stage and recipe.stage != stage:
        raise WorkshopError(
            folder, f"made by {recipe.stage}", f"made by {stage}", "give the other folder"
        )
    if not recipe.result:
        raise WorkshopError(
            folder,
            f"{recipe.stage} was stopped before it was done",
            "a finished stage",
            f"run edge-quantize {recipe.stage} again with the same flags: it goes on",
        )
    return recipe


def digest(path: Path) -> str:
    """SHA-256 of a file; of a folder its recipe's, or that of what it holds: its labels, where it
    has some, and the names and sizes of the pictures; with its tags.json, where it has one: other
    groups are another student.

    Raises WorkshopError when there is neither.
    """
    if not path.exists():
        raise WorkshopError(path, "no such folder", "what a flag says is there", "give another")
    if path.is_file():
        return file_digest(path)
    if (path / FILE).is_file():
        return digest(path / FILE)
    return folder_digest(path)


def _is_only_begun(out: Path) -> bool:
    return {p.name for p in out.iterdir()} <= {*OURS} and not _decoded(out).result


def _refuse_other(out: Path, known: Recipe, wanted: Recipe) -> None:
    if known.stage != wanted.stage:
        raise WorkshopError(
            out, f"made by {known.stage}", f"an empty folder for {wanted.stage}", "--out OTHER"
        )
    for kind in ("settings", "inputs"):
        before, now = getattr(known, kind), getattr(wanted, kind)
        for key in sorted({*before, *now}):
            if not _is_same(before, now, key):
                raise WorkshopError(
                    out,
                    f"begun with {key} {before.get(key)!r}",
                    f"{now.get(key)!r} as asked for now",
                    f"the same {FLAGS_OR[kind]} to go on, or --out OTHER to begin anew",
                )


def _is_same(before: Mapping[str, Any], now: Mapping[str, Any], key: str) -> bool:
    """A run goes on that was begun before there was a setting which is 0 now, or before digests
    told sizes.
    """
    wanted = now.get(key)
    if key not in before:
        return not wanted
    is_sized = isinstance(wanted, str) and wanted.partition(SIZES)[0] == before[key]
    return bool(before[key] == wanted) or is_sized


def _versions() -> dict[str, str]:
    installed = {name: _version(name) for name in PACKAGES}
    return {"python": platform.python_version(), **{k: v for k, v in installed.items() if v}}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _decoded(folder: Path) -> Recipe:
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Recipe)
    except msgspec.DecodeError as e:
        raise WorkshopError(
            folder / FILE, f"content does not parse ({e})", "a recipe", "--out OTHER"
        ) from e


def _as_read(recipe: Recipe) -> Recipe:
    """Tuples are lists once they were JSON."""
    return msgspec.json.decode(msgspec.json.encode(recipe), type=Recipe)


def _write(folder: Path, recipe: Recipe) -> None:
    disk.write(folder / FILE, msgspec.json.format(msgspec.json.encode(recipe)))
