"""Published weights of ResNets: AD-Net's files, and every other in torchvision's layout.

A bare state dict, for any number of classes, often named .bin. How a picture must be shown to it:
`lowdata.views.Preprocessing(224, 0.9, "bilinear")`, without the 0.9 where the file is of
a vanilla run (../shared/reference/seeds.md, 2.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from quantize.errors import WorkshopError
from quantize.students.resnet import RESNETS, ResNet, Trunk
from quantize.students.state_file import read_state


def load_published(file: Path) -> ResNet:
    """The classifier in a published state dict, in evaluation mode; size and classes are its own.

    Raises WorkshopError when the file holds something else, or more than tensors.
    """
    state = read_state(file)
    model = ResNet(_which(state, file), len(state["fc.weight"]))
    _fill(model, state, file)
    return model.eval()


def fill_backbone(backbone: Trunk, file: Path) -> None:
    """Begin from a published state dict, its classifier left out. Raises WorkshopError."""
    state = read_state(file)
    name = _which(state, file)
    if name != backbone.name:
        raise WorkshopError(file, f"a {name}", f"a {backbone.name}", f"--student {name}")
    _fill(backbone, {k: v for k, v in state.items() if not k.startswith("fc.")}, file)


def _which(state: Mapping[str, Tensor], file: Path) -> str:
    """The name of the network that has these keys."""
    counts = tuple(
        len({key.split(".")[1] for key in state if key.startswith(f"layer{i}.")})
        for i in range(1, 5)
    )
    wanted = {"fc.weight", "conv1.weight"} <= state.keys()
    for name, plan in RESNETS.items():
        if (
            wanted
            and counts == plan.blocks
            and ("layer1.0.conv3.weight" in state) == (plan.is_bottleneck)
        ):
            return name
    raise WorkshopError(
        file,
        f"{len(state)} keys, layers of {', '.join(map(str, counts))} blocks",
        f"conv1, bn1, layer1 to layer4 and fc of {' or '.join(RESNETS)}",
        "give a file of one of these",
    )


def _fill(model: nn.Module, state: Mapping[str, Tensor], file: Path) -> None:
    wanted = model.state_dict()
    # files older than torch 0.4.1 do not count batches, and nothing here asks
    state = {k: v for k, v in wanted.items() if k.endswith("num_batches_tracked")} | dict(state)
    faults = [f"{key} missing" for key in wanted.keys() - state.keys()]
    faults += [f"{key} unknown" for key in state.keys() - wanted.keys()]
    faults += [
        f"{key} is {tuple(state[key].shape)} instead of {tuple(wanted[key].shape)}"
        for key in wanted.keys() & state.keys()
        if state[key].shape != wanted[key].shape
    ]
    if faults:
        raise WorkshopError(
            file,
            "; ".join(sorted(faults)[:5]) + (f"; {len(faults)} in all" if len(faults) > 5 else ""),
            f"the {len(wanted)} entries of torchvision's network",
            "give the file as it was published",
        )
    model.load_state_dict(state)
