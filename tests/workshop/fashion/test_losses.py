"""F10: the five losses equal sums by hand, on one process without a process group."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from quantize.fashion import losses  # noqa: E402

B, Q, D = 3, 4, 5


def unit(count: int, seed: int):
    rows = torch.randn(count, D, generator=torch.Generator().manual_seed(seed))
    return rows / rows.norm(dim=1, keepdim=True)


def test_contrastive_equals_a_sum_by_hand():
    """F10: queues, momentum targets with alpha 0.4, several right ones a product."""
    image, text, slow_image, slow_text = (unit(B, seed) for seed in range(4))
    all_texts = torch.cat([slow_text, unit(Q, 5)])
    all_images = torch.cat([slow_image, unit(Q, 6)])
    right = losses.same_product(torch.tensor([7, 8, 9]), torch.tensor([9, 1, 7, 7]))
    got = losses.contrastive(
        image, text, all_texts, all_images, slow_image, slow_text, right,
        temperature=torch.tensor(0.07), alpha=0.4,
    )  # fmt: skip
    total = 0.0
    for fast, slow, others in ((image, slow_image, all_texts), (text, slow_text, all_images)):
        for i in range(B):
            ours = [float(fast[i] @ o) / 0.07 for o in others]
            theirs = [float(slow[i] @ o) / 0.07 for o in others]
            for j in range(B + Q):
                belief = math.exp(theirs[j]) / sum(map(math.exp, theirs))
                target = 0.4 * belief + 0.6 * float(right[i, j]) / float(right[i].sum())
                total -= target * (ours[j] - math.log(sum(map(math.exp, ours)))) / B
    assert float(got) == pytest.approx(total / 2, rel=1e-4)


def test_every_entry_of_the_same_product_is_right():
    """F10"""
    right = losses.same_product(torch.tensor([7, 8, 7]), torch.tensor([9, 7]))
    assert right.tolist() == [[1, 0, 1, 0, 1], [0, 1, 0, 0, 0], [1, 0, 1, 0, 1]]


def test_a_hard_negative_is_never_the_pair_itself_and_likelier_if_alike():
    """F10"""
    scores = torch.tensor([[9.0, 3.0, 0.0], [0.0, 9.0, 5.0], [1.0, 1.0, 9.0]])
    draw = torch.Generator().manual_seed(0)
    found = torch.stack([losses.hard_negatives(scores, draw) for _ in range(200)])
    assert not (found == torch.arange(3)).any()
    assert (found[:, 0] == 1).float().mean() > 0.85
    assert 0.3 < (found[:, 2] == 0).float().mean() < 0.7


def test_matching_is_the_mean_over_one_right_and_two_wrong():
    """F10"""
    right, wrong = torch.tensor([[0.0, 2.0]]), torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    parts = [math.log(1 + math.exp(-2)), math.log(1 + math.exp(-1)), math.log(2)]
    assert float(losses.matching(right, wrong)) == pytest.approx(sum(parts) / 3, rel=1e-5)


def test_symbol_likeness_runs_from_0_to_1():
    """F10"""
    rows = unit(B, 1)
    assert float(losses.symbol_likeness(rows, rows)) == pytest.approx(0, abs=1e-6)
    assert float(losses.symbol_likeness(rows, -rows)) == pytest.approx(1, abs=1e-6)
    mixed = torch.cat([rows[:1], -rows[1:2]])
    assert float(losses.symbol_likeness(mixed, rows[:2])) == pytest.approx(0.5, abs=1e-6)


def test_hidden_words_count_where_something_was_hidden_alone():
    """F10"""
    logits = torch.tensor([[[1.0, 0.0], [5.0, 0.0], [0.0, 3.0]]])
    labels = torch.tensor([[0, losses.IGNORED, 0]])
    wanted = (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(3))) / 2
    assert float(losses.hidden_words(logits, labels)) == pytest.approx(wanted, rel=1e-5)


def test_replaced_counts_padding_as_not_replaced():
    """F10"""
    logits = torch.tensor([[[0.0, 1.0], [2.0, 0.0]]])
    wanted = (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(-2))) / 2
    got = losses.replaced(logits, torch.tensor([[1, 0]]))
    assert float(got) == pytest.approx(wanted, rel=1e-5)


def test_the_momentum_twin_follows():
    """F10"""
    slow, fast = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    wanted = 0.995 * slow.weight + 0.005 * fast.weight
    losses.follow(slow, fast)
    assert torch.allclose(slow.weight, wanted)
    assert float(losses.clamped(torch.tensor(0.9))) == 0.5
