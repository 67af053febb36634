"""MobileNetV4-Conv-Small as a table of universal inverted bottlenecks: 0.19 GMAC at 224 px.

Qin et al. 2024, arXiv:2404.10518, section 3 and the appendix's table of MNv4-Conv-S. A bottleneck
is up to four convolutions, none of which needs anything int8 does badly; its optional depthwise
ones make it an inverted bottleneck, a ConvNeXt block, a feed-forward block or "extra depthwise".
The last convolution works on the pooled picture, so the backbone ends in 1 x 1 cells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from quantize.errors import WorkshopError
from quantize.students.inverted import Conv
from quantize.students.scale import MEAN, SCALE

# What the published weights expect: (p / 255 - mean) / std of a pixel p, by colour.
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
STEM = 32
LAST, EMBEDDING = 960, 1280


class Fused(msgspec.Struct, frozen=True):
    """Two full convolutions at stride 2: early layers have few channels and many cells."""

    wide: int
    channels: int


class Bottleneck(msgspec.Struct, frozen=True):
    """Kernels of its depthwise convolutions, 0 for none; the later one there has the stride."""

    before: int  # the widening convolution
    middle: int  # between widening and narrowing
    widening: int
    channels: int
    stride: int = 1


STAGES: tuple[tuple[Fused | Bottleneck, ...], ...] = (
    (Fused(32, 32),),
    (Fused(96, 64),),
    (
        Bottleneck(5, 5, 3, 96, 2),
        Bottleneck(0, 3, 2, 96),
        Bottleneck(0, 3, 2, 96),
        Bottleneck(0, 3, 2, 96),
        Bottleneck(0, 3, 2, 96),
        Bottleneck(3, 0, 4, 96),
    ),
    (
        Bottleneck(3, 3, 6, 128, 2),
        Bottleneck(5, 5, 4, 128),
        Bottleneck(0, 5, 4, 128),
        Bottleneck(0, 5, 3, 128),
        Bottleneck(0, 3, 4, 128),
        Bottleneck(0, 3, 4, 128),
    ),
)


class Rectified(Conv):
    """Convolution, batch norm and, where asked, ReLU without a ceiling; padded alike on all sides.

    Both as in the published PyTorch weights, which would see shifted pictures otherwise.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        groups: int = 1,
        relu: bool = True,
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups, relu)
        self.is_padded_late = False
        self.conv.padding = (kernel // 2, kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.conv(x))
        return F.relu(x) if self.relu else x


class Universal(nn.Module):
    """A universal inverted bottleneck, with a way around it where shapes allow."""

    def __init__(self, inputs: int, row: Bottleneck) -> None:
        super().__init__()
        wide = inputs * row.widening
        first, second = (1, row.stride) if row.middle else (row.stride, 1)
        layers: list[nn.Module] = []
        if row.before:
            layers.append(Rectified(inputs, inputs, row.before, first, inputs, relu=False))
        layers.append(Rectified(inputs, wide, 1))
        if row.middle:
            layers.append(Rectified(wide, wide, row.middle, second, wide))
        self.layers = nn.Sequential(*layers, Rectified(wide, row.channels, 1, relu=False))
        self.is_residual = row.stride == 1 and inputs == row.channels

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return x + out if self.is_residual else out


class Pooled(nn.Module):
    """(N, C, H, W) -> (N, C, 1, 1): a mean, which int8 gives a scale of its own."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3), keepdim=True)


def backbone() -> nn.Sequential:
    """(N, 3, H, W) normalised -> (N, EMBEDDING, 1, 1); H and W multiples of 32."""
    layers: list[nn.Module] = [Rectified(3, STEM, 3, 2)]
    inputs = STEM
    for row in (row for stage in STAGES for row in stage):
        if isinstance(row, Fused):
            layers += [Rectified(inputs, row.wide, 3, 2), Rectified(row.wide, row.channels, 1)]
        else:
            layers.append(Universal(inputs, row))
        inputs = row.channels
    return nn.Sequential(
        *layers, Rectified(inputs, LAST, 1), Pooled(), Rectified(LAST, EMBEDDING, 1)
    )


Colours = tuple[float, float, float]


def fill(
    network: nn.Sequential, state: Mapping[str, Tensor], seen: tuple[Colours, Colours] = IMAGENET
) -> None:
    """Fill a backbone from the published weights: timm's `mobilenetv4_conv_small`.

    `seen`: mean and std of the pixels they were trained with; the first convolution takes them
    over. Raises WorkshopError naming the first tensor that is missing or of another shape.
    """
    layers = [m for m in network.modules() if isinstance(m, Conv)]
    for layer, (conv, norm) in zip(layers, _published_names(), strict=True):
        _copy(layer.conv.weight, f"{conv}.weight", state)
        for part in ("weight", "bias", "running_mean", "running_var"):
            _copy(getattr(layer.norm, part), f"{norm}.{part}", state)
    _see_as_students_do(layers[0], *seen)


@torch.no_grad()
def _see_as_students_do(stem: Conv, mean: Colours, std: Colours) -> None:
    """Theirs is ours times `gain` plus `shift`; the zeros around a picture become grey."""
    gain = SCALE / 255 / torch.tensor(std)
    shift = (MEAN / 255 - torch.tensor(mean)) / torch.tensor(std)
    # Before the gain goes in: what a constant `shift` of the input adds to each channel.
    stem.norm.running_mean -= (stem.conv.weight * shift.reshape(1, -1, 1, 1)).sum((1, 2, 3))  # type: ignore[operator]
    stem.conv.weight *= gain.reshape(1, -1, 1, 1)


def _copy(mine: Tensor, name: str, state: Mapping[str, Tensor]) -> None:
    found = state.get(name)
    if found is None or found.shape != mine.shape:
        raise WorkshopError(
            name,
            "missing" if found is None else f"{tuple(found.shape)}",
            f"{tuple(mine.shape)} as in mobilenetv4_conv_small",
            "give the weights of that network",
        )
    mine.data.copy_(found)


def _published_names() -> Iterator[tuple[str, str]]:
    """Convolution and norm, in the order in which they run."""
    yield "conv_stem", "bn1"
    for s, stage in enumerate(STAGES):
        for i, row in enumerate(stage):
            if isinstance(row, Fused):
                yield f"blocks.{s}.0.conv", f"blocks.{s}.0.bn1"
                yield f"blocks.{s}.1.conv", f"blocks.{s}.1.bn1"
                continue
            parts = {
                "dw_start": row.before, "pw_exp": 1, "dw_mid": row.middle, "pw_proj": 1
            }  # fmt: skip
            for part in (name for name, kernel in parts.items() if kernel):
                yield f"blocks.{s}.{i}.{part}.conv", f"blocks.{s}.{i}.{part}.bn"
    yield f"blocks.{len(STAGES)}.0.conv", f"blocks.{len(STAGES)}.0.bn1"
    yield "conv_head", "norm_head"
