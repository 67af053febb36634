"""`edge-quantize STAGE`: each stage reads folders and writes one folder.

A stage that is stopped goes on when it is given the same flags; one that is done says so and
does nothing. Stages are imported when they run: torch takes seconds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from edge.errors import EdgeError
from quantize import disk

STAGES = {
    "label": "what a big teacher thinks of every picture: soft targets and embeddings",
    "distill": "a small student learns from the teacher's soft targets alone",
    "finetune": "a student with all its heads learns from labelled pictures",
    "average": "students that learned on from the same weights become one that knows more",
    "refit": "heads meet a discriminant on the embedding: better on pictures nobody saw",
    "attributes": "what garments have, read from the embedding: sleeves, legs, necks, patterns",
    "fashion": "a FashionSAP file -> its image tower for each engine, float and int8; text vectors",
    "lowdata": "AD-Net's recipe for a few labelled pictures a class, beside plain training",
    "export": "student -> float ONNX, OpenVINO and TFLite, each proven equal to it",
    "quantize": "float -> int8 for each engine: several methods tried, the best kept",
    "compare": "accuracy, agreement, size and milliseconds, float against int8, as a page",
    "glance": "where in a frame to look closer: a small network on a student's first layers",
    "quantize-glance": "a glance -> int8 for each engine, judged by the things it still finds",
    "vocabulary": "tags by their text embeddings, a small file beside any bundle",
    "outline": "which pixels of a crop are the fish: a small network, learned on rendered belts",
    "quantize-outline": "an outline -> int8 for each engine, judged by COCO's mask mAP",
    "length": "a fish's length from the shape of its mask: a few thousand int8 weights",
    "cost": "what networks cost a device: measured, fitted, how far predictions are off",
    "pack": "artifacts, heads, accuracy, golden pictures and recipe -> a bundle",
}
WALK = """\
from a folder of pictures to a bundle that edge-tag runs:
  edge-quantize label    --teacher ram --checkpoint ram.pth --images shop/ --out build/soft
  edge-quantize finetune --images shop/ --labels build/soft --out build/student
  edge-quantize export   --student build/student --images shop/ --out build/float
  edge-quantize quantize --float build/float --images shop/ --out build/int8
  edge-quantize compare  --float build/float --int8 build/int8 --images shop/ --out build/report
  edge-quantize pack     --int8 build/int8 --report build/report --images shop/ --out shop.bundle
  edge-tag --bundle shop.bundle --camera 0

with a glance, which finds small things in large frames (photos/: any large photos):
  edge-quantize glance   --student build/student --images shop/ --canvases photos/ \\
      --out build/glance
  edge-quantize quantize-glance --glance build/glance --out build/glance-int8
  edge-quantize pack     ... --glance build/glance-int8
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one stage. Exit codes: 0 fine, 2 something to mend, 74 disk, 130 stopped by Ctrl-C."""
    args = list(sys.argv[1:] if argv is None else argv)
    stage = args[0] if args and args[0] in STAGES else None
    try:
        name = stage.replace("-", "_") if stage else ""
        module = import_module(f"quantize.stages.{name}") if stage else None
        parsed = _parser(stage, module).parse_args(args)
        parsed.run(parsed)
    except EdgeError as e:
        return _refuse(str(e), e.fix, e.exit_code)
    except ModuleNotFoundError as e:
        if (e.name or "").startswith(("quantize", "edge")):
            raise
        return _refuse(f"{e.name}: not installed", "pip install 'edge-tag[quantize]'", 2)
    except OSError as e:  # a disk that is full, a folder that may not be written
        told = disk.disk_error(e)
        return _refuse(str(told), told.fix, told.exit_code)
    except KeyboardInterrupt:
        return _refuse("stopped", "run it again with the same flags: it goes on", 130)
    return 0


class _Formatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Defaults after every flag, and an example as it was written."""


def _parser(stage: str | None, module: object) -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="edge-quantize",
        description="A big tagger, or labelled pictures, become a small int8 bundle whose accuracy "
        "is proven.",
        epilog=WALK,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = top.add_subparsers(dest="stage", required=True, metavar="STAGE")
    for name, text in STAGES.items():
        one = verbs.add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:] + ".",
            epilog=getattr(module, "EXAMPLE", None),
            formatter_class=_Formatter,
        )
        if name == stage:
            module.add(one)  # type: ignore[attr-defined]
            one.set_defaults(run=module.run)  # type: ignore[attr-defined]
    return top


def _refuse(what: str, fix: str, code: int) -> int:
    sys.stderr.write(f"edge-quantize: {what}\n" + (f"  fix: {fix}\n" if fix else ""))
    return code
