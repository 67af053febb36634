"""Networks of inverted residuals: MobileNetV2 and the EfficientNet-Lite family, as tables.

Plain convolutions and ReLU6 alone: int8 costs these networks nothing on any engine. Paddings follow
TensorFlow's "SAME" (more on the right and bottom at stride 2), so that published weights load
unchanged.
"""

from __future__ import annotations

import msgspec
from torch import Tensor, nn
from torch.nn import functional as F


class Stage(msgspec.Struct, frozen=True):
    """A run of equal blocks; the first one alone has the stride."""

    kernel: int
    widening: float  # expanded channels of a block / channels that come in
    channels: int  # that go out
    repeats: int
    stride: int


class Plan(msgspec.Struct, frozen=True):
    """A whole network."""

    stages: tuple[Stage, ...]
    stem: int = 32  # channels of the first convolution
    embedding: int = 1280
    epsilon: float = 1e-5  # of every batch norm


# Sandler et al. 2018, arXiv:1801.04381, table 2. 0.30 GMAC at 224 px.
MOBILENET_V2 = Plan(
    (
        Stage(3, 1, 16, 1, 1),
        Stage(3, 6, 24, 2, 2),
        Stage(3, 6, 32, 3, 2),
        Stage(3, 6, 64, 4, 2),
        Stage(3, 6, 96, 3, 1),
        Stage(3, 6, 160, 3, 2),
        Stage(3, 6, 320, 1, 1),
    )
)
# Tan and Le 2019, arXiv:1905.11946, table 1, without squeeze-excite and with ReLU6 ("Lite").
EFFICIENTNET_LITE0 = Plan(
    (
        Stage(3, 1, 16, 1, 1),
        Stage(3, 6, 24, 2, 2),
        Stage(5, 6, 40, 2, 2),
        Stage(3, 6, 80, 3, 2),
        Stage(5, 6, 112, 3, 1),
        Stage(5, 6, 192, 4, 2),
        Stage(3, 6, 320, 1, 1),
    ),
    epsilon=1e-3,
)
EFFICIENTNET_LITE2 = Plan(
    (
        Stage(3, 1, 16, 1, 1),
        Stage(3, 6, 24, 3, 2),
        Stage(5, 6, 48, 3, 2),
        Stage(3, 6, 88, 4, 2),
        Stage(5, 6, 120, 4, 1),
        Stage(5, 6, 208, 5, 2),
        Stage(3, 6, 352, 1, 1),
    ),
    epsilon=1e-3,
)
# 0.38 GMAC are more than a board should pay. The early stages stay as published; of the inner
# channels of the later ones a seventh, what says least, goes (`published.prune`), and 0.35 stay.
EFFICIENTNET_LITE0_SLIM = msgspec.structs.replace(
    EFFICIENTNET_LITE0,
    stages=EFFICIENTNET_LITE0.stages[:3]
    + tuple(
        msgspec.structs.replace(stage, widening=5.1) for stage in EFFICIENTNET_LITE0.stages[3:]
    ),
)
PLANS = {
    "mobilenet_v2": MOBILENET_V2,
    "efficientnet_lite0": EFFICIENTNET_LITE0,
    "efficientnet_lite0_slim": EFFICIENTNET_LITE0_SLIM,
    "efficientnet_lite2": EFFICIENTNET_LITE2,
}


class Conv(nn.Module):
    """Convolution, batch norm and, where asked, ReLU6; "SAME" padding of an even picture."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        groups: int = 1,
        relu: bool = True,
        epsilon: float = 1e-5,
    ) -> None:
        super().__init__()
        # At stride 2 "SAME" adds kernel - 2 rows in all, the odd one below.
        self.before, self.after = ((kernel - 2) // 2, (kernel - 1) // 2)
        self.is_padded_late = stride == 2
        padding = kernel // 2 if not self.is_padded_late else 0
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs, epsilon)
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        if self.is_padded_late:
            x = F.pad(x, (self.before, self.after, self.before, self.after))
        x = self.norm(self.conv(x))
        return F.relu6(x) if self.relu else x


class Block(nn.Module):
    """Inverted residual: widen, filter each channel, narrow."""

    def __init__(self, inputs: int, stage: Stage, stride: int, epsilon: float) -> None:
        super().__init__()
        wide = widened(inputs, stage.widening)
        widen = [Conv(inputs, wide, 1, epsilon=epsilon)] if wide > inputs else []
        self.layers = nn.Sequential(
            *widen,
            Conv(wide, wide, stage.kernel, stride, groups=wide, epsilon=epsilon),
            Conv(wide, stage.channels, 1, relu=False, epsilon=epsilon),
        )
        self.is_residual = stride == 1 and inputs == stage.channels

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x) if self.is_residual else self.layers(x)


def widened(inputs: int, widening: float) -> int:
    """Inner channels of a block: a multiple of 8, which the int8 kernels like."""
    return inputs if widening == 1 else 8 * int(inputs * widening / 8 + 0.5)


def backbone(plan: Plan) -> nn.Sequential:
    """(N, 3, H, W) normalised -> (N, plan.embedding, H/32, W/32); H and W multiples of 32."""
    layers: list[nn.Module] = [Conv(3, plan.stem, 3, 2, epsilon=plan.epsilon)]
    inputs = plan.stem
    for stage in plan.stages:
        for i in range(stage.repeats):
            layers.append(Block(inputs, stage, stage.stride if i == 0 else 1, plan.epsilon))
            inputs = stage.channels
    return nn.Sequential(*layers, Conv(inputs, plan.embedding, 1, epsilon=plan.epsilon))
