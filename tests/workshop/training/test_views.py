"""Views: the same for the same seed, and lit as lamps and skies light."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from msgspec.structs import replace  # noqa: E402

from edge.bundle import InputSpec  # noqa: E402
from quantize.training import batches as showing  # noqa: E402
from quantize.training.views import view  # noqa: E402
from tests.workshop.training.test_finetune import TINY, shelf  # noqa: E402

SPEC = InputSpec(height=32, width=32)
GREY = np.full((40, 40, 3), 90, np.uint8)


def casts(light: float) -> tuple[np.ndarray, np.ndarray]:
    """log(red / blue), and log(green) against both, of 2000 looks at a grey picture."""
    looks = [view(GREY, SPEC, np.random.default_rng(seed), light) for seed in range(2000)]
    red, green, blue = np.log([seen.mean((0, 1)) for seen in looks]).T
    return red - blue, green - (red + blue) / 2


def test_without_light_the_draws_are_those_they_were() -> None:
    """A number that was seen before there was light: runs of then can be made again."""
    ramp = np.arange(48 * 40 * 3).reshape(48, 40, 3) % 251
    draw = np.random.default_rng(5)
    for _ in range(40):
        view(ramp.astype(np.uint8), SPEC, draw)
    assert draw.random() == pytest.approx(0.3989988969699323)


def test_light_is_warm_or_cold_in_half_of_the_views() -> None:
    without, lit = casts(0.0), casts(0.4)
    warm = np.sqrt(np.var(lit[0]) - np.var(without[0]))
    green = np.sqrt(np.var(lit[1]) - np.var(without[1]))
    assert warm == pytest.approx(0.4 * np.sqrt(0.5), rel=0.1)
    assert green == pytest.approx(0.1 * np.sqrt(0.5), rel=0.2)
    assert np.mean(np.abs(lit[0]) > 4 * np.std(without[0])) < 0.5


def test_a_run_with_light_sees_its_pictures_in_it() -> None:
    plain, lit = (
        next(showing.batches(shelf(), replace(TINY, mixed=0.0, light=light))(0)).pixels
        for light in (0.0, 0.5)
    )
    assert not torch.equal(plain, lit)
