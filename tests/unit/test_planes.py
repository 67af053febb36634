"""Frames as planes: what is refused, what is left alone, what is not allocated."""

from __future__ import annotations

import tracemalloc

import cv2
import numpy as np
import pytest

from edge.pictures import pixels
from edge.pictures.planes import Scratch, check_planes, part_rgb
from edge.records import Planes, Region
from tests.tiny import i420, nv12


def grey(height: int = 8, width: int = 12, luma: int = 128) -> Planes:
    size = height // 2, width // 2
    half = np.full(size, 128, np.uint8)
    return Planes(np.full((height, width), luma, np.uint8), (half, half))


@pytest.mark.parametrize(("luma", "level"), [(16, 0), (235, 255), (126, 128), (0, 0), (255, 255)])
def test_limited_range_becomes_full(luma, level):
    out = np.zeros((4, 4, 3), np.uint8)
    pixels.crop_into(grey(luma=luma), Region(0, 0, 8, 8), out)
    assert np.abs(out.astype(int) - level).max() <= 1
    assert np.abs(pixels.luma_grid(grey(16, 16, luma)).astype(int) - level).max() <= 1


def test_first_u_then_v():
    """Red has little u and much v."""
    half = np.ones((4, 6), np.uint8)
    red = Planes(np.full((8, 12), 81, np.uint8), (90 * half, 240 * half))
    for picture in (red, nv12(red)):
        assert np.abs(pixels.rgb(picture)[0, 0].astype(int) - (255, 0, 0)).max() <= 2


def test_rows_may_lie_apart():
    """Decoders pad theirs."""
    tight = grey()
    padded = np.random.default_rng(0).integers(0, 256, (8, 40), np.uint8)
    padded.flags.writeable = False
    held = Planes(padded[:, :12], tight.chroma)
    exact = Planes(np.ascontiguousarray(padded[:, :12]), tight.chroma)
    np.testing.assert_array_equal(pixels.rgb(held), pixels.rgb(exact))


def test_rgb_of_rgb_is_itself():
    rgb = np.zeros((4, 4, 3), np.uint8)
    assert pixels.rgb(rgb) is rgb


def test_a_frame_says_its_size():
    assert pixels.size(grey()) == pixels.size(nv12(grey())) == (12, 8)
    assert pixels.size(np.zeros((4, 6, 3), np.uint8)) == (6, 4)


@pytest.mark.parametrize(
    "planes",
    [
        Planes(np.zeros((7, 12), np.uint8), (np.zeros((3, 6), np.uint8),) * 2),
        Planes(np.zeros((8, 12), np.uint8), (np.zeros((4, 6), np.uint8),)),
        Planes(np.zeros((8, 12), np.uint8), (np.zeros((4, 6), np.uint8),) * 3),
        Planes(np.zeros((8, 12), np.uint8), (np.zeros((8, 12), np.uint8),) * 2),
        Planes(np.zeros((8, 12), np.uint16), (np.zeros((4, 6), np.uint8),) * 2),
        Planes(np.zeros((0, 0), np.uint8), (np.zeros((0, 0), np.uint8),) * 2),
        Planes(np.zeros((8, 12, 1), np.uint8), (np.zeros((4, 6), np.uint8),) * 2),
    ],
    ids=["odd", "one plane", "three planes", "not halved", "16 bits", "empty", "three axes"],
)
def test_what_is_no_frame_is_refused(planes):
    with pytest.raises(ValueError, match="expected uint8 I420 or NV12 with even sides"):
        pixels.check(planes)


def test_what_is_a_frame_is_not():
    check_planes(grey())
    check_planes(nv12(grey()))
    pixels.check(np.zeros((1, 1, 3), np.uint8))


@pytest.mark.parametrize("box", [(-2, 0, 4, 4), (0, 0, 14, 4), (4, 4, 4, 8), (0, 0, 12, 9)])
@pytest.mark.parametrize("into", [pixels.crop_into, pixels.shrink_into])
def test_a_region_outside_the_planes_is_the_callers_mistake(box, into):
    with pytest.raises(ValueError, match="12 x 8"):
        into(grey(), Region(*box), np.zeros((1, 1, 3), np.uint8))


@pytest.mark.parametrize(
    "out",
    [np.zeros((4, 4, 3), np.float32), np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8)],
    ids=["float32", "grey", "rgba"],
)
def test_an_output_of_another_kind_is_refused(out):
    """OpenCV would give an array of its own, and leave this one as it was."""
    with pytest.raises(ValueError, match="expected uint8"):
        pixels.crop_into(np.zeros((9, 9, 3), np.uint8), Region(0, 0, 9, 9), out)


@pytest.mark.parametrize("kind", [i420, nv12, pixels.rgb], ids=["I420", "NV12", "RGB"])
@pytest.mark.parametrize("into", [pixels.crop_into, pixels.shrink_into])
def test_nothing_large_is_allocated_once_the_memory_is_there(kind, into):
    picture = kind(grey(1080, 1920))
    out, scratch = np.zeros((64, 64, 3), np.uint8), Scratch()
    regions = [Region(x, x, x + 640, x + 640) for x in (0, 101, 202)]
    for region in regions:
        into(picture, region, out, scratch)
    tracemalloc.start()
    for region in regions:
        into(picture, region, out, scratch)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 * 64 * 3


def test_only_the_region_is_converted(monkeypatch):
    """Counted where OpenCV is called."""
    converted = []
    real = cv2.cvtColorTwoPlane

    def count(luma, *rest):
        converted.append(luma.size)
        return real(luma, *rest)

    monkeypatch.setattr(cv2, "cvtColorTwoPlane", count)
    planes = grey(1080, 1920)
    part_rgb(planes, Region(101, 51, 201, 151), Scratch())
    pixels.shrink_into(planes, Region(0, 0, 1920, 1080), np.zeros((64, 64, 3), np.uint8))
    assert converted == [102 * 102, 128 * 128]
