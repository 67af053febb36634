"""Privacy masks, zones and ignored areas: pixels, names, and what is not told."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from msgspec import UNSET

from edge.config.masks import Stencil, rasterised
from edge.config.records import Camera
from edge.config.zones import Areas, holds
from edge.pictures.planes import whole_rgb
from edge.records import SCHEMA, FrameTags, Nothing, Planes, Spent, Tag
from tests.tiny import i420, nv12

LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
CORNER = ((0.75, 0.75), (1.0, 0.75), (1.0, 1.0), (0.75, 1.0))
SIZE = 80, 60


def rgb(width: int = SIZE[0], height: int = SIZE[1]):
    return np.random.default_rng(1).integers(60, 200, (height, width, 3), np.uint8)


def planes() -> Planes:
    stacked = cv2.cvtColor(rgb(), cv2.COLOR_RGB2YUV_I420).ravel()
    u, v = stacked[80 * 60 :].reshape(2, 30, 40)
    return Planes(stacked[: 80 * 60].reshape(60, 80), (u, v))


def test_a_mask_is_black_and_the_rest_is_untouched():
    picture = Stencil([LEFT]).cover(rgb())
    assert not picture[:, :40].any()
    assert np.array_equal(picture[:, 43:], rgb()[:, 43:])


@pytest.mark.parametrize("layout", [i420, nv12])
def test_planes_turn_black_where_rgb_would(layout):
    given = layout(planes())
    covered = whole_rgb(Stencil([LEFT, CORNER]).cover(given))
    assert not covered[:, :40].any()
    assert not covered[45:, 60:].any()
    assert np.array_equal(covered[:40, 44:], whole_rgb(layout(planes()))[:40, 44:])


def test_no_mask_gives_the_picture_itself():
    picture = rgb()
    assert Stencil([]).cover(picture) is picture


def test_memory_that_a_decoder_may_use_is_not_written_to():
    given = planes()
    for plane in (given.luma, *given.chroma):
        plane.flags.writeable = False
    covered = Stencil([LEFT]).cover(given)
    assert np.array_equal(given.luma, planes().luma)
    assert not whole_rgb(covered)[:, :40].any()


def test_a_frame_of_another_size_has_its_own_mask():
    stencil = Stencil([LEFT])
    for width, height in ((80, 60), (33, 21), (80, 60), (2, 2)):
        picture = stencil.cover(rgb(width, height))
        assert not picture[:, : width // 2].any()
        assert picture[:, width // 2 + 3 :].all()


def test_a_thin_mask_still_covers_what_it_crosses():
    thin = ((0.5, 0.0), (0.5001, 0.0), (0.5001, 1.0), (0.5, 1.0))
    assert not Stencil([thin]).cover(rgb())[:, 40].any()


def test_a_mask_drawn_holds_its_polygon():
    mask = rasterised([CORNER], 8, 8)
    assert mask[6:, 6:].all()
    assert not mask[:5].any()


def tag(box, **more) -> Tag:
    return Tag("fish", "bream", None, 0.9, box, **more)


def result(*tags: Tag, none=()) -> FrameTags:
    return FrameTags(
        SCHEMA, "a", 0, "", SIZE, tags, Spent(1, 1, 1, 0), 1.0, 0.0, {}, "b", "null", none=none
    )


def told(camera: Camera, *boxes) -> list:
    return [t.box for t in Areas(camera).applied(result(*map(tag, boxes))).tags]


@pytest.mark.parametrize(
    ("box", "is_told"),
    [
        ((0, 0, 30, 30), False),
        ((50, 0, 79, 30), True),
        ((20, 0, 50, 30), False),  # two thirds of it
        ((30, 0, 60, 30), True),  # one third
        ((0, 0, 1, 1), False),
        ((79, 59, 80, 60), True),
    ],
)
def test_what_lies_mostly_in_an_ignored_area_is_not_told(box, is_told):
    camera = Camera("a", "camera:0", ignore=(LEFT,))
    assert bool(told(camera, box)) is is_told


def test_what_is_nothing_is_not_told_there_either():
    none = Nothing({"fish": 0.9}, (0, 0, 10, 10)), Nothing({"fish": 0.9}, (60, 0, 70, 10))
    areas = Areas(Camera("a", "camera:0", ignore=(LEFT,)))
    assert areas.applied(result(none=none)).none == none[1:]


def test_a_tag_says_in_which_zones_its_middle_lies():
    camera = Camera("a", "camera:0", zones={"left": LEFT, "all": ((0, 0), (1, 0), (1, 1), (0, 1))})
    boxes = (0, 0, 20, 20), (50, 0, 70, 20), (0, 0, *SIZE)
    found = Areas(camera).applied(result(*map(tag, boxes))).tags
    assert [t.zones for t in found] == [("left", "all"), ("all",), UNSET]


def test_without_zones_a_result_is_left_as_it_is():
    line = result(tag((0, 0, 10, 10)))
    assert Areas(Camera("a", "camera:0")).applied(line) is line


def test_a_hollow_polygon_holds_its_edge_and_not_its_hollow():
    hollow = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.2), (0.0, 1.0))
    assert holds(hollow, 0.0, 0.5)
    assert not holds(hollow, 0.5, 0.8)
