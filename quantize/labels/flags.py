"""What is asked for with `edge-quantize label`: its flags, and the job that they describe."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any, get_args

import msgspec
import torch

from quantize import recipe
from quantize.errors import WorkshopError
from quantize.labels.job import Job, digest_of, in_order
from quantize.labels.ranks import Rank
from quantize.pictures import read_folder
from quantize.teachers import TEACHERS, Kind, Precision, Request, refuse_untaken
from quantize.teachers.card import Ends, card_file

BATCH = 16  # pictures a look
SHARD = 256  # pictures; what a kill may cost
WEIGHTS = (".safetensors", ".onnx", ".tflite", ".pth")
PATHS = (
    "checkpoint",
    "tag_list",
    "thresholds",
    "only",
    "label_rows",
    "chinese",
)  # of Request: known by their content


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Flags of `edge-quantize label`."""
    parser.add_argument("--teacher", required=True, choices=list(TEACHERS), help="which one")
    parser.add_argument("--checkpoint", type=Path, metavar="FILE", help="its weights")
    parser.add_argument("--images", type=Path, required=True, metavar="DIR", help="pictures")
    text = "folder to write, or to go on in"
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help=text)
    text = "one tag a line, in the order of the outputs; none: tags are numbers"
    parser.add_argument("--tag-list", type=Path, metavar="FILE", help=text)
    text = "ram, ram_plus, tag2text: its tags in Chinese, likewise; manifest.json has them"
    parser.add_argument("--chinese", type=Path, metavar="FILE", help=text)
    text = "one number of 0 to 1 a line, in the order of the tags"
    parser.add_argument("--thresholds", type=Path, metavar="FILE", help=text)
    text = "text embeddings of any tags, in place of a RAM file's own; README says how to make one"
    parser.add_argument("--label-rows", type=Path, metavar="FILE", help=text)
    text = "one tag a line: label these alone, in this order"
    parser.add_argument("--only", type=Path, metavar="FILE", help=text)
    _add_machine(parser)
    _add_network(parser)


def _add_machine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--batch", type=_count, default=BATCH, help="pictures a look")
    parser.add_argument("--shard", type=_count, default=SHARD, help="pictures a file")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where")
    text = "of the teacher's numbers"
    parser.add_argument("--precision", choices=get_args(Precision), default="fp32", help=text)
    text = "processes, or actors of Ray; none: one, with --ray as many as fit"
    parser.add_argument("--workers", type=_count, help=text)
    text = "CPU threads a process; none: the cores shared out"
    parser.add_argument("--threads", type=_count, help=text)
    text = "share the work out through Ray Data: pip install 'ray[data]'"
    parser.add_argument("--ray", action="store_true", help=text)


def _add_network(parser: argparse.ArgumentParser) -> None:
    text = "name of a timm network, or head of a student"
    parser.add_argument("--model", metavar="NAME", help=text)
    text = "px of what it sees, where its file leaves that open, or other than trained"
    parser.add_argument("--side", type=_count, help=text)
    text = "onnx, tflite, timm: what a float network sees is (pixel - mean) / scale, of 0 to 255; "
    for name in ("mean", "scale"):
        parser.add_argument(f"--{name}", type=_triple, help=text + "one number, or red,green,blue")
    parser.add_argument("--colour", choices=("rgb", "bgr"), help="order of its channels")
    text = "what an onnx or tflite file's output holds; none: found in the file"
    parser.add_argument("--ends", choices=get_args(Ends), help=text)
    text = "one tag a picture, or any number; none: as the file ends"
    parser.add_argument("--kind", choices=get_args(Kind), help=text)


def job_of(args: argparse.Namespace, rank: Rank) -> Job:
    """What the flags ask for. Raises WorkshopError when there are no pictures."""
    samples = in_order(read_folder(args.images).samples)
    return Job(_request(args, rank), args.images, samples, args.out, args.batch, args.shard)


def _request(args: argparse.Namespace, rank: Rank) -> Request:
    given: dict[str, Any] = {name: getattr(args, name, None) for name in Request.__struct_fields__}
    device = _device(args)
    beside = rank.local_world if rank.world > 1 else args.workers or 1
    threads = args.threads or max(1, _cores() // beside)
    given |= {"name": args.teacher, "device": device, "threads": threads}
    request = Request(**given)
    refuse_untaken(request)
    return request


def _cores() -> int:
    """Those this process may use, where the system says."""
    ours = getattr(os, "sched_getaffinity", None)
    return len(ours(0)) if ours else os.cpu_count() or 1


def _device(args: argparse.Namespace) -> str:
    if args.device != "auto":
        return str(args.device)
    if args.teacher == "tflite":
        return "cpu"
    if args.ray:
        return "cuda" if through_ray().fitting("cuda", 1) else "cpu"
    if args.teacher == "onnx":
        return "cpu"  # torch's GPU says nothing about onnxruntime's build: ask for it by name
    return "cuda" if torch.cuda.is_available() else "cpu"


def settings_of(job: Job) -> dict[str, Any]:
    """All that could give other numbers."""
    request = job.request
    kept = {k: v for k, v in msgspec.structs.asdict(request).items() if k not in (*PATHS, "name")}
    if request.device != "cpu":
        del kept["threads"]  # they change the order of sums on a CPU alone
    settings = {"teacher": request.name, **kept, "batch": job.batch, "shard": job.shard}
    stored: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(settings))  # without tuples
    return stored


def inputs_of(job: Job) -> dict[str, str]:
    files = {name: getattr(job.request, name) for name in PATHS} | {"card": card_file(job.request)}
    digests = {name: recipe.digest(_there(file)) for name, file in files.items() if file}
    return {"images": digest_of(job.samples), **digests}


def through_ray() -> Any:
    """The module that needs Ray. Raises WorkshopError where it is not installed."""
    try:
        from quantize.labels import through_ray
    except ModuleNotFoundError as e:
        if e.name is None or e.name.split(".")[0] in ("edge", "quantize"):
            raise
        found = f"package {e.name!r} is not installed"
        raise WorkshopError("--ray", found, "ray with ray.data", "pip install 'ray[data]'") from e
    return through_ray


def _there(file: Path) -> Path:
    if file.is_file():
        return file
    if file.is_dir():
        inside = next((f for f in sorted(file.iterdir()) if f.suffix in WEIGHTS), file / "FILE")
        raise WorkshopError(file, "a folder", "a file", f"give its path, as {inside}")
    raise WorkshopError(file, "no such file", "a file", "give its path")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}, expected a whole number from 1 on")
    return int(text)


def _triple(text: str) -> tuple[float, float, float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError as e:
        raise argparse.ArgumentTypeError(f"{text!r}, expected numbers") from e
    if len(numbers) not in (1, 3):
        raise argparse.ArgumentTypeError(f"{text!r}, expected one number or three")
    red, green, blue = numbers * 3 if len(numbers) == 1 else numbers
    return red, green, blue
