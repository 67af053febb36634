"""A small network that says of every pixel of a crop whether it is the fish in the middle, and
whether it is any fish.

Down to a sixteenth and up again, depthwise convolutions and ReLU6 throughout: about 30 MMAC at 160
px. What goes up is repeated, not interpolated: every engine's int8 knows that.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from quantize.errors import WorkshopError
from quantize.students import Conv, Network

SIDE = 160  # px of the crop
STRIDE = 2  # of the mask
WIDTHS = (16, 24, 40, 64)  # channels at 1/2, 1/4, 1/8, 1/16


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


class Outline(Network):
    """(N, 3, SIDE, SIDE) normalised -> "mask" (N, 2 * cells): a logit a cell of 2 px, first
    of the fish in the middle, then of any.
    """

    precise = ("tell",)  # an edge is where its logit is 0

    def __init__(self, side: int = SIDE) -> None:
        super().__init__()
        self.name, self.side = "outline", side
        a, b, c, d = WIDTHS
        self.at2 = nn.Sequential(Conv(3, a, 3, 2), Pair(a, a))
        self.at4 = nn.Sequential(Pair(a, b, 2), Pair(b, b))
        self.at8 = nn.Sequential(Pair(b, c, 2), Pair(c, c))
        self.deep = nn.Sequential(Pair(c, d, 2), *[Pair(d, d) for _ in range(4)])
        self.up8 = nn.Sequential(Conv(c + d, c, 1), Pair(c, c))
        self.up4 = nn.Sequential(Conv(b + c, b, 1), Pair(b, b))
        self.up2 = nn.Sequential(Conv(a + b, a, 1), Pair(a, a))
        self.tell = nn.Conv2d(a, 2, 1)

    @property
    def outputs(self) -> tuple[str, ...]:
        return ("mask",)

    @property
    def cells(self) -> int:
        """On a side."""
        return self.side // STRIDE

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        half = self.at2(x)
        quarter = self.at4(half)
        eighth = self.at8(quarter)
        x = self.up8(torch.cat([eighth, _twice(self.deep(eighth))], 1))
        x = self.up4(torch.cat([quarter, _twice(x)], 1))
        x = self.up2(torch.cat([half, _twice(x)], 1))
        return {"mask": self.tell(x).flatten(1)}


def save(outline: Outline, about: dict[str, object], file: Path) -> None:
    """Weights in half precision, and what it is."""
    state = {k: v.half() if v.is_floating_point() else v for k, v in outline.state_dict().items()}
    temporary = file.with_suffix(".tmp")
    save_file({k: v.contiguous() for k, v in state.items()}, temporary,
              {"outline": json.dumps({"side": outline.side} | about)})  # fmt: skip
    temporary.rename(file)


def load(file: Path) -> tuple[Outline, dict[str, object]]:
    """What `save` wrote, and what it said. Raises WorkshopError."""
    try:
        with safe_open(file, "pt") as stored:
            about = json.loads(stored.metadata()["outline"])
            state = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118
    except Exception as e:  # safetensors and JSON each have their own
        raise WorkshopError(
            file, f"does not load ({type(e).__name__}: {e})", "an outline", "edge-quantize outline"
        ) from e
    for key in ("tell.weight", "tell.bias"):  # one plane: from before there were two
        state[key] = state[key].expand(2, *state[key].shape[1:]).clone()
    outline = Outline(about["side"])
    outline.load_state_dict(
        {k: v.float() if v.is_floating_point() else v for k, v in state.items()}
    )
    return outline.eval(), about


def _twice(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")
