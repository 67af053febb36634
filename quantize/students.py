"""The student: MobileNetV2 1.0 (Sandler et al. 2018, arXiv:1801.04381), many heads on it.

Paddings follow TensorFlow's "SAME" (right and bottom at stride 2), so that TensorFlow weights load
unchanged. Plain convolutions and ReLU6 alone: int8 costs this family nothing on any engine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

SettingsTable = dict[str, int | float | str]

EMBEDDING = 1280
# Expansion, output channels, repeats, stride of the first: table 2 of the paper.
BLOCKS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
# What the network was trained with, and exactly what an input with zero point 127 holds.
MEAN, SCALE = 127.0, 127.5


class Conv(nn.Module):
    """Convolution, batch norm and, where asked, ReLU6; "SAME" padding."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        groups: int = 1,
        relu: bool = True,
    ) -> None:
        super().__init__()
        self.is_padded_late = stride == 2 and kernel == 3
        padding = kernel // 2 if not self.is_padded_late else 0
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        if self.is_padded_late:
            x = F.pad(x, (0, 1, 0, 1))
        x = self.norm(self.conv(x))
        return F.relu6(x) if self.relu else x


class Block(nn.Module):
    """Inverted residual: widen, filter each channel, narrow."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int) -> None:
        super().__init__()
        wide = inputs * expansion
        widen = [Conv(inputs, wide, 1)] if expansion > 1 else []
        self.layers = nn.Sequential(
            *widen, Conv(wide, wide, 3, stride, groups=wide), Conv(wide, outputs, 1, relu=False)
        )
        self.is_residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x) if self.is_residual else self.layers(x)


def backbone() -> nn.Sequential:
    """(N, 3, H, W) normalised -> (N, 1280, H/32, W/32)."""
    layers: list[nn.Module] = [Conv(3, 32, 3, 2)]
    inputs = 32
    for expansion, outputs, repeats, stride in BLOCKS:
        for i in range(repeats):
            layers.append(Block(inputs, outputs, expansion, stride if i == 0 else 1))
            inputs = outputs
    return nn.Sequential(*layers, Conv(inputs, EMBEDDING, 1))


class Student(nn.Module):
    """One backbone, one embedding, a matrix a head. `heads`: name -> number of logits."""

    def __init__(self, heads: Mapping[str, int], dropout: float = 0.2) -> None:
        super().__init__()
        self.backbone = backbone()
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.ModuleDict(
            {name: nn.Linear(EMBEDDING, size) for name, size in heads.items()}
        )

    def embed(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) normalised -> (N, 1280)."""
        # Average pooling would keep its input's int8 scale, too coarse for the mean of 49 cells.
        return self.backbone(x).mean((2, 3))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """(N, 3, H, W) normalised -> "embedding" (N, 1280) and every head's logits (N, T)."""
        embedding = self.embed(x)
        seen = self.dropout(embedding)
        return {"embedding": embedding, **{name: head(seen) for name, head in self.heads.items()}}

    def convolutions(self) -> list[Conv]:
        """Every convolution in the order it runs."""
        return [m for m in self.backbone.modules() if isinstance(m, Conv)]


def normalise(pixels: Tensor) -> Tensor:
    """(N, H, W, 3) uint8 RGB -> (N, 3, H, W) float32, channels last in memory."""
    return ((pixels.float() - MEAN) / SCALE).permute(0, 3, 1, 2)


def save(student: Student, settings: SettingsTable, file: Path) -> None:
    """Write weights in half precision, with the sizes of the heads and the settings of the run."""
    packed = {k: v.contiguous() for k, v in student.state_dict().items()}  # channels last is not
    half = {k: v.half() if v.is_floating_point() else v for k, v in packed.items()}
    heads = {name: head.out_features for name, head in student.heads.items()}
    temporary = file.with_suffix(".tmp")
    save_file(half, temporary, {"heads": json.dumps(heads), "settings": json.dumps(settings)})
    temporary.rename(file)


def load(file: Path) -> tuple[Student, SettingsTable]:
    """What `save` wrote: the student in single precision, and the settings."""
    with safe_open(file, "pt") as stored:
        about = stored.metadata()
        state = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118
    student = Student(json.loads(about["heads"]))
    student.load_state_dict(
        {k: v.float() if v.is_floating_point() else v for k, v in state.items()}
    )
    return student, json.loads(about["settings"])
