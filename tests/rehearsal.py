"""`make rehearsal`: every command of `make bundle`, one after the other, at small size.

A few pictures of each tag, one epoch each, and gates as wide as they go: what is asked is whether
each stage takes what the ones before it wrote, not how good the bundle is. All of it lies in one
folder; started again there, it goes on where it was stopped.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[1]
SHIPPED = "edge/bundles/default"
SHELF = ROOT / "calib_data/demo/shelf.jpg"
EACH = {"category": 16, "product": 3, "fish": 1}  # pictures
PHOTOS = 8  # that things are laid on
FEWER = {
    "--per-tag": "1",
    "--count": "4",
    "--scenes": "8",
    "--marks": "8",
    "--epochs": "1",
    "--warm-up": "2",
    "--batch": "32",
    "--pictures": "48",
    "--frames": "40",
    "--tune": "1",
}
WIDE = ["--gate-slowdown", "9"]
LOOSE = ["--gate-points", "100", "--gate-f1", "1", "--gate-embedding", "1000", *WIDE]
FLAGS = {
    "quantize": LOOSE,
    "compare": LOOSE,
    "glance": ["--judged", "24", "--marks", "20"],
    "quantize-glance": ["--gate-precision", "1", "--ranges", "16", "--judged", "24", *WIDE],
    "outline": ["--crops", "64", "--judged", "24", "--epochs", "1"],
    "quantize-outline": ["--gate-ap", "1", "--ranges", "16", "--judged", "24", *WIDE],
    "attributes": ["--rendered", "8"],
}  # of a stage, beside those of its recipe


def steps(target: str, **made_with: str) -> list[list[str]]:
    """The commands of a target of the Makefile, in the order in which they would run."""
    variables = [f"{name}={value}" for name, value in made_with.items()]
    dry = ["make", "--dry-run", "--always-make", "--no-print-directory", target, *variables]
    said = subprocess.run(dry, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    lines = said.replace("\\\n", " ").splitlines()
    found = [shlex.split(line) for line in lines if ".venv/bin/" in line.split(" ")[0]]
    return [step for step in found if step[1:3] != ["-m", "pip"]]


def smaller(step: list[str]) -> list[str]:
    """The same command with less to do."""
    words = [FEWER.get(flag, word) for flag, word in zip(["", *step], step)]
    words = ["build/bundle" if word == SHIPPED else word for word in words]
    return [*words, *FLAGS.get(step[1], [])]


def thinned(data: Path, folder: Path) -> Path:
    """The shared pictures with shorter lists of them; the pictures themselves are links."""
    photos = sorted(data.glob("photos/*.jpg"))[PHOTOS:]
    files = {file for file in data.rglob("*") if file.is_file()}
    for found in sorted(files - {*photos}):
        here = folder / found.relative_to(data)
        here.parent.mkdir(parents=True, exist_ok=True)
        if found.suffix == ".jsonl":
            here.write_bytes(b"".join(few(found.read_bytes().splitlines(keepends=True))))
        elif not here.exists():
            here.symlink_to(found)
    return folder


def few(lines: Sequence[bytes]) -> Iterator[bytes]:
    """The first pictures of each product, of each category, of each single fish."""
    seen: Counter[tuple[str, str]] = Counter()
    for line in lines:
        row = msgspec.json.decode(line)
        key = next((key for key in EACH if key in row), None)
        if key is None:
            yield line
            continue
        seen[key, row[key]] += 1
        if seen[key, row[key]] <= EACH[key]:
            yield line


def main(folder: Path, data: Path) -> None:
    """Raises CalledProcessError where a command fails."""
    few_pictures = thinned(data.resolve(), folder.resolve() / "data")
    recipe = steps("bundle", DATA=str(few_pictures), VENV=str(ROOT / ".venv"))
    once = dict.fromkeys(tuple(smaller(step)) for step in recipe)
    looked = [str(ROOT / ".venv/bin/edge-tag"), "--table", "--bundle", "build/bundle", str(SHELF)]
    for number, step in enumerate([*once, looked], 1):
        began = time.monotonic()
        sys.stderr.write(f"[{number}/{len(once) + 1}] {shlex.join(step)}\n")
        subprocess.run(step, cwd=folder, check=True)
        sys.stderr.write(f"    {time.monotonic() - began:.0f} s\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
