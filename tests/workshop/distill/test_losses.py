"""R17: every loss against numbers worked out by hand, its gradient against small steps."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from quantize.training import losses  # noqa: E402

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
numbers = st.floats(-40, 40, width=32)
FEATURES: list[Loss] = [
    losses.softmax_kl,
    losses.feature_kl,
    losses.feature_l1,
    losses.feature_cosine,
]
OF_TAGS: list[Loss] = [losses.bce_to_soft, losses.asymmetric]


def logit(p: float) -> float:
    return math.log(p / (1 - p))


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.double)


def test_bce_by_hand() -> None:
    """R17. Two pictures of two tags: the sum over tags, the mean over pictures."""
    logits = torch.tensor([[logit(0.8), logit(0.5)], [logit(0.1), logit(0.4)]])
    wanted = torch.tensor([[1.0, 0.25], [0.0, 0.5]])
    first = -math.log(0.8) - math.log(0.5)
    second = -math.log(0.9) - 0.5 * math.log(0.4) - 0.5 * math.log(0.6)
    assert losses.bce_to_soft(logits, wanted).item() == pytest.approx((first + second) / 2)


def test_asymmetric_by_hand() -> None:
    """R17, with RAM's 7 / 0 / 0.05: summed over everything."""
    logits = torch.tensor([[logit(0.8), logit(0.55)], [logit(0.04), logit(0.95)]])
    labels = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    there = -math.log(0.8) - math.log(0.95)  # gamma 0: plain logarithms
    absent = -(0.5**7) * math.log(0.5)  # 0.55 - 0.05; and 0.04 is below the clip: nothing
    assert losses.asymmetric(logits, labels).item() == pytest.approx(there + absent)


def test_asymmetric_with_other_gammas_by_hand() -> None:
    logits = torch.tensor([[logit(0.8), logit(0.3)]])
    labels = torch.tensor([[1.0, 0.0]])
    wanted = -(0.2**2) * math.log(0.8) - 0.3**4 * math.log(0.7)
    assert losses.asymmetric(logits, labels, 4, 2, 0).item() == pytest.approx(wanted)


def test_asymmetric_without_powers_and_clip_is_cross_entropy() -> None:
    logits, labels = drawn(3, 5), (drawn(3, 5, seed=1) > 0).double()
    plain = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels, reduction="sum")
    assert torch.allclose(losses.asymmetric(logits, labels, 0, 0, 0), plain)


def test_asymmetric_gradient_by_hand() -> None:
    """The power is a constant: d/dx of -q^7 log(1 - q) is q^7 p (1 - p) / (1 - q)."""
    x = torch.tensor([[logit(0.55), logit(0.8)]], dtype=torch.double, requires_grad=True)
    losses.asymmetric(x, torch.tensor([[0.0, 1.0]])).backward()
    absent, there = 0.5**7 * 0.55 * 0.45 / 0.5, -0.2
    assert x.grad is not None
    assert x.grad.tolist()[0] == pytest.approx([absent, there], rel=1e-6)


def test_softmax_kl_by_hand() -> None:
    """R17. Teacher 3:1, student 1:1; at temperature 2 the teacher is sqrt(3):1."""
    student, teacher = torch.zeros(1, 2), torch.tensor([[math.log(3), 0.0]])
    wanted = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    assert losses.softmax_kl(student, teacher).item() == pytest.approx(wanted)
    p = math.sqrt(3) / (math.sqrt(3) + 1)
    softer = 4 * (p * math.log(2 * p) + (1 - p) * math.log(2 * (1 - p)))
    assert losses.softmax_kl(student, teacher, 2).item() == pytest.approx(softer)


def test_features_by_hand() -> None:
    """R17. L1 is a mean over all, cosine over pictures, KL over pictures of softmaxed features."""
    student = torch.tensor([[1.0, 0.0], [3.0, 4.0]])
    teacher = torch.tensor([[0.0, 2.0], [3.0, 4.0]])
    assert losses.feature_l1(student, teacher).item() == pytest.approx(3 / 4)
    assert losses.feature_cosine(student, teacher).item() == pytest.approx(0.5)  # 1 - (0 + 1) / 2
    e, g = math.e, math.e**2
    p, s = (1 / (1 + g), g / (1 + g)), (e / (e + 1), 1 / (e + 1))
    apart = sum(a * math.log(a / b) for a, b in zip(p, s))
    assert losses.feature_kl(student, teacher).item() == pytest.approx(apart / 2, rel=1e-5)


