"""A3 and the geometry of A1: which pixels a run learns from, and which it is judged on."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

import cv2  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from quantize.lowdata.batches import TrainingSet, batch_at, picked  # noqa: E402
from quantize.lowdata.settings import RunSettings  # noqa: E402
from quantize.lowdata.views import (  # noqa: E402
    STRONG,
    WEAK,
    Preprocessing,
    crop_view,
    evaluation_view,
    lit,
    main_view,
    middle,
    window,
)

U8 = NDArray[np.uint8]


def picture(height: int, width: int, seed: int = 0) -> U8:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def triangles(before: int, after: int) -> NDArray[np.float64]:
    """(after, before): antialiased bilinear weights in 2^22 fixed point, from Pillow's manual."""
    scale = before / after
    reach = max(scale, 1.0)
    rows = np.zeros((after, before))
    for i in range(after):
        centre = (i + 0.5) * scale
        first, last = max(0, int(centre - reach + 0.5)), min(before, int(centre + reach + 0.5))
        for old in range(first, last):
            rows[i, old] = max(0.0, 1 - abs((old - centre + 0.5) / reach))
        rows[i] = np.floor(rows[i] / rows[i].sum() * 2**22 + 0.5)
    return rows


def along(rgb: U8, axis: int, side: int) -> U8:
    """One direction, rounded as it is before the other one."""
    sums = np.tensordot(triangles(rgb.shape[axis], side), rgb, (1, axis))
    return np.asarray(np.clip((np.moveaxis(sums, 0, axis) + 2**21) // 2**22, 0, 255), np.uint8)


@pytest.mark.parametrize(("height", "width"), [(300, 380), (333, 301), (60, 87)])
@pytest.mark.parametrize("of_method", [True, False])
def test_a3_published_weights_see_what_the_published_recipe_shows(
    height: int, width: int, of_method: bool
) -> None:
    rgb = picture(height, width)
    part = rgb
    if of_method:
        part = rgb[int(0.05 * height) : int(0.95 * height), int(0.05 * width) : int(0.95 * width)]
    got = evaluation_view(rgb, Preprocessing(224, 0.9 if of_method else 1.0, "bilinear"))
    # which direction comes first depends on the picture's shape and on Pillow's version
    orders = [along(along(part, first, 256), 1 - first, 256)[16:240, 16:240] for first in (0, 1)]
    # 1e-4: where a weight sits on the edge of two fixed-point numbers
    assert min((got != wanted).mean() for wanted in orders) < 1e-4
    assert all(np.abs(got.astype(int) - wanted).max() <= 1 for wanted in orders)


@pytest.mark.parametrize(("side", "squashed", "at"), [(224, 256, 16), (128, 146, 9), (96, 109, 6)])
def test_a3_our_own_runs_see_the_same_part_resized_as_devices_do(
    side: int, squashed: int, at: int
) -> None:
    rgb = picture(401, 503)
    part = rgb[20:380, 25:477]
    whole = cv2.resize(part, (squashed, squashed), interpolation=cv2.INTER_AREA)
    got = evaluation_view(rgb, Preprocessing(side, 0.9))
    assert np.array_equal(got, whole[at : at + side, at : at + side])
    assert not np.array_equal(got, evaluation_view(rgb, Preprocessing(side)))


def test_the_middle_of_a_picture_is_cut_as_published_at_every_size() -> None:
    for length in range(1, 2000):
        kept = middle(np.zeros((length, 1, 3), np.uint8), 0.9)
        below = int(length * 0.95)
        assert kept.shape[0] == max(1, below - int(length * 0.05)), length


@pytest.mark.parametrize("sizes", [STRONG, WEAK])
def test_a1_crops_have_the_published_sizes_and_lie_anywhere(sizes: tuple[float, float]) -> None:
    draw = np.random.default_rng(0)
    parts = [window(1000, 2000, sizes, draw) for _ in range(1000)]
    heights = np.array([part.y1 - part.y0 for part in parts]) / 1000
    widths = np.array([part.x1 - part.x0 for part in parts]) / 2000
    low, high = sizes
    for shares in (heights, widths):
        assert shares.min() >= low
        assert shares.max() <= high
        assert np.ptp(shares) > 0.95 * (high - low)
        assert abs(shares.mean() - (low + high) / 2) < 0.05 * (high - low)
    assert np.abs(heights - widths).max() <= 1 / 1000  # the picture's own proportions
    assert min(part.x0 for part in parts) < 20
    assert max(part.x1 for part in parts) > 1980
    assert all(p.x0 >= 0 and p.x1 <= 2000 and p.y0 >= 0 and p.y1 <= 1000 for p in parts)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 300), (300, 2)])
def test_the_smallest_pictures_have_views(height: int, width: int) -> None:
    draw, rgb = np.random.default_rng(0), picture(height, width)
    for _ in range(20):
        assert crop_view(middle(rgb, 0.9), 32, STRONG, draw).shape == (32, 32, 3)
        assert main_view(middle(rgb, 0.9), 32, draw).shape == (32, 32, 3)


def test_the_colour_policy_keeps_means_and_bounds() -> None:
    grey = np.full((8, 8, 3), 100, np.uint8)
    draw = np.random.default_rng(0)
    levels = np.array([lit(grey, draw)[0, 0] for _ in range(400)]).astype(float)
    assert np.all(levels == levels[:, :1])  # grey stays grey: contrast and saturation do nothing
    assert levels.min() >= 60
    assert levels.max() <= 140
    assert levels.min() < 64
    assert levels.max() > 136
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 200
    lit_red = np.array([lit(red, draw)[0, 0] for _ in range(200)])
    assert lit_red[:, 1].max() > 10  # less saturated


def settings(method: str, seed: int = 0) -> RunSettings:
    return RunSettings(method, "10", steps=8, side=32, batch=4, seed=seed)  # type: ignore[arg-type]


def pool(count: int = 6) -> TrainingSet:
    return TrainingSet([picture(40, 50, i) for i in range(count)], np.arange(count))


def test_a1_a_batch_has_three_views_and_vanilla_has_the_very_same_main_one() -> None:
    double, single = (batch_at(pool(), settings(m), 3) for m in ("double_crop", "single_crop"))
    whole = RunSettings("vanilla", "10", steps=8, side=32, batch=4, middle=0.9)
    plain = batch_at(pool(), whole, 3)
    assert [len(b.crops) for b in (plain, single, double)] == [0, 1, 2]
    assert all(view.shape == (4, 32, 32, 3) for view in (double.main, *double.crops))
    assert torch.equal(plain.main, double.main)
    assert torch.equal(plain.labels, double.labels)
    assert not torch.equal(double.crops[0], double.crops[1])


def test_a_batch_depends_on_its_seed_and_step_alone() -> None:
    of = settings("double_crop")
    again, other = batch_at(pool(), of, 3), batch_at(pool(), settings("double_crop", 1), 3)
    assert torch.equal(batch_at(pool(), of, 3).crops[0], again.crops[0])
    assert not torch.equal(again.main, other.main)
    assert not torch.equal(again.main, batch_at(pool(), of, 4).main)


def test_every_picture_is_shown_once_a_round_also_when_a_round_ends_within_a_batch() -> None:
    shown_so_far = np.concatenate([picked(6, 4, 0, step) for step in range(6)])
    assert all(sorted(shown_so_far[i : i + 6]) == list(range(6)) for i in range(0, 24, 6))
    assert sorted(set(picked(3, 8, 0, 0))) == [0, 1, 2]  # fewer pictures than a batch
