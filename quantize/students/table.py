"""Students by name. To add one: a function without arguments that gives (backbone, embedding size),
or a plan, and a row here.

A backbone takes (N, 3, H, W) normalised by `students.normalise` and gives (N, embedding, h, w); the
student averages what cells are left.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from torch import nn

from quantize.errors import WorkshopError
from quantize.students import inverted, mobilenet_v4, resnet_published, timm_student
from quantize.students.resnet import RESNETS, Trunk
from quantize.students.state_file import read_state
from quantize.students.timm_student import PREFIX

Backbone = tuple[nn.Module, int]


def _inverted(plan: inverted.Plan) -> Backbone:
    return inverted.backbone(plan), plan.embedding


def _mobilenet_v4_small() -> Backbone:
    return mobilenet_v4.backbone(), mobilenet_v4.EMBEDDING


def _resnet(name: str) -> Backbone:
    return Trunk(name), RESNETS[name].embedding


STUDENTS: dict[str, Callable[[], Backbone]] = {
    **{name: partial(_inverted, plan) for name, plan in inverted.PLANS.items()},
    "mobilenet_v4_small": _mobilenet_v4_small,
    **{name: partial(_resnet, name) for name in RESNETS},
}


def build(name: str) -> Backbone:
    """The backbone `name`, a row of STUDENTS or timm:NAME, with random weights, and the size of its
    embedding. Raises WorkshopError for a name that is neither.
    """
    if name.startswith(PREFIX):
        return timm_student.build(name)
    if name not in STUDENTS:
        raise WorkshopError(
            name,
            "no such student",
            f"{', '.join(STUDENTS)} or {PREFIX}NAME",
            "--student mobilenet_v2",
        )
    return STUDENTS[name]()


def fill(backbone: nn.Module, name: str, file: Path) -> None:
    """Fill the backbone `name` from a file of published weights: of timm for mobilenet_v4_small and
    timm:NAME, of torchvision's layout for a ResNet. Raises WorkshopError.
    """
    if isinstance(backbone, timm_student.Timm):
        timm_student.fill(backbone, read_state(file))
    elif isinstance(backbone, Trunk):
        resnet_published.fill_backbone(backbone, file)
    elif name == "mobilenet_v4_small" and isinstance(backbone, nn.Sequential):
        mobilenet_v4.fill(backbone, read_state(file))
    else:
        raise WorkshopError(
            file,
            f"not what `edge-quantize` wrote, for {name}",
            f"a student.safetensors of {name}",
            "--start FOLDER of an earlier student",
        )
