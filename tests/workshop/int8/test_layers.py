"""Layers found again in converted graphs, and what goes with them into float."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from quantize.int8.layers import Node, in_float, layer_of, layers, prints  # noqa: E402
from quantize.students import Student  # noqa: E402
from tests.workshop.int8.tiny_student import SIDE  # noqa: E402

# stem -> clip -> (a -> add) -> b -> head
NODES = [
    Node("stem", ("x",), ("s",), "stem"),
    Node("clip", ("s",), ("c",)),
    Node("a", ("c",), ("t",), "a"),
    Node("add", ("c", "t"), ("u",)),
    Node("b", ("u",), ("v",), "b"),
    Node("clip2", ("v",), ("w",)),
    Node("head", ("w",), ("y",), "head"),
]


@pytest.mark.parametrize(
    ("kept", "wanted"),
    [
        ((), set()),
        (("a",), {"a", "add"}),
        (("stem",), {"stem", "clip", "add"}),
        (("b",), {"b", "clip2"}),
        (("head",), {"head"}),
        (("nobody",), set()),
        (("input of head",), {"head", "clip2", "b"}),
        (("input of b",), {"b", "clip2", "add", "a", "clip", "stem"}),  # the sum of both
        (("input of stem",), {"stem", "clip", "add"}),
    ],
)
def test_what_lies_between_a_kept_layer_and_the_next_goes_with_it(
    kept: tuple[str, ...], wanted: set[str]
) -> None:
    assert in_float(NODES, kept) == wanted


def test_layers_come_in_the_order_they_run(student: Student) -> None:
    names = list(layers(student, torch.zeros(1, 3, SIDE, SIDE)))
    assert names[0] == "backbone.0.conv"
    assert names[-2:] == ["heads.things", "heads.marks"]
    assert len(names) == len(student.convolutions()) + 2


def test_a_kernel_is_known_again_in_any_order_of_axes(student: Student) -> None:
    named = layers(student, torch.zeros(1, 3, SIDE, SIDE))
    known = prints(named)
    for name, layer in named.items():
        kernel = layer.weight.detach().numpy()
        assert layer_of(kernel.transpose(tuple(reversed(range(kernel.ndim)))), known) == name
        assert layer_of(kernel * 1.01, known) is None
