"""`python -m quantize VERB`: each stage is a directory in and a directory out."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from edge.errors import EdgeError

BUILD = Path("build")


def parser() -> argparse.ArgumentParser:
    """The command line. Stages are imported when they run: torch takes seconds."""
    top = argparse.ArgumentParser(
        prog="python -m quantize",
        description="Turn teachers and labelled pictures into a small int8 bundle.",
        epilog="In this order; `make bundle` runs them all. label and finetune go on where they "
        "were stopped, the others take minutes.",
    )
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb, text in VERBS.items():
        one = verbs.add_parser(verb, help=text, description=text)
        one.add_argument(
            "--data", type=Path, default=Path("../shared/data"), help="labelled pictures"
        )
        one.add_argument(
            "--rendered", type=Path, default=BUILD / "rendered", help="rendered pictures"
        )
        one.add_argument("--build", type=Path, default=BUILD, help="where stages read and write")
        if verb == "finetune":
            one.add_argument("--epochs", type=int, help="default 10")
            one.add_argument("--lr", type=float, help="highest learning rate; default 5e-4")
            one.add_argument("--first-side", type=int, help="px in the first epochs; default 128")
            text = "go on from a student.safetensors; default: from the stock weights"
            one.add_argument("--start", type=Path, metavar="FILE", help=text)
        if verb == "quantize":
            text = "a set made by `edge-tag capture`; default: training pictures"
            one.add_argument("--calibration", type=Path, metavar="DIR", help=text)
        if verb == "compare":
            one.add_argument("--bundle", type=Path, help="measure a packed bundle, not the build")
        if verb == "pack":
            one.add_argument("--out", type=Path, default=Path("edge/bundles/default"))
            one.add_argument("--name", default="edge-tag-default")
            one.add_argument("--counter", type=int, help="only grows; default: one more than now")
    return top


VERBS = {
    "label": "write what the teacher thinks of every picture",
    "finetune": "train one student with all heads; resumes after a kill",
    "export": "student -> float ONNX and TFLite; fails when they disagree with it",
    "quantize": "float artifacts -> int8, with ranges measured on training pictures",
    "compare": "accuracy and milliseconds, float against int8, on every engine",
    "pack": "artifacts, heads, accuracy, golden pictures and recipe -> a bundle",
}


def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    if not args.data.is_dir():
        return _refuse(f"{args.data}: no such folder, expected labelled pictures", "--data FOLDER")
    from quantize import stages

    try:
        getattr(stages, args.verb)(args)
    except EdgeError as e:
        return _refuse(str(e), e.fix)
    except FileNotFoundError as e:
        return _refuse(f"{e.filename}: file is missing", "run the stages before this one")
    return 0


def _refuse(what: str, fix: str) -> int:
    sys.stderr.write(f"quantize: {what}\n" + (f"  fix: {fix}\n" if fix else ""))
    return 2


if __name__ == "__main__":
    sys.exit(main())
