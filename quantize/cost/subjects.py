"""Networks to learn costs from: our students at several widths and sizes, random weights.

How long a network takes does not depend on what it has learned.
"""

from __future__ import annotations

import msgspec
import torch
from torch import nn

from quantize.students import PLANS, Network, Student
from quantize.students.inverted import Conv, Plan, backbone

HEADS = {"tags": 1000}
SUBJECTS: tuple[tuple[str, float, int], ...] = (  # name, width, px
    ("mobilenet_v2", 1.0, 128),
    ("mobilenet_v2", 1.0, 224),
    ("mobilenet_v2", 1.0, 320),
    ("mobilenet_v2", 0.5, 224),
    ("mobilenet_v2", 1.4, 160),
    ("efficientnet_lite0", 1.0, 160),
    ("efficientnet_lite0", 1.0, 224),
    ("efficientnet_lite2", 1.0, 256),
    ("mobilenet_v4_small", 1.0, 160),
    ("mobilenet_v4_small", 1.0, 256),
    ("resnet18", 1.0, 128),
    ("resnet18", 1.0, 224),
    ("resnet50", 1.0, 160),
)
COUNTED = (("mobilenet_v1", 224), ("efficientnet_lite2", 260))  # public figures are about them


def subject(name: str, width: float) -> Network:
    """A student in evaluation mode, its channels `width` times as many."""
    torch.manual_seed(0)
    if name == "mobilenet_v1":
        student = _with(Student(HEADS), _mobilenet_v1(), 1024)
    elif width != 1.0:
        plan = _wider(PLANS[name], width)
        student = _with(Student(HEADS, name), backbone(plan), plan.embedding)
    else:
        student = Student(HEADS, name)
    return student.eval()


def called(name: str, width: float) -> str:
    """mobilenet_v2 at half its width: mobilenet_v2_050."""
    return name if width == 1.0 else f"{name}_{round(100 * width):03d}"


def _with(student: Student, trunk: nn.Module, embedding: int) -> Student:
    student.backbone = trunk
    student.heads = nn.ModuleDict({h: nn.Linear(embedding, n) for h, n in HEADS.items()})
    return student


def _wider(plan: Plan, width: float) -> Plan:
    stages = tuple(
        msgspec.structs.replace(stage, channels=_eights(stage.channels * width))
        for stage in plan.stages
    )
    return msgspec.structs.replace(plan, stages=stages, stem=_eights(plan.stem * width))


def _eights(channels: float) -> int:
    return max(8, round(channels / 8) * 8)


def _mobilenet_v1() -> nn.Module:
    """Howard et al. 2017, arXiv:1704.04861, table 1: only counted, public figures are about it."""
    outs = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
    layers, inputs = [Conv(3, 32, 3, 2)], 32
    for n, out in enumerate(outs):
        stride = 2 if n in (1, 3, 5, 11) else 1
        layers += [Conv(inputs, inputs, 3, stride, groups=inputs), Conv(inputs, out, 1)]
        inputs = out
    return nn.Sequential(*layers)
