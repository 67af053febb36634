"""The loss of groups, against probabilities added up one by one."""

from __future__ import annotations

from functools import partial
from math import exp, log

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from quantize.pictures import TagList  # noqa: E402
from quantize.training import batches as showing  # noqa: E402
from quantize.training.batches import Batch  # noqa: E402
from quantize.training.groups import Groups, group_loss, groups_by_head  # noqa: E402
from quantize.training.objective import loss_of, taught  # noqa: E402
from tests.workshop.training.test_finetune import LISTS, TINY, shelf, student  # noqa: E402

FRUIT = TagList(("gala", "pink", "lime"), ("apple", "apple", None))
GROUPS = groups_by_head({"fruit": FRUIT, "fish": LISTS["fish"]})
LOGITS = [[1.0, -2.0, 0.5, 3.0], [0.0, 4.0, -1.0, 2.0]]  # gala, pink, lime, none
WANTED = [[0.6, 0.1, 0.2, 0.1], [0.0, 0.0, 0.1, 0.2]]  # the second counts for less


def by_hand(logits: list[list[float]], wanted: list[list[float]]) -> float:
    """Of apples, limes and none, without a tensor."""
    losses = []
    for row, target in zip(logits, wanted):
        gala, pink, lime, none = (exp(x) / sum(map(exp, row)) for x in row)
        said = {"apple": gala + pink, "lime": lime, "none": none}
        due = {"apple": target[0] + target[1], "lime": target[2], "none": target[3]}
        losses.append(-sum(due[name] * log(said[name]) for name in said))
    return sum(losses) / len(losses)


def test_the_loss_of_groups_is_that_of_summed_probabilities() -> None:
    loss = group_loss(torch.tensor(LOGITS), torch.tensor(WANTED), GROUPS["fruit"])
    assert loss.item() == pytest.approx(by_hand(LOGITS, WANTED), rel=1e-5)


def test_its_gradient_is_that_of_summed_probabilities() -> None:
    logits = torch.tensor(LOGITS, dtype=torch.float64, requires_grad=True)
    wanted = torch.tensor(WANTED, dtype=torch.float64)
    group_loss(logits.float(), wanted.float(), GROUPS["fruit"]).backward()
    for i, j in np.ndindex(2, 4):
        more, less = ([list(row) for row in LOGITS] for _ in range(2))
        more[i][j], less[i][j] = more[i][j] + 1e-4, less[i][j] - 1e-4
        slope = (by_hand(more, WANTED) - by_hand(less, WANTED)) / 2e-4
        assert logits.grad[i, j].item() == pytest.approx(slope, abs=1e-5)


def test_a_group_that_is_as_good_as_impossible_has_a_finite_loss() -> None:
    """exp(-300) is 0 in single precision."""
    logits = torch.tensor([[-300.0, -301.0, 0.0, 0.0]], requires_grad=True)
    loss = group_loss(logits, torch.tensor([[1.0, 0.0, 0.0, 0.0]]), GROUPS["fruit"])
    loss.backward()
    assert loss.item() == pytest.approx(300 + log(2) - log(1 + exp(-1)), rel=1e-6)
    assert torch.isfinite(logits.grad).all()


def test_a_head_without_groups_is_taught_its_tags_alone() -> None:
    assert set(GROUPS) == {"fruit"}
    assert GROUPS["fruit"].tolist() == [0, 0, 1, 2]


def test_groups_count_as_much_as_they_are_told_to() -> None:
    batch = Batch(torch.zeros(1), {"fruit": torch.tensor(WANTED)}, None, torch.ones(2, 1))
    outputs = {"embedding": torch.zeros(1), "fruit": torch.tensor(LOGITS)}
    of = [loss_of(outputs, batch, 0.5, groups=Groups(GROUPS, w)).item() for w in (0.0, 1.0, 0.3)]
    assert of[0] == loss_of(outputs, batch, 0.5).item()
    assert of[1] == pytest.approx(of[0] + by_hand(LOGITS, WANTED), rel=1e-5)
    assert of[2] == pytest.approx(of[0] + 0.3 * by_hand(LOGITS, WANTED), rel=1e-5)


def test_a_student_is_taught_groups() -> None:
    seen = next(showing.batches(shelf(), TINY)(0))
    groups = partial(Groups, groups_by_head(LISTS))
    torch.manual_seed(0)
    mine = student().eval()
    none, some = (taught(mine, seen, 0.5, groups=groups(w)).item() for w in (0.0, 2.0))
    assert none == taught(mine, seen, 0.5).item()
    assert some > none
