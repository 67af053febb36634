"""A head in closed form: against plain arithmetic, and where a head learned the wrong thing."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from quantize.training.discriminant import discriminant, refit  # noqa: E402

MEANS = np.array([[2.0, 0.0, 1.0], [-1.0, 1.0, 0.5], [0.0, -2.0, 3.0]])  # the last is "none"
SPREAD = np.array([[1.0, 0.8, 0.0], [0.8, 2.0, 0.3], [0.0, 0.3, 0.5]])  # within each


def drawn(each: int = 40_000) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(3)
    own = [draw.multivariate_normal(mean, SPREAD, each) for mean in MEANS[:2]]
    none = draw.multivariate_normal(MEANS[2], SPREAD, 4 * each)
    labels = np.repeat([0, 1, 2], [each, each, 4 * each])
    return np.concatenate([*own, none]).astype(np.float32), labels


def test_logits_differ_by_the_logarithm_of_how_much_likelier_a_class_is() -> None:
    weights, bias = discriminant(*drawn(), 3)
    asked = np.array([[0.3, 0.2, 0.9], [1.5, -1.0, 2.0], [-2.0, 0.0, 0.0]])
    away = asked[:, None] - MEANS  # (3, K, D)
    # log of a normal density, but for what all classes have
    expected = -0.5 * np.einsum("nkd,de,nke->nk", away, np.linalg.inv(SPREAD), away)
    found = asked @ weights.T + bias
    for told in (found, expected):
        told -= told[:, :1]
    assert found == pytest.approx(expected, abs=0.15)  # of means that were drawn, up to 8


def test_a_head_that_learned_light_sees_through_it_afterwards() -> None:
    """The first number is the thing, the second how bright it was: large, and no part of it."""
    draw = np.random.default_rng(5)

    def seen(count: int, light: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
        labels = draw.integers(0, 2, count)
        thing = np.where(labels == 1, 1.0, -1.0) + draw.normal(0, 0.3, count)
        bright = np.array(light)[labels] + draw.normal(0, 3.0, count)
        return np.stack([thing, bright], 1).astype(np.float32), labels

    train, labels = seen(2000, (-2.0, 2.0))  # in the pictures learned from, light told something
    other, wanted = seen(2000, (2.0, -2.0))
    head = torch.nn.Linear(2, 3)
    with torch.no_grad():
        head.weight[:] = torch.tensor([[-1.0, -1.0], [1.0, 1.0], [0.0, 0.0]])
        head.bias[:] = torch.tensor([0.0, 0.0, -9.0])

    def right() -> float:
        return float((head(torch.from_numpy(other))[:, :2].argmax(1).numpy() == wanted).mean())

    before = right()
    refit(head, train, labels, 1.0)
    assert before < 0.5
    assert right() > 0.95


def test_no_share_leaves_a_head_as_it_is_and_a_class_without_pictures_keeps_its_row() -> None:
    features, labels = drawn(400)
    head = torch.nn.Linear(3, 3)
    before = head.weight.detach().clone(), head.bias.detach().clone()
    refit(head, features, labels, 0.0)
    assert torch.allclose(head.weight, before[0])
    assert torch.allclose(head.bias, before[1])
    known = labels != 1
    refit(head, features[known], labels[known], 0.5)
    assert torch.allclose(head.weight[1], before[0][1])
    assert torch.allclose(head.bias[1], before[1][1])
    assert not torch.allclose(head.weight[0], before[0][0])


def test_what_comes_in_is_as_sure_as_what_was_there() -> None:
    features, labels = drawn(400)
    head = torch.nn.Linear(3, 3)
    own = torch.from_numpy(features[labels < 2])
    before = head(own).softmax(1).amax(1).mean().item()
    refit(head, features, labels, 1.0)
    assert head(own).softmax(1).amax(1).mean().item() == pytest.approx(before, abs=2e-3)
