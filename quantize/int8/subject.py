"""What the back ends quantise, by which ranges, and what of it stays in float."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set

import msgspec

from quantize.export.deployed import Deployed
from quantize.int8.layers import Node, in_float
from quantize.int8.ranges import METHODS, Range, Tally, spans
from quantize.students import Network

LEARNED = "learned"  # the method that only a tuned student has


class Subject(msgspec.Struct, frozen=True, eq=False):
    """A network, three times told."""

    rounded: Deployed  # folded, weights on the grid
    exact: Network  # folded, off the grid: for layers that stay in float
    learned: Mapping[str, Range] = {}  # layer -> the ends of what it reads, where it was tuned

    @property
    def methods(self) -> tuple[str, ...]:
        return (*METHODS, LEARNED) if self.learned else tuple(METHODS)

    def in_float(self, nodes: Sequence[Node], kept: Set[str]) -> set[str]:
        """`layers.in_float` of `kept` and of what this network never has in int8."""
        return in_float(nodes, {*kept, *self.exact.precise})

    def ranges(
        self, method: str, seen: Mapping[str, Tally], whole: Iterable[str], nodes: Sequence[Node]
    ) -> dict[str, Range]:
        """Tensor -> range by `method`, the widest for the tensors `whole`.

        Learned ends are those of what a layer reads, inside what was seen: beyond, an activation
        that the range stands in for would not cut.
        """
        found = spans(seen, "widest" if method == LEARNED else method, whole)
        for node in nodes if method == LEARNED else ():
            ends = self.learned.get(node.layer or "")
            if ends is not None and node.inputs[0] in seen:
                tally, (low, high) = seen[node.inputs[0]], ends
                found[node.inputs[0]] = max(low, min(tally.low, 0)), min(high, max(tally.high, 0))
        return found
