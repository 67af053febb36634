"""A network that says of every pixel of a crop whether it is the fish in the middle, and whether it
is any fish.

Down to a sixteenth by a student's own layers, which have seen photographs of everything and learn
on here; up again by a neck. What goes up is repeated, not interpolated: every engine's int8 knows
that.
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
from quantize.glance.network import Trunk
from quantize.students import Conv, Network, Student
from quantize.students.files import loading

SIDE = 160  # px of the crop
STRIDE = 2  # of the mask
TRUNK = "mobilenet_v2"  # the student whose layers it begins with
WIDTHS = (24, 32, 48, 96)  # channels at 1/2, 1/4, 1/8, 1/16


class Pair(nn.Module):
    """Depthwise, then pointwise."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            Conv(inputs, inputs, 3, stride, groups=inputs), Conv(inputs, outputs, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return out


class Neck(nn.Module):
    """Up again, beside what the trunk saw at each scale, and the pixels themselves."""

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        a, b, c, d = WIDTHS
        fine, middle, coarse = channels
        self.at2 = nn.Sequential(Conv(3, a, 3, 2), Pair(a, a))
        self.deep = nn.Sequential(Pair(coarse, d), Pair(d, d))
        self.up8 = nn.Sequential(Conv(middle + d, c, 1), Pair(c, c))
        self.up4 = nn.Sequential(Conv(fine + c, b, 1), Pair(b, b))
        self.up2 = nn.Sequential(Conv(a + b, a, 1), Pair(a, a))
        self.tell = nn.Conv2d(a, 2, 1)

    def forward(self, x: Tensor, features: tuple[Tensor, ...]) -> Tensor:
        fine, middle, coarse = features
        half = self.at2(x)
        x = self.up8(torch.cat([middle, _twice(self.deep(coarse))], 1))
        x = self.up4(torch.cat([fine, _twice(x)], 1))
        x = self.up2(torch.cat([half, _twice(x)], 1))
        told: Tensor = self.tell(x).flatten(1)
        return told


class Outline(Network):
    """(N, 3, SIDE, SIDE) normalised -> "mask" (N, 2 * cells): a logit a cell of 2 px, first
    of the fish in the middle, then of any.
    """

    precise = ("neck.tell",)  # an edge is where its logit is 0

    def __init__(self, trunk: Trunk, side: int = SIDE) -> None:
        super().__init__()
        self.name, self.side = "outline", side
        self.trunk = trunk
        with torch.no_grad():
            sizes = [f.shape[1] for f in trunk.eval()(torch.zeros(1, 3, side, side))]
        self.neck = Neck(tuple(sizes))

    @property
    def outputs(self) -> tuple[str, ...]:
        return ("mask",)

    @property
    def cells(self) -> int:
        """On a side."""
        return self.side // STRIDE

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"mask": self.neck(x, self.trunk(x))}


def save(outline: Outline, about: dict[str, object], file: Path) -> None:
    """Weights in half precision, and what it is."""
    state = {k: v.half() if v.is_floating_point() else v for k, v in outline.state_dict().items()}
    said = {"side": outline.side, "student": TRUNK} | about
    packed = {k: v.contiguous() for k, v in state.items()}
    disk.write(file, as_bytes(packed, {"outline": json.dumps(said)}))


def load(file: Path) -> tuple[Outline, dict[str, object]]:
    """What `save` wrote, and what it said. Raises WorkshopError."""
    with loading(file, "an outline"):
        with safe_open(file, "pt") as stored:
            about = json.loads(stored.metadata()["outline"])
            state = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118
        outline = Outline(Trunk(Student({}, about["student"])), about["side"])
        outline.load_state_dict(
            {k: v.float() if v.is_floating_point() else v for k, v in state.items()}
        )
        return outline.eval(), about


def _twice(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")
