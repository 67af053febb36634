"""Under which name and counter a bundle goes out, and writing it whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from edge.bundle import MANIFEST, Manifest, open_bundle
from edge.bundle.manifest_read import A_WORD, WORD
from edge.bundle.write import write_bundle, zip_bundle
from quantize import recipe
from quantize.errors import WorkshopError


def name_of(asked: str | None, out: Path) -> str:
    """What --name says, or else --out. Raises WorkshopError for what no bundle can be called."""
    name = out.stem if asked is None else asked
    if not WORD.fullmatch(name):
        where = "--out" if asked is None else "--name"
        raise WorkshopError(where, f"name {name!r}", A_WORD, "--name shop")
    return name


def counter_of(asked: int | None, out: Path) -> int:
    """The next one, or what --counter says. Raises WorkshopError when that would not grow."""
    least = next_counter(out)
    if asked is not None and asked < least:
        raise WorkshopError(
            "--counter",
            str(asked),
            f"{least} or more: {out} has been at {least - 1}, and a counter only grows",
            f"--counter {least}, or none",
        )
    return least if asked is None else asked


def next_counter(out: Path) -> int:
    """A device may refuse a counter that it has seen the next of."""
    if not out.exists():
        return 1
    if out.is_dir() and not (out / MANIFEST).exists():
        raise WorkshopError(out, "a folder that is no bundle", "a bundle or nothing", "--out OTHER")
    with open_bundle(out) as bundle:
        return bundle.manifest.counter + 1


def write(out: Path, files: Mapping[str, bytes], manifest: Manifest) -> None:
    """Whole or not at all, and nothing beside it."""
    fresh = out.with_name(f"{out.name}.tmp")
    home = out.with_name(f".{out.name}.folder")  # by one name: what a kill left goes with the next
    recipe.clear(home)
    try:
        if out.suffix != ".edge":
            write_bundle(out, files, manifest, replace=True)
            return
        out.parent.mkdir(parents=True, exist_ok=True)
        write_bundle(home / out.stem, files, manifest)
        zip_bundle(home / out.stem, out, replace=True)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        if fresh.is_file():
            fresh.unlink()
        raise
    finally:
        recipe.clear(home)
