"""A part of a frame looks the same however the frame came, and whatever part it is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edge.bundle.manifest import InputSpec
from edge.pictures import pixels
from edge.pictures.pixels import crop_into, cut, fit, luma_grid, shrink_into
from edge.pictures.planes import Scratch, planes_of
from edge.records import U8, Picture, Planes, Region
from tests.tiny import i420, nv12

HALF = st.integers(1, 40)
OUT = st.tuples(st.integers(1, 30), st.integers(1, 30))
KINDS = st.sampled_from([i420, nv12, lambda planes: pixels.rgb(planes)])


def noise(half_height: int, half_width: int, seed: int) -> Planes:
    """An I420 frame of every level there is, whether a camera could give it or not."""
    rng = np.random.default_rng(seed)
    size = half_height, half_width
    luma = rng.integers(0, 256, (2 * half_height, 2 * half_width), np.uint8)
    chroma = (rng.integers(0, 256, size, np.uint8), rng.integers(0, 256, size, np.uint8))
    return Planes(luma, chroma)


@st.composite
def frames_and_regions(draw) -> tuple[Planes, Region]:
    planes = noise(draw(HALF), draw(HALF), draw(st.integers(0, 9)))
    width, height = pixels.size(planes)
    x0, y0 = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    x1, y1 = draw(st.integers(x0 + 1, width)), draw(st.integers(y0 + 1, height))
    return planes, Region(x0, y0, x1, y1)


def opencv(planes: Planes) -> U8:
    """The whole frame, as OpenCV's own I420 conversion gives it."""
    stacked = np.concatenate([planes.luma.ravel(), *(p.ravel() for p in planes.chroma)])
    height, width = planes.luma.shape
    return cv2.cvtColor(stacked.reshape(-1, width)[: height * 3 // 2], cv2.COLOR_YUV2RGB_I420)


@given(frames_and_regions(), OUT, KINDS)
def test_a_crop_is_what_converting_everything_and_cutting_gives(frame, out_size, kind):
    """To the last level, at odd edges too, for RGB, I420 and NV12; see below of large regions."""
    planes, region = frame
    assume(not is_large(region, out_size))
    out = np.zeros((*out_size, 3), np.uint8)
    crop_into(kind(planes), region, out)
    wanted = fit(cut(opencv(planes), region), InputSpec(*out_size))
    np.testing.assert_array_equal(out, wanted)


def is_large(region: Region, out_size: tuple[int, int]) -> bool:
    """Are planes resized before they are converted?"""
    return (region.y1 - region.y0) >= 2 * out_size[0] and (region.x1 - region.x0) >= 2 * out_size[1]


@given(st.integers(16, 40), st.integers(16, 40), st.integers(1, 8), st.integers(0, 9))
def test_a_large_region_of_planes_is_as_converting_it_first_to_a_few_levels(rows, columns, n, seed):
    """Of what a camera gives: colours that exist, and that change slowly."""
    height, width = rows * 2, columns * 2
    rng = np.random.default_rng(seed)
    few = rng.integers(0, 256, (4, 4, 3), np.uint8)
    rgb = cv2.resize(few, (width, height), interpolation=cv2.INTER_CUBIC)
    stacked = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420)
    planes, region = planes_of(stacked, "I420"), Region(0, 0, width, height)
    one, other, wanted = np.zeros((3, height // (n + 1), width // (n + 1), 3), np.uint8)
    crop_into(planes, region, one)
    crop_into(nv12(planes), region, other)
    assert np.abs(one.astype(int) - other).max() <= 6  # OpenCV rounds a pair its own way
    crop_into(opencv(planes), region, wanted)
    off = np.abs(one.astype(int) - wanted)
    assert off.mean() < 4
    assert off.max() < 40


@given(frames_and_regions(), OUT, KINDS)
def test_used_memory_changes_nothing(frame, out_size, kind):
    """Whatever lay in it before."""
    planes, region = frame
    picture, scratch = kind(planes), Scratch()
    used, fresh = np.zeros((2, *out_size, 3), np.uint8)
    for into in (crop_into, shrink_into):
        into(kind(noise(9, 11, 3)), Region(0, 0, 22, 18), used, scratch)
        into(picture, region, used, scratch)
        into(picture, region, fresh)
        np.testing.assert_array_equal(used, fresh)


@given(frames_and_regions(), OUT)
def test_every_kind_of_frame_shrinks_alike(frame, out_size):
    """I420 and NV12 hold the same; OpenCV rounds a pair of planes its own way, by one level."""
    planes, region = frame
    one, other = np.zeros((2, *out_size, 3), np.uint8)
    shrink_into(i420(planes), region, one)
    shrink_into(nv12(planes), region, other)
    assert np.abs(one.astype(int) - other).max() <= 3


@given(st.integers(20, 60), st.integers(20, 60), st.integers(0, 99))
def test_a_smooth_frame_shrinks_to_what_it_shows(half_height, half_width, seed):
    """Planes or RGB, shrunk at little cost or with every pixel read: within a few levels."""
    rng = np.random.default_rng(seed)
    spots = rng.integers(60, 196, (2, 3, 3), np.uint8)
    smooth = cv2.resize(spots, (2 * half_width, 2 * half_height), interpolation=cv2.INTER_CUBIC)
    whole, out = Region(0, 0, 2 * half_width, 2 * half_height, "full"), InputSpec(7, 8)
    exact = fit(smooth, out).astype(int)
    for picture in (smooth, from_rgb(smooth)):
        shrunk = np.zeros((7, 8, 3), np.uint8)
        shrink_into(picture, whole, shrunk)
        assert np.abs(shrunk - exact).max() <= 12
        assert np.abs(shrunk - exact).mean() <= 3


@given(frames_and_regions(), st.integers(1, 20))
def test_a_grid_of_luma_has_a_point_a_whole_cell(frame, step_px):
    """As many as fit, and as bright as the picture there."""
    planes, _ = frame
    grey = Planes(planes.luma // 2 + 50, tuple(np.full_like(p, 128) for p in planes.chroma))
    width, height = pixels.size(planes)
    for picture in (grey, nv12(grey), pixels.rgb(grey)):
        grid = luma_grid(picture, step_px)
        assert grid.shape == (height // step_px, width // step_px)
        assert not np.shares_memory(grid, grey.luma)
        half = step_px // 2
        points = pixels.rgb(grey)[half::step_px, half::step_px, 0][: len(grid), : grid.shape[1]]
        assert np.abs(grid.astype(int) - points).max(initial=0) <= 2


STACKED = {
    "I420": cv2.COLOR_YUV2RGB_I420,
    "YV12": cv2.COLOR_YUV2RGB_YV12,
    "NV12": cv2.COLOR_YUV2RGB_NV12,
}


@given(HALF, HALF, st.sampled_from(sorted(STACKED)), st.integers(0, 9))
def test_stacked_planes_are_what_opencv_takes_them_for(half_height, half_width, layout, seed):
    """As drivers give them; and nothing is copied."""
    rng = np.random.default_rng(seed)
    stacked = rng.integers(0, 256, (3 * half_height, 2 * half_width), np.uint8)
    planes = planes_of(stacked, layout)
    assert all(np.shares_memory(stacked, plane) for plane in (planes.luma, *planes.chroma))
    np.testing.assert_array_equal(pixels.rgb(planes), cv2.cvtColor(stacked, STACKED[layout]))


@given(st.integers(0, 20), st.integers(0, 20))
def test_a_size_that_holds_no_planes_is_refused(rows, width):
    stacked = np.zeros((rows, width), np.uint8)
    if rows and width and rows % 3 == width % 2 == 0:
        assert planes_of(stacked, "I420").luma.shape == (rows // 3 * 2, width)
        return
    with pytest.raises(ValueError, match=f"a frame is {rows} x {width} bytes"):
        planes_of(stacked, "I420")


def from_rgb(rgb: U8) -> Picture:
    height, width = rgb.shape[:2]
    stacked = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420).ravel()
    u, v = stacked[height * width :].reshape(2, height // 2, width // 2)
    return Planes(stacked[: height * width].reshape(height, width), (u, v))
