"""The student: one backbone by name, one embedding, a matrix a head."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save as as_bytes
from torch import Tensor, nn

from quantize import disk
from quantize.errors import WorkshopError
from quantize.students.files import loading
from quantize.students.inverted import Conv
from quantize.students.scale import MEAN, SCALE
from quantize.students.table import build

SettingsTable = dict[str, int | float | str]


class Network(nn.Module):
    """What is exported and made int8: (N, 3, H, W) normalised -> a tensor an output, by name."""

    name: str
    precise: tuple[str, ...] = ()  # layers that stay in float whatever else is int8

    @property
    def outputs(self) -> tuple[str, ...]:
        """Their names, in the order of the artifacts."""
        raise NotImplementedError


class Student(Network):
    """`heads`: name -> number of logits. `name`: a row of STUDENTS, or timm:NAME."""

    def __init__(
        self, heads: Mapping[str, int], name: str = "mobilenet_v2", dropout: float = 0.2
    ) -> None:
        super().__init__()
        self.name = name
        _refuse_taken(heads)
        self.backbone, embedding = build(name)
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.ModuleDict(
            {head: nn.Linear(embedding, size) for head, size in heads.items()}
        )

    @property
    def outputs(self) -> tuple[str, ...]:
        return ("embedding", *self.heads)

    def embed(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) normalised -> (N, embedding)."""
        # Average pooling would keep its input's int8 scale, too coarse for the mean of 49 cells.
        return self.backbone(x).mean((2, 3))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """(N, 3, H, W) normalised -> "embedding" and every head's logits (N, T)."""
        embedding = self.embed(x)
        seen = self.dropout(embedding)
        return {"embedding": embedding, **{name: head(seen) for name, head in self.heads.items()}}

    def convolutions(self) -> list[Conv]:
        """Every convolution in the order it runs."""
        return [m for m in self.backbone.modules() if isinstance(m, Conv)]


def _refuse_taken(heads: Iterable[str]) -> None:
    """Raises WorkshopError for a head of a name that torch's table of heads has itself."""
    if taken := [head for head in heads if hasattr(nn.ModuleDict(), head)]:
        expected, fix = "a name it leaves free", "rename it in labels.jsonl, or --head OTHER"
        raise WorkshopError(f"head {taken[0]!r}", "taken by torch", expected, fix)


def normalise(pixels: Tensor) -> Tensor:
    """(N, H, W, 3) uint8 RGB -> (N, 3, H, W) float32, channels last in memory."""
    return ((pixels.float() - MEAN) / SCALE).permute(0, 3, 1, 2)


def save(student: Student, settings: SettingsTable, file: Path) -> None:
    """Write weights in half precision, with the sizes of the heads and the settings of the run."""
    packed = {k: v.contiguous() for k, v in student.state_dict().items()}  # channels last is not
    half = {k: v.half() if v.is_floating_point() else v for k, v in packed.items()}
    about = {
        "student": student.name,
        "heads": json.dumps({name: head.out_features for name, head in student.heads.items()}),
        "settings": json.dumps(settings),
    }
    disk.write(file, _in_order(as_bytes(half, about)))


def _in_order(data: bytes) -> bytes:
    """The same bytes each time: safetensors writes several lines of metadata in any order."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at a multiple of 8
    return len(text).to_bytes(8, "little") + text + data[end:]


def load(file: Path) -> tuple[Student, SettingsTable]:
    """What `save` wrote: the student in single precision, and the settings.

    Raises WorkshopError for a file that is none, or is cut short.
    """
    with loading(file, "a student"):
        with safe_open(file, "pt") as stored:
            about = stored.metadata()
            state = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118
        student = Student(json.loads(about["heads"]), about.get("student", "mobilenet_v2"))
        student.load_state_dict(
            {k: v.float() if v.is_floating_point() else v for k, v in state.items()}
        )
        return student, json.loads(about["settings"])
