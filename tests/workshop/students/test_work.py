"""How much work a network is, against sums written out."""

from __future__ import annotations

import torch
from torch import nn

from quantize.students.work import work_of


class Small(nn.Module):
    """A convolution, a depthwise one, a matrix."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.second = nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.head = nn.Linear(4, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.second(self.first(x)).mean((2, 3)))


def test_macs_and_activations_are_those_of_the_layers() -> None:
    places = 4 * 6
    assert work_of(Small(), 8, 12) == {
        "macs": places * 4 * 27 + places * 4 * 9 + 4 * 5,
        "activations": (3 * 8 * 12 + 4 * places) + (4 * places + 4 * places) + (4 + 5),
    }