@pytest.mark.parametrize("loss", FEATURES)
def test_gradient_of_both_sides_is_right(loss: Loss) -> None:
    """R17. No stop-gradient: AD-Net lets both crops learn."""
    student, teacher = drawn(3, 4).requires_grad_(), drawn(3, 4, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(loss, (student, teacher))


def test_gradient_of_bce_is_right() -> None:
    student, teacher = drawn(3, 4).requires_grad_(), drawn(3, 4, seed=1).sigmoid()
    assert torch.autograd.gradcheck(losses.bce_to_soft, (student, teacher))


def test_gradient_of_asymmetric_is_right() -> None:
    """With gamma 0 the powers are constants for the small steps too; both sides of the clip."""
    labels = (drawn(3, 4, seed=1) > 0).double()
    x = (3 * drawn(3, 4)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: losses.asymmetric(x, labels, 0, 0, 0.05), (x,))


@pytest.mark.parametrize("loss", [*FEATURES, *OF_TAGS])
@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float32])
def test_far_away_logits_stay_finite(loss: Loss, kind: torch.dtype) -> None:
    """Also in half precision, where exp(12) is too much already."""
    student = torch.tensor([[1e4, -1e4, 0.0], [-1e4, 1e4, 5.0]], dtype=kind, requires_grad=True)
    teacher = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0]], dtype=kind)
    value = loss(student, teacher)
    value.backward()
    assert value.dtype == torch.float32
    assert torch.isfinite(value)
    assert student.grad is not None
    assert torch.isfinite(student.grad).all()


@pytest.mark.parametrize("loss", [*FEATURES, *OF_TAGS])
def test_half_precision_is_close_to_double(loss: Loss) -> None:
    student, labels = drawn(4, 600), (drawn(4, 600, seed=1) > 1).double()
    wanted = loss(student.bfloat16().double(), labels).item()
    assert loss(student.bfloat16(), labels.bfloat16()).item() == pytest.approx(wanted, rel=1e-5)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=12))
def test_no_loss_is_below_its_least(pairs: list[tuple[float, float]]) -> None:
    student = torch.tensor([[a for a, _ in pairs]], dtype=torch.double)
    teacher = torch.tensor([[b for _, b in pairs]], dtype=torch.double)
    for loss in FEATURES:
        assert loss(student, teacher).item() >= -1e-12
    for loss in FEATURES[:3]:
        assert loss(teacher, teacher).item() == pytest.approx(0, abs=1e-9)
    soft = teacher.sigmoid()
    least = losses.bce_to_soft(teacher, soft).item()
    assert losses.bce_to_soft(student, soft).item() >= least - 1e-9
    assert losses.asymmetric(student, (teacher > 0).double()).item() >= 0


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 5), st.integers(1, 4), st.integers(0, 99))
def test_pictures_count_alike(tags: int, copies: int, seed: int) -> None:
    """The same pictures again: means stay, the asymmetric sum grows with their number."""
    student, teacher = drawn(3, tags, seed=seed), drawn(3, tags, seed=seed + 100)
    again = student.repeat(copies, 1), teacher.repeat(copies, 1)
    for loss in FEATURES:
        assert loss(*again).item() == pytest.approx(loss(student, teacher).item(), abs=1e-9)
    labels = (teacher > 0).double()
    once = losses.asymmetric(student, labels).item()
    many = losses.asymmetric(again[0], labels.repeat(copies, 1)).item()
    assert many == pytest.approx(copies * once, abs=1e-9)


def test_moving_every_logit_alike_changes_no_softmax() -> None:
    student, teacher = drawn(3, 4), drawn(3, 4, seed=1)
    for loss in (losses.softmax_kl, losses.feature_kl):
        assert torch.allclose(loss(student + 5, teacher - 2), loss(student, teacher))


@pytest.mark.parametrize("loss", [*FEATURES, *OF_TAGS])
def test_shapes_that_would_broadcast_are_refused(loss: Loss) -> None:
    for student, teacher in ((drawn(3, 4), drawn(3, 1)), (drawn(4), drawn(4))):
        with pytest.raises(ValueError, match="expected the same two sizes"):
            loss(student, teacher)


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan, math.inf])
def test_a_temperature_that_is_none_is_refused(temperature: float) -> None:
    with pytest.raises(ValueError, match="expected a positive number"):
        losses.softmax_kl(drawn(1, 2), drawn(1, 2), temperature)
