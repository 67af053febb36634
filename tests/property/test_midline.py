"""S4: the length of a body does not depend on where it lies, how it is turned, how it is bent."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.length.ends import body
from edge.length.midline import arc, evenly, longer, midline, smooth
from tests.fishes import band


def length_px(soft: np.ndarray) -> float:
    line = midline((soft >= 0.5).astype(np.uint8))
    assert line is not None
    found = body(soft, line)
    assert found is not None
    return found.tips - found.snout


@settings(max_examples=25, deadline=None)
@given(
    long=st.floats(120, 320),
    plump=st.floats(0.1, 0.28),
    bend=st.floats(-1.2, 1.2),
    degrees=st.floats(0, 360),
)
def test_s4_a_band_is_as_long_as_it_was_made(long, plump, bend, degrees) -> None:
    """Along its middle, round ends included; at any bend up to 70 degrees, at any turn."""
    wide = plump * long
    radius = long / bend if abs(bend) > 1e-3 else np.inf
    found = length_px(band(long, wide, radius, degrees))
    assert found == pytest.approx(long + wide, rel=0.02)


@settings(max_examples=20, deadline=None)
@given(degrees=st.floats(0, 360), dx=st.integers(0, 40), dy=st.integers(0, 40))
def test_s4_where_it_lies_makes_no_difference(degrees, dx, dy) -> None:
    still = band(200, 40, np.inf, 0)
    turned = np.pad(band(200, 40, np.inf, degrees), ((dy, 0), (dx, 0)))
    assert length_px(turned) == pytest.approx(length_px(still), rel=0.01)


@settings(max_examples=30, deadline=None)
@given(points=st.lists(st.tuples(st.floats(-99, 99), st.floats(-99, 99)), min_size=2, max_size=9))
def test_a_line_keeps_its_ends_and_grows_no_longer(points) -> None:
    """Points put on a line at even distances lie on it: it can only get shorter."""
    line = np.array(points)
    even = evenly(line, 40)
    assert np.allclose(even[[0, -1]], line[[0, -1]])
    assert arc(even)[-1] <= arc(line)[-1] + 1e-6


def test_a_line_that_goes_on_goes_straight_on() -> None:
    line = np.stack([np.linspace(0, 100, 60), np.zeros(60)], 1)
    far = longer(line, 0.2)
    assert far[0] == pytest.approx([-20, 0])
    assert far[-1] == pytest.approx([120, 0])


def test_a_few_wild_points_do_not_move_a_line() -> None:
    x = np.linspace(0, 100, 80)
    wild = np.stack([x, np.zeros(80)], 1)
    wild[30:36, 1] = 25
    assert np.abs(smooth(wild)[:, 1]).max() < 2


def test_s4_a_tip_that_hangs_on_by_a_corner_hides_no_body() -> None:
    """A wave that begins there went nowhere: one look in twenty at a forked tail found no fish."""
    mask = np.zeros((20, 80), np.uint8)
    mask[6:14, 1:] = 1
    mask[5, 0] = 1
    line = midline(mask)
    assert line is not None
    assert arc(line)[-1] > 80


@pytest.mark.parametrize(
    "mask", [np.zeros((20, 20)), np.eye(3), np.pad(np.ones((2, 2)), 9), np.ones((1, 5))],
    ids=["nothing", "three pixels", "a speck", "a thread"],
)  # fmt: skip
def test_what_is_no_body_has_no_midline(mask) -> None:
    found = midline(mask.astype(np.uint8))
    assert found is None or np.isfinite(found).all()
