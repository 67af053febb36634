"""int8 acted out in torch: where it rounds, what it hurts, and learning to live with it."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from edge.bundle import InputSpec  # noqa: E402
from quantize.export import folded  # noqa: E402
from quantize.int8.fake import Grid, bare, faked, only, straight  # noqa: E402
from quantize.int8.layers import layers  # noqa: E402
from quantize.int8.qat import Tuning, follow, tuned  # noqa: E402
from quantize.int8.score import distances  # noqa: E402
from quantize.int8.sensitivity import sensitivity  # noqa: E402
from quantize.students import Student, normalise  # noqa: E402
from tests.workshop.int8 import breakages  # noqa: E402
from tests.workshop.int8 import tiny_student as tiny  # noqa: E402

KINDS = {"things": "softmax", "marks": "multilabel"}
SPEC = InputSpec(height=tiny.SIDE, width=tiny.SIDE)


@pytest.fixture(scope="module")
def pixels() -> torch.Tensor:
    return torch.from_numpy(tiny.drawn(64, 9)[0])


@pytest.fixture(scope="module")
def flat(student: Student) -> Student:
    return folded(student)


def test_a_grid_rounds_to_256_values_that_hold_zero_and_gradients_pass() -> None:
    grid = Grid(-1.0, 3.0)
    x = torch.linspace(-4, 6, 4001, requires_grad=True)
    out = grid.on_input(x)
    assert len(out.unique()) == 256
    assert 0.0 in out
    inside = (x > -1) & (x < 3)
    assert (out - x)[inside].abs().max() <= 4 / 255 / 2 + 1e-5
    out.sum().backward()
    assert torch.allclose(x.grad[inside], torch.ones(int(inside.sum())))
    assert (x.grad[(x < -1.1) | (x > 3.1)] == 0).all()
    assert grid.shares.grad is not None
    assert straight(torch.tensor(1.6)) == 2


@torch.no_grad()
def test_all_grids_off_is_the_float_student(flat: Student, pixels: torch.Tensor) -> None:
    x = normalise(pixels[:8])
    rough, grids = faked(flat, x)
    only(grids, ())
    for name, wanted in flat(x).items():
        assert torch.allclose(rough(x)[name], wanted, atol=1e-5), name
    only(grids, grids)
    assert not torch.allclose(rough(x)["things"], flat(x)["things"], atol=1e-5)


@torch.no_grad()
def test_a_copy_has_grids_of_its_own(flat: Student, pixels: torch.Tensor) -> None:
    x = normalise(pixels[:4])
    rough, grids = faked(flat, x)
    copied = copy.deepcopy(rough)
    before = copied(x)["things"]
    only(grids, ())
    for grid in grids.values():
        grid.high *= 0.01
    assert torch.equal(copied(x)["things"], before)


@torch.no_grad()
def test_bare_kernels_lie_on_the_grid_and_are_plain_again(
    flat: Student, pixels: torch.Tensor
) -> None:
    rough, _ = faked(flat, normalise(pixels[:4]))
    plain = bare(rough)
    assert set(plain.state_dict()) == set(flat.state_dict())
    for name, layer in layers(plain, normalise(pixels[:1])).items():
        assert torch.allclose(
            layer.weight, tiny.on_grid(flat.get_submodule(name).weight), atol=1e-6
        )


def test_the_layers_that_read_a_wide_tensor_hurt_most(flat: Student, pixels: torch.Tensor) -> None:
    healthy = {h.unit: h.sqnr_db for h in sensitivity(flat, pixels, KINDS)}
    hurts = sensitivity(breakages.wide(flat, 1000.0), pixels, KINDS)
    assert hurts == sorted(hurts, key=lambda h: h.sqnr_db)
    assert {h.unit for h in hurts[:2]} == {f"input of {name}" for name in breakages.READERS}
    assert all(h.sqnr_db < healthy[h.unit] - 15 for h in hurts[:2])
    assert {h.unit for h in hurts} == set(healthy)
    assert len(healthy) == 2 * len({h.layer for h in hurts})


def test_a_bias_beyond_int32_hurts_where_it_is(flat: Student, pixels: torch.Tensor) -> None:
    worst = sensitivity(breakages.overflowing(flat), pixels, KINDS)[0]
    assert (worst.layer, worst.part) == (breakages.LAST, "kernel")
    assert worst.sqnr_db < 20


def test_pixels_lie_on_the_grid_of_the_first_layer(flat: Student, pixels: torch.Tensor) -> None:
    hurts = {h.unit: h.sqnr_db for h in sensitivity(flat, pixels, KINDS)}
    assert hurts["input of backbone.0.conv"] > 90


def test_following_costs_nothing_at_the_float_student_and_more_away_from_it() -> None:
    draw = torch.Generator().manual_seed(0)
    exact = {name: torch.randn(6, size, generator=draw) for name, size in
             {"embedding": 8, "things": 5, "marks": 4}.items()}  # fmt: skip
    assert follow(exact, exact, KINDS).abs() < 1e-6
    off = {name: value + 0.3 * torch.randn(value.shape, generator=draw)
           for name, value in exact.items()}  # fmt: skip
    p, q = exact["things"].softmax(1), off["things"].softmax(1)
    by_hand = (p * (p / q).log()).sum(1).mean()
    p, q = exact["marks"].sigmoid(), off["marks"].sigmoid()
    both = p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()
    by_hand += both.sum(1).mean()
    by_hand += (off["embedding"] - exact["embedding"]).square().mean() / exact["embedding"].var()
    assert torch.isclose(follow(off, exact, KINDS), by_hand, rtol=1e-4)


@pytest.mark.slow
def test_tuning_brings_a_spoiled_student_nearer_to_float(
    flat: Student, tmp_path: Path, pixels: torch.Tensor
) -> None:
    worse = breakages.wide(flat, 200.0)
    pictures, how = tiny.drawn(256, 10)[0], Tuning(steps=100, lr=2e-4, batch=16)
    better = tuned(worse, list(pictures), SPEC, KINDS, how, tmp_path)
    x = normalise(pixels)
    before, after = faked(worse, x, "squared"), faked(better.student, x, "squared")
    for name, grid in after[1].items():
        grid.span(*better.ranges[name])
    with torch.no_grad():
        exact, *found = ({n: o.numpy() for n, o in one(x).items()}
                         for one in (worse, before[0], after[0]))  # fmt: skip
    was, became = (min(d.sqnr_db for d in distances(exact, rough, KINDS).values())
                   for rough in found)  # fmt: skip
    assert became > was + 5
    again = tuned(
        worse, list(pictures), SPEC, KINDS, how, tmp_path
    )  # from its checkpoint, with nothing to do
    for key, value in better.student.state_dict().items():
        assert torch.equal(again.student.state_dict()[key], value), key
    assert again.ranges == better.ranges
