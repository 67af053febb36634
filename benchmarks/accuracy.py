"""Top-1 of `edge-tag` itself on labelled pictures: the command, its JSON lines, nothing in between.

    cd ../shared/data/grocery && python .../benchmarks/accuracy.py val val.jsonl --head grocery

Runs `edge-tag --json --top-k 1` once an engine and compares with the labels. Labels are JSON lines
with `file`, relative to the label file, and one of `product`, `category`, `species`, `tag`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from edge.engines import installed

KEYS = ("product", "category", "species", "tag")


def labels(file: Path) -> dict[str, str]:
    """Picture path, relative to the label file's folder -> label."""
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    return {
        str((file.parent / row["file"]).resolve()): next(row[k] for k in KEYS if k in row)
        for row in rows
    }


def tagged(inputs: list[str], head: str, engine: str, bundle: str | None) -> dict[str, str]:
    """Picture path -> the head's best tag, as the command says it."""
    extra = ["--bundle", bundle] if bundle else []
    command = [sys.executable, "-m", "edge", "--json", "--top-k", "1", "--engine", engine, *extra]
    run = subprocess.run([*command, *inputs], stdout=subprocess.PIPE, check=True)
    best = {}
    for line in run.stdout.splitlines():
        row = json.loads(line)
        mine = [tag["tag"] for tag in row["tags"] if tag["head"] == head]
        best[str(Path(row["source"]).resolve())] = mine[0] if mine else ""
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", help="pictures")
    parser.add_argument("labels", type=Path, help="JSON lines")
    parser.add_argument("--head", required=True)
    parser.add_argument("--engine", action="append", help="default: every engine installed")
    parser.add_argument("--bundle", help="default: the one that comes with edge-tag")
    args = parser.parse_args()
    truth = labels(args.labels)
    for engine in args.engine or installed():
        said = tagged([args.folder], args.head, engine, args.bundle)
        judged = [said[file] == truth[file] for file in said if file in truth]
        share = 100 * sum(judged) / max(1, len(judged))
        sys.stdout.write(f"{engine}: {args.head} top-1 {share:.1f} % of {len(judged)} pictures\n")


if __name__ == "__main__":
    main()
