"""ResNet-18, -34 and -50 with torchvision's key names, so that its files load as they are.

He et al. 2016, arXiv:1512.03385; of the -50 version 1.5, which has its stride in the 3x3
convolution. The published networks want pixels normalised with IMAGENET_MEAN and IMAGENET_STD.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from quantize.students.scale import MEAN, SCALE

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # RGB of 0..1


class Plan(msgspec.Struct, frozen=True):
    """A whole network."""

    blocks: tuple[int, int, int, int]  # of each layer
    is_bottleneck: bool

    @property
    def embedding(self) -> int:
        """Length of the pooled feature."""
        return 2048 if self.is_bottleneck else 512


RESNETS = {
    "resnet18": Plan((2, 2, 2, 2), is_bottleneck=False),
    "resnet34": Plan((3, 4, 6, 3), is_bottleneck=False),
    "resnet50": Plan((3, 4, 6, 3), is_bottleneck=True),
}


class Basic(nn.Module):
    """Two 3x3 convolutions and a way around them."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _around(inputs, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return F.relu(out + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """Narrow, filter, widen, and a way around."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = _around(inputs, 4 * width, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        out = F.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return F.relu(out + (x if self.downsample is None else self.downsample(x)))


def _around(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


class Trunk(nn.Module):
    """A ResNet without its classifier, as a student's backbone.

    (N, 3, H, W) as `students.normalise` gives it -> (N, embedding, H/32, W/32).
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, name: str = "resnet50") -> None:
        super().__init__()
        plan = RESNETS[name]
        self.name, self.embedding = name, plan.embedding
        mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
        self.register_buffer("scale", (SCALE / 255 / std).view(3, 1, 1), persistent=False)
        self.register_buffer("shift", ((MEAN / 255 - mean) / std).view(3, 1, 1), persistent=False)
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        inputs = 64
        for i, count in enumerate(plan.blocks):
            layer, inputs = _layer(plan, inputs, 64 << i, count, 1 if i == 0 else 2)
            self.add_module(f"layer{i + 1}", layer)

    def maps(self, x: Tensor) -> Tensor:
        """Features before they are pooled, of a picture that is ImageNet-normalised."""
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for i in range(4):
            x = self.get_submodule(f"layer{i + 1}")(x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        # before the first convolution, not in it: what it pads with has to be the mean colour
        return self.maps(x * self.scale + self.shift)

    def pairs(self) -> Iterator[tuple[nn.Conv2d, nn.BatchNorm2d]]:
        """Every convolution with the norm that follows it, in the order of the state dict."""
        convolutions = (m for m in self.modules() if isinstance(m, nn.Conv2d))
        norms = (m for m in self.modules() if isinstance(m, nn.BatchNorm2d))
        yield from zip(convolutions, norms, strict=True)


def _layer(
    plan: Plan, inputs: int, width: int, count: int, stride: int
) -> tuple[nn.Sequential, int]:
    blocks: list[nn.Module] = []
    for i in range(count):
        kind = Bottleneck if plan.is_bottleneck else Basic
        blocks.append(kind(inputs, width, stride if i == 0 else 1))
        inputs = 4 * width if plan.is_bottleneck else width
    return nn.Sequential(*blocks), inputs


class ResNet(Trunk):
    """A whole classifier, as published: (N, 3, H, W) ImageNet-normalised -> (N, classes) logits."""

    def __init__(self, name: str = "resnet50", classes: int = 1000) -> None:
        super().__init__(name)
        self.fc = nn.Linear(self.embedding, classes)

    def embed(self, x: Tensor) -> Tensor:
        """The pooled feature, (N, embedding): what AD-Net's divergence is of."""
        return self.maps(x).mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.embed(x))
        return logits
