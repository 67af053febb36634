"""A tag's group, taught too: a lime taken for a lemon is nearer than one taken for milk.

The probability of a group is the sum of its tags', so that a head needs no second output; "none" is
a group of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np
import torch
from torch import Tensor

from quantize.pictures import TagList, groups_of


class Groups(msgspec.Struct, frozen=True, eq=False):
    """Which tags of a head are one group, and what that counts beside the tags themselves."""

    of: dict[str, Tensor]  # as `groups_by_head` gives it
    weight: float


NO_GROUPS = Groups({}, 0.0)


def groups_by_head(lists: Mapping[str, TagList]) -> dict[str, Tensor]:
    """Head -> (T + 1,) the group of each tag and of "none", for `group_loss`.

    A head without groups is left out: each tag would count twice.
    """
    numbers = {
        head: groups_of(known.tags, known.groups)
        for head, known in lists.items()
        if any(known.groups)
    }
    return {head: torch.from_numpy(np.append(n, n.max() + 1)) for head, n in numbers.items()}


def group_loss(logits: Tensor, wanted: Tensor, group: Tensor) -> Tensor:
    """Cross-entropy of the groups, averaged over pictures.

    logits   (N, T + 1)
    wanted   (N, T + 1) target of each tag times what the picture counts for; smoothed, mixed or a
             teacher's, too: a group's is the sum of its tags'
    group    (T + 1,) as `groups_by_head` numbers them
    """
    count, here = int(group.max()) + 1, group.to(logits.device)
    logs = _logs_of_sums(logits.float().log_softmax(1), here, count)
    return -(_sums(wanted, here, count) * logs).sum(1).mean()


def _sums(values: Tensor, group: Tensor, count: int) -> Tensor:
    """(N, T + 1) -> (N, count)"""
    return values.new_zeros(len(values), count).index_add(1, group, values)


def _logs_of_sums(logs: Tensor, group: Tensor, count: int) -> Tensor:
    """(N, T + 1) logarithms -> (N, count) those of each group's sum: logsumexp, group by group.

    Relative to the largest of a group, since exp(-200) is 0 in single precision and has no
    logarithm.
    """
    with torch.no_grad():
        most = logs.new_full((len(logs), count), -torch.inf)
        most = most.scatter_reduce(1, group.expand_as(logs), logs, "amax")
    return _sums((logs - most[:, group]).exp(), group, count).log() + most
