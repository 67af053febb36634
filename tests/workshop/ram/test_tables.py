"""R3: position tables resized as SciPy's interp2d did, before SciPy 1.14 removed it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from quantize.ram.checkpoint import load  # noqa: E402
from quantize.ram.tables import points, resized, spline  # noqa: E402
from tests.workshop.ram.reference import answers  # noqa: E402
from tests.workshop.ram.synthetic import Plan, pictures, random_state, write  # noqa: E402

# Recorded once with scipy 1.13.1 and numpy 1.26.4: interp2d(x, x, z, kind="cubic") of `wavy`, the
# published loaders' x; (old side, new side, head) -> values at POINTS of the flat table, sum of
# sizes, sum of value x position.
RECORDED = {
    (13, 23, 0): (
        [0.000018, 0.789587, 0.119159, -0.536573, 0.626539, -1.20832, -0.905582],
        358.4732,
        30566.256,
    ),
    (13, 23, 1): (
        [0.941492, 1.360955, 1.30119, 0.520167, -0.494966, -0.219728, -0.032354],
        346.4402,
        19613.479,
    ),
    (23, 13, 0): (
        [-0.742471, -0.579188, -0.814594, -0.008851, 1.061238, 1.052561, 0.757425],
        111.2354,
        2820.806,
    ),
    (23, 13, 1): (
        [-0.835138, 0.339397, -0.289513, -0.74622, 0.982978, 1.166803, -0.035913],
        112.0832,
        3189.382,
    ),
    (11, 13, 0): (
        [0.000019, 1.188063, 0.540312, -0.544021, 1.184401, 0.3213, 0.912947],
        111.2989,
        2811.341,
    ),
    (5, 23, 1): (
        [0.941471, 0.941471, 0.941471, -0.858924, 1.16792, 0.512118, 0.512118],
        319.4151,
        44644.751,
    ),
}


def wavy(side: int, head: int) -> np.ndarray:
    """(side * side,) float32 without symmetry: a transposed result would show."""
    i, j = np.mgrid[:side, :side]
    values = np.sin(0.7 * i + 1.3 * j + head) + 0.1 * ((7 * i + 3 * j + head) % 5)
    return values.astype(np.float32).ravel()


@pytest.mark.parametrize(("old", "new", "head"), RECORDED)
def test_equals_what_scipy_gave(old: int, new: int, head: int) -> None:
    table = torch.from_numpy(np.stack([wavy(old, h) for h in range(2)], 1))
    got = resized(table, new * new)[:, head].double().numpy()
    half = new * new // 2
    at = got[[0, 1, new, half, half + 3, new * new - 2, new * new - 1]]
    values, sizes, weighted = RECORDED[old, new, head]
    assert np.abs(at - values).max() < 2e-6
    assert np.abs(got).sum() == pytest.approx(sizes, abs=1e-3)
    assert (got * np.arange(got.size)).sum() == pytest.approx(weighted, abs=2e-2)


def test_equal_sizes_are_left_alone() -> None:
    table = torch.randn(169, 3)
    assert resized(table, 169) is table


def test_the_old_table_spans_the_new_window() -> None:
    x = points(13, 23)
    assert x[0] == -x[-1]
    assert x[-1] == pytest.approx(11, abs=1e-4)
    steps = np.diff(x)[6:]
    assert steps[0] == 1
    assert np.allclose(steps[1:] / steps[:-1], steps[1])  # a geometric progression


def test_a_spline_is_exact_on_cubics_and_flat_beyond_its_ends() -> None:
    at = np.array([-3.0, -1.5, -0.2, 0.4, 2.0, 5.0])
    wanted = np.array([-3.0, -2.2, 0.0, 0.4, 4.9, 5.0, 7.0])
    cubic = np.poly1d([0.3, -1.0, 2.0, 0.5])
    assert np.allclose(spline(at, wanted) @ cubic(at), cubic(np.clip(wanted, -3, 5)))


@pytest.mark.parametrize(("rows", "to"), [(168, 529), (169, 530), (16, 529), (9, 25)])
def test_what_is_no_odd_square_is_refused(rows: int, to: int) -> None:
    with pytest.raises(ValueError, match="odd squares"):
        resized(torch.zeros(rows, 2), to)


@pytest.mark.parametrize("kind", ["ram", "ram++"])
def test_a_small_file_opens_at_twice_the_side(kind: str, tmp_path: Path) -> None:
    """R3: window 3 at 96 px to 6 at 192 px, as 224 to 384 px."""
    small = Plan(kind)
    state = random_state(small)
    tagger, report = load(write(state, tmp_path / "a.pth"), image_size=192, tags=small.tags)
    tables = [key for key in state if key.endswith("bias_table")]
    assert report.resized == dict.fromkeys(tables, "25 -> 121 rows")
    grown = {k: resized(v, 121) if k in tables else v for k, v in state.items()}
    image = pictures(small._replace(side=192), 2)
    counts = [small.rows] * small.tags
    with torch.no_grad():
        wanted, _ = answers(grown, image.double(), kind, small.heads, 6, counts)
        assert (tagger(image)[0] - wanted).abs().max() < 1e-4
