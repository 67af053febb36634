"""The student's layers down to a sixteenth of the frame, and a few of its own on top of them.

Things of 24 px on a 4K frame are two or three pixels of the glance, so its own layers also read
what the student saw at a quarter and an eighth. At first the student's layers stay as they are:
they run on thousands of scenes once, and the rest is learned from what they gave in minutes,
without a GPU. Then they may learn too (see `tuning`), which takes an hour.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save as as_bytes
from torch import Tensor, nn
from torch.nn import functional as F

from quantize import disk
from quantize.errors import WorkshopError
from quantize.students import Conv, Network, Student
from quantize.students.files import loading

STRIDES = (4, 8, 16)
GEOMETRY = 3  # down and right in the cell, log2 of the side over the frame's
RARE = -4.0  # first logit: nearly every cell of a frame is empty


class Trunk(nn.Module):
    """(N, 3, H, W) normalised -> features at each of STRIDES, finest first."""

    def __init__(self, student: Student) -> None:
        super().__init__()
        if not isinstance(student.backbone, nn.Sequential):
            raise WorkshopError(
                student.name, "a network of one piece", "layers in a row", "--student mobilenet_v2"
            )
        ends = _ends(student.backbone)
        self.layers = nn.ModuleList(list(student.backbone)[: ends[-1] + 1])
        self.ends = ends

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        found = []
        for i, layer in enumerate(self.layers):
            x = layer(x)
            if i in self.ends:
                found.append(x)
        return tuple(found)


class Halve(nn.Module):
    """Four cells become one. Nothing is padded: where the student reads the same cells, TFLite's
    converter would turn the layout of all of them around for a padding, twice.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 2, 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu6(self.norm(self.conv(x)))


class Neck(nn.Module):
    """Features of the trunk -> a logit a kind, and the geometry, for each cell."""

    def __init__(self, channels: tuple[int, ...], kinds: int) -> None:
        super().__init__()
        fine, middle, coarse = channels
        self.quarter = Halve(fine, 32)
        self.eighth = Conv(middle + 32, 64, 3, 2)
        self.join = Conv(coarse + 64, 128, 1)
        self.look = nn.Sequential(Conv(128, 128, 3, groups=128), Conv(128, 128, 1))
        self.around = nn.Sequential(Conv(128, 128, 3, groups=128), Conv(128, 96, 1))
        self.heat = nn.Conv2d(96, kinds, 1)
        self.geometry = nn.Conv2d(96, GEOMETRY, 1)
        nn.init.constant_(self.heat.bias, RARE)  # type: ignore[arg-type]

    def forward(self, features: tuple[Tensor, ...]) -> dict[str, Tensor]:
        """-> "heat" (N, rows * columns * kinds), "geometry" (N, rows * columns * 3)."""
        fine, middle, coarse = features
        x = self.eighth(torch.cat([middle, self.quarter(fine)], 1))
        x = self.join(torch.cat([coarse, x], 1))
        x = self.around(x + self.look(x))
        return {"heat": _row(self.heat(x)), "geometry": _row(self.geometry(x))}


class Glance(Network):
    """Trunk and neck as one network."""

    # A probability of 0.05 and one of 0.3 must stay apart, and a 1x1 convolution costs nothing.
    precise = ("neck.heat", "neck.geometry")

    def __init__(self, trunk: Trunk, kinds: tuple[str, ...], side: int) -> None:
        super().__init__()
        self.name = "glance"
        self.kinds, self.side = kinds, side
        self.trunk = trunk
        with torch.no_grad():
            sizes = [f.shape[1] for f in trunk.eval()(torch.zeros(1, 3, side, side))]
        self.neck = Neck((sizes[0], sizes[1], sizes[2]), len(kinds))

    @property
    def outputs(self) -> tuple[str, ...]:
        return ("heat", "geometry")

    @property
    def cells(self) -> int:
        """On a side."""
        return self.side // STRIDES[-1]

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """(N, 3, side, side) normalised -> see Neck."""
        found: dict[str, Tensor] = self.neck(self.trunk(x))
        return found


def save(glance: Glance, student: Student, about: dict[str, object], file: Path) -> None:
    """Write weights in half precision, and what is needed to build the network again."""
    state = {k: v.contiguous() for k, v in glance.state_dict().items()}
    half = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
    said = {"student": student.name, "kinds": list(glance.kinds), "side": glance.side} | about
    disk.write(file, as_bytes(half, {"glance": json.dumps(said)}))


def load(file: Path) -> tuple[Glance, dict[str, object]]:
    """What `save` wrote, and what it said about itself. Raises WorkshopError."""
    with loading(file, "a glance"):
        with safe_open(file, "pt") as stored:
            about = json.loads(stored.metadata()["glance"])
            state = {key: stored.get_tensor(key).float() for key in stored.keys()}  # noqa: SIM118
        student = Student({}, about["student"])
        glance = Glance(Trunk(student), tuple(about["kinds"]), about["side"])
        counts = {k: v.long() if k.endswith("num_batches_tracked") else v for k, v in state.items()}
        glance.load_state_dict(counts)
        return glance, about


def _ends(backbone: nn.Sequential) -> tuple[int, ...]:
    """The last layer at each of STRIDES."""
    side = 64
    x, last = torch.zeros(1, 3, side, side), {}
    with torch.no_grad():
        for i, layer in enumerate(backbone.eval()):
            x = layer(x)
            last[side // x.shape[2]] = i
    missing = [stride for stride in STRIDES if stride not in last]
    if missing:
        raise WorkshopError(
            "--student", f"layers at 1/{', 1/'.join(map(str, last))} of the picture",
            f"some at 1/{', 1/'.join(map(str, STRIDES))}", "--student mobilenet_v2",
        )  # fmt: skip
    return tuple(last[stride] for stride in STRIDES)


def _row(x: Tensor) -> Tensor:
    """(N, C, rows, columns) -> (N, rows * columns * C)"""
    return x.permute(0, 2, 3, 1).flatten(1)  # `len(x)` would fix the batch when it is exported
