"""A network as a device sees it: raw pixels in, batch norm folded away, a tuple of outputs."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from quantize.errors import WorkshopError
from quantize.students import Network, normalise

N = TypeVar("N", bound=Network)

CHANGED = 1e-3  # of the largest output: more than folding may change


class Deployed(nn.Module):
    """(N, H, W, 3) uint8 pixels in, a tuple of `names` out."""

    def __init__(self, student: Network) -> None:
        super().__init__()
        self.student = student
        self.names = student.outputs

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        outputs = self.student(normalise(pixels))
        return tuple(outputs[name] for name in self.names)


class Core(nn.Module):
    """A deployed student behind its normalisation: (N, H, W, 3) float32 about -1..1 in."""

    def __init__(self, model: Deployed) -> None:
        super().__init__()
        self.student = model.student
        self.names = model.names

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        outputs = self.student(x.permute(0, 3, 1, 2))
        return tuple(outputs[name] for name in self.names)


@torch.no_grad()
def folded(student: N, side: int = 64) -> N:
    """A copy in evaluation mode, every batch norm that follows a convolution folded into it.

    Which one follows which is seen on a picture of `side` px, so that any network will do. Raises
    WorkshopError when the copy computes something else: a convolution with two readers, say.
    """
    flat = copy.deepcopy(student).eval()
    seen = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    for conv, norm in _pairs(flat, seen):
        layer, after = flat.get_submodule(conv), flat.get_submodule(norm)
        assert isinstance(layer, nn.Conv2d)
        assert isinstance(after, nn.BatchNorm2d)
        _put(flat, conv, fuse_conv_bn_eval(layer, after))
        _put(flat, norm, getattr(after, "act", nn.Identity()))  # timm joins the two
    wanted, got = copy.deepcopy(student).eval()(seen), flat(seen)
    for name, exact in wanted.items():
        moved = float((got[name] - exact).abs().max() / exact.abs().max().clamp(min=1e-6))
        if not moved <= CHANGED:
            raise WorkshopError(
                f"{student.name}: output {name!r}",
                f"moved by {moved:.2g} of its largest when batch norm was folded",
                f"at most {CHANGED}",
                "a student whose batch norms each follow one convolution",
            )
    return flat.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload, no-any-return]


def _pairs(student: Network, x: Tensor) -> list[tuple[str, str]]:
    """Names of each convolution and the batch norm that reads what it gives."""
    made: dict[int, tuple[str, Tensor]] = {}  # the tensor is held: its id stays its own
    pairs: list[tuple[str, str]] = []
    hooks = []
    for name, module in student.named_modules():
        if isinstance(module, nn.Conv2d):
            hooks.append(
                module.register_forward_hook(
                    lambda _, __, out, name=name: made.__setitem__(id(out), (name, out))
                )
            )
        elif isinstance(module, nn.BatchNorm2d):
            hooks.append(
                module.register_forward_pre_hook(
                    lambda _, ins, name=name: (
                        pairs.append((made[id(ins[0])][0], name)) if id(ins[0]) in made else None
                    )
                )
            )
    student(x)
    for hook in hooks:
        hook.remove()
    return pairs


def _put(student: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, own = name.rpartition(".")
    setattr(student.get_submodule(parent), own, module)
