"""Teachers: big networks, of any library, behind one small contract.

To add one: a module with `load(request) -> Teacher` and a row here; the vendor's package is
imported in that file alone. Naming a teacher imports nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from edge.records import F32, U8
from quantize.errors import WorkshopError
from quantize.pictures import Sample

# name -> (our module, the package it imports, the line that installs it)
TEACHERS: dict[str, tuple[str, str, str]] = {
    "ram": ("quantize.teachers.ram", "torch", "pip install 'edge-tag[quantize]'"),
    "ram_plus": ("quantize.teachers.ram", "torch", "pip install 'edge-tag[quantize]'"),
    "tag2text": ("quantize.teachers.ram", "torch", "pip install 'edge-tag[quantize]'"),
    "onnx": ("quantize.teachers.onnx", "onnxruntime", "pip install 'edge-tag[quantize]'"),
    "tflite": ("quantize.teachers.tflite", "ai_edge_litert", "pip install 'edge-tag[quantize]'"),
    "timm": (
        "quantize.teachers.timm",
        "timm",
        "pip install --no-deps timm torchvision && pip install pyyaml huggingface_hub",
    ),
    "student": ("quantize.teachers.student", "torch", "pip install 'edge-tag[quantize]'"),
}
TAKES: dict[str, tuple[str, ...]] = {  # what of a Request not every teacher can follow
    "ram": ("side", "label_rows", "chinese"),
    "ram_plus": ("side", "label_rows", "chinese"),
    "tag2text": ("side", "chinese"),
    "onnx": ("side", "mean", "scale", "colour", "ends", "kind"),
    "tflite": ("side", "mean", "scale", "colour", "ends", "kind"),
    "timm": ("model", "side", "mean", "scale", "kind"),
    "student": ("model", "side", "kind"),
}
Kind = Literal["softmax", "sigmoid"]
Precision = Literal["fp32", "fp16", "bf16"]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a teacher. None: as its own file says."""

    name: str  # a row of TEACHERS
    checkpoint: Path | None = None
    model: str | None = None  # timm: which network; student: which head
    device: str = "cpu"  # "cpu", "cuda", "cuda:1"
    precision: Precision = "fp32"
    threads: int = 1
    tag_list: Path | None = None  # one tag a line, as many as the checkpoint has
    only: Path | None = None  # one tag a line: label these alone
    thresholds: Path | None = None  # one float a line
    label_rows: Path | None = None  # RAM: text embeddings of other tags, as ram/rows.py reads them
    chinese: Path | None = None  # RAM: names of the tags in Chinese, one a line
    side: int | None = None  # px
    mean: tuple[float, float, float] | None = None  # of pixel values 0..255, red green blue
    scale: tuple[float, float, float] | None = None  # what the network sees: (pixel - mean) / scale
    colour: Literal["rgb", "bgr"] | None = None
    ends: Literal["logits", "softmax", "sigmoid"] | None = None  # what the file's output holds
    kind: Kind | None = None


class Loaded(msgspec.Struct, frozen=True):
    """What became of the keys of a checkpoint's file."""

    network: str  # "RAM, Swin of 2, 2, 18 and 2 blocks at 384 px"
    loaded: int
    renamed: dict[str, str]  # key -> name here
    resized: dict[str, str]  # key -> "169 -> 529 rows"
    dropped: dict[str, str]  # key -> reason
    unexpected: tuple[str, ...] = ()


class Description(msgspec.Struct, frozen=True):
    """What a teacher can say about a picture."""

    name: str
    kind: Kind  # softmax: one tag a picture; sigmoid: any number
    tags: tuple[str, ...]  # unique, in the order of the logits
    thresholds: tuple[float, ...] | None  # of the scores, one a tag; 1: the tag never fires
    embedding: int  # numbers in it; 0: the teacher has none
    side: tuple[int, int]  # height and width of what it sees, px
    loaded: Loaded | None = None  # None: every key of its file, under its name, or it has no keys
    chinese: tuple[str, ...] = ()  # names of the tags, which may be alike, in the same order


class Teacher(Protocol):
    """A loaded teacher. Not thread-safe, but `fit` is: one thread looks, many may fit.

    Every teacher gives the same answer for the same batch; looks at fitted pictures as at the
    pictures themselves; raises only `EdgeError`s.
    """

    about: Description

    def read(self, sample: Sample) -> U8:
        """A picture's file, or the part of it that is meant -> (H, W, 3) RGB, as the teacher's
        own code decodes it; most take `quantize.pictures.read`.

        Raises SourceError for what is no picture, OSError where the file cannot be had.
        """
        ...

    def fit(self, picture: U8) -> U8:
        """(H, W, 3) RGB of any size -> (height, width, 3) as the teacher sees it."""
        ...

    def look(self, pictures: Sequence[U8]) -> tuple[F32, F32 | None]:
        """N pictures, fitted or not -> (N, T) logits, (N, D) embedding or None; fresh arrays."""
        ...


def open_teacher(request: Request) -> Teacher:
    """Load a teacher. Raises WorkshopError when it is unknown, its package or its file is not
    here, or the file is no such teacher.
    """
    refuse_untaken(request)
    if request.checkpoint and not request.checkpoint.is_file():
        raise WorkshopError(
            request.checkpoint, "no such file", "the teacher's weights", "--checkpoint FILE"
        )
    module, package, install = TEACHERS[request.name]
    try:
        load = import_module(module).load
    except ModuleNotFoundError as e:
        if e.name is None or e.name.split(".")[0] in ("edge", "quantize"):
            raise  # our own mistake, not a missing package
        missing = e.name.split(".")[0]
        raise WorkshopError(
            f"--teacher {request.name}",
            f"package {missing!r} is not installed",
            f"{package} to be here",
            install,
        ) from e
    teacher: Teacher = load(request)
    return teacher


def refuse_untaken(request: Request) -> None:
    """Raises WorkshopError for an unknown teacher, and for what one would not heed."""
    if request.name not in TEACHERS:
        raise WorkshopError(
            "--teacher", f"{request.name!r} is unknown", f"one of {', '.join(TEACHERS)}", ""
        )
    takes = TAKES[request.name]
    every = dict.fromkeys(flag for flags in TAKES.values() for flag in flags)
    for flag in (f for f in every if f not in takes and getattr(request, f) is not None):
        name = f"--{flag.replace('_', '-')}"
        users = ", ".join(teacher for teacher, flags in TAKES.items() if flag in flags)
        raise WorkshopError(
            name, f"given to {request.name}, which does not heed it", f"one of {users}",
            f"leave {name} out",
        )  # fmt: skip


def needed_checkpoint(request: Request) -> Path:
    """The weights' file. Raises WorkshopError when none is given."""
    if request.checkpoint is None:
        raise WorkshopError(
            f"--teacher {request.name}", "no file", "the teacher's weights", "--checkpoint FILE"
        )
    return request.checkpoint
