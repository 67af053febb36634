"""The low-data recipe beside plain fine-tuning on groceries: `python -m benchmarks.lowdata`.

Ten and thirty per cent of the 2,640 training photos of 81 products, three seeds, from the stock
ImageNet weights of MobileNetV2; judged on the 296 photos published for validation, which cover 60
of the products. Twelve runs; stopped, it goes on. The defaults take about 25 minutes on one core:
the published schedule (../shared/reference/seeds.md, 2.3), shrunk from 40,000 steps at 224 px. The
report goes into benchmarks/results, its first table into the README.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.machine import RESULTS, about, write_json
from benchmarks.readme import put
from quantize.cli import main as edge_quantize

STOCK = "teachers/tf2_mobilenet_v2_1.0_224_ptq.tflite"
TABLE = re.compile(r"^\| split \| pictures .*?(?=\n\n)", re.DOTALL | re.MULTILINE)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("build/lowdata"))
    parser.add_argument("--splits", default="10,30")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--steps", default="120")
    parser.add_argument("--side", default="128", help="px")
    args = parser.parse_args()
    begun, images = about("low-data recipe", None), args.out / "grocery"
    write_set(args.data / "grocery", images)
    code = edge_quantize(
        [
            "lowdata", "--images", str(images), "--head", "grocery",
            "--out", str(args.out / "runs"),
            "--student", "mobilenet_v2", "--start", str(args.data / STOCK), "--every", "40",
            "--splits", args.splits, "--seeds", args.seeds, "--steps", args.steps,
            "--side", args.side,
        ]
    )  # fmt: skip
    if code == 0:
        keep(args.out / "runs", begun)
    return code


def keep(runs: Path, begun: Mapping[str, Any]) -> None:
    """The report beside other results, with what it was measured on; its table in the README."""
    report = json.loads((runs / "report.json").read_text("utf-8"))
    write_json(RESULTS / "lowdata.json", {**begun, **report})
    for kind in ("md", "svg"):
        shutil.copyfile(runs / f"report.{kind}", RESULTS / f"lowdata.{kind}")
    [measured] = TABLE.findall((RESULTS / "lowdata.md").read_text("utf-8"))
    put(TABLE, measured)


def write_set(grocery: Path, out: Path) -> None:
    """labels.jsonl of the published train and validation photos; the pictures stay in place."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / "labels.jsonl").open("w", encoding="utf-8") as file:
        for split in ("train", "val"):
            for line in (grocery / f"{split}.jsonl").read_text("utf-8").splitlines():
                row = json.loads(line)
                said = {
                    "file": str((grocery / row["file"]).resolve()),
                    "head": "grocery",
                    "tag": row["product"],
                    "group": row["group"],
                    "split": split,
                }
                file.write(f"{json.dumps(said)}\n")


if __name__ == "__main__":
    sys.exit(main())
