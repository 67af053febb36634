"""Views of an enrolled picture: what they show, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calib_data.negatives import sheet
from edge.errors import UsageError
from edge.heads.negatives import COLUMNS, ROWS, SIDE, negatives
from edge.heads.views import MOST_BESIDE, PARTS, beside, parts, views
from edge.records import U8


def picture(width: int = 90, height: int = 60) -> U8:
    """Red, with a blue square at (30, 10) to (50, 30)."""
    rgb = np.full((height, width, 3), (255, 0, 0), np.uint8)
    rgb[10:30, 30:50] = (0, 0, 255)
    return rgb


def test_the_first_view_is_the_box_and_the_others_show_it_too() -> None:
    found = views(picture(), (30, 10, 50, 30))
    assert len(found) == 8
    assert (found[0] == (0, 0, 255)).all()
    assert all((view[..., 2] > 60).mean() > 0.3 for view in found)
    assert all(view.dtype == np.uint8 and view.ndim == 3 for view in found)


def test_nothing_is_mirrored_unless_asked_for() -> None:
    left = np.zeros((40, 40, 3), np.uint8)
    left[:, :20] = 255
    assert all(view[:, : view.shape[1] // 3].mean() > 180 for view in views(left))
    mirrored = views(left, mirrored=True)
    assert len(mirrored) == 12
    assert mirrored[8][:, :10].mean() < 60


def test_what_is_beside_the_box_hardly_shows_it() -> None:
    found = beside(picture(), (30, 10, 50, 30))
    assert len(found) == MOST_BESIDE
    assert all((part[..., 2] > 60).sum() < 0.2 * 20 * 20 for part in found)
    assert len({part.shape for part in found}) > 1
    assert beside(picture()) == []
    assert beside(picture(), (0, 0, 90, 60)) == []


def test_light_changes_and_colour_stays() -> None:
    grey = np.full((30, 30, 3), 100, np.uint8)
    means = [view.mean() for view in views(grey)]
    assert min(means) < 60
    assert max(means) > 140


@given(st.integers(1, 80), st.integers(1, 80), st.data())
@settings(max_examples=40, deadline=None)
def test_any_box_in_any_picture_gives_views_or_is_refused(
    width: int, height: int, data: st.DataObject
) -> None:
    """Views are pictures of at least a pixel; a box outside, or too small, is a UsageError."""
    rgb = np.zeros((height, width, 3), np.uint8)
    box = tuple(data.draw(st.integers(-5, 90)) for _ in range(4))
    try:
        found = views(rgb, box)  # type: ignore[arg-type]
    except UsageError as e:
        assert "box is" in str(e)  # noqa: PT017
    else:
        x0, y0, x1, y1 = box
        assert 0 <= x0 < x1 <= width
        assert 0 <= y0 < y1 <= height
        assert all(min(view.shape) >= 1 for view in found)
    assert all(min(view.shape) >= 1 for view in parts(rgb))


def test_parts_cover_the_picture() -> None:
    found = parts(picture())
    assert len(found) == PARTS
    assert found[0].shape == (60, 90, 3)


def test_a_small_box_says_what_helps() -> None:
    with pytest.raises(UsageError, match="box is 4 x 4 px, expected 8 px or more") as e:
        views(picture(), (30, 10, 34, 14))
    assert e.value.fix == "take a picture from nearer"


def test_the_sheet_of_negatives_is_what_the_renderer_draws() -> None:
    shipped = np.vstack(
        [np.hstack(negatives()[n * COLUMNS : (n + 1) * COLUMNS]) for n in range(ROWS)]
    )
    drawn = sheet()
    assert shipped.shape == drawn.shape == (ROWS * SIDE, COLUMNS * SIDE, 3)
    assert abs(shipped.astype(int) - drawn).mean() < 9  # a JPEG; OpenCV 4.10 draws otherwise
