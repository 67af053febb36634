"""S4, S7, S9: from pixels of a frame to centimetres, with what is hidden flagged."""

from __future__ import annotations

from functools import lru_cache
from itertools import count

import numpy as np
import pytest

from calib_data.boards import Camera, pose
from calib_data.boards import seen as through
from calib_data.measured import Posed, put
from calib_data.stage import Stage
from edge.length.follow import Known
from edge.length.measure import Look
from edge.length.plane import CameraPlane, FlatPlane, rows_of
from edge.length.ruler import HEAD, Measured, Ruler
from edge.records import U8, Tag

MM_PER_PX = 0.9
WHITE = (0.90, 0.90, 0.88)


@lru_cache
def frame(shown: tuple[Posed, ...], size: tuple[int, int] = (900, 640), shift: int = 0) -> U8:
    """Fish on a white belt; the second and later ones lie over the first, `shift` px away."""
    rng = np.random.default_rng(3)
    stage = Stage(np.full((size[1], size[0], 3), WHITE, np.float32))
    for n, one in enumerate(shown):
        if n:
            stage.frame = np.roll(stage.frame, shift, (0, 1))
        put(stage, rng, one, MM_PER_PX)
    return stage.shoot(rng).pixels


def looks(pixels: U8, ruler: Ruler | None = None) -> list[Look]:
    known = measured(pixels, ruler)
    return [fish.looks[-1] for fish in known]


def measured(pixels: U8, ruler: Ruler | None = None) -> tuple[Known, ...]:
    of = Measured()
    ids = count(1)
    of.look(ruler or Ruler(FlatPlane(MM_PER_PX)), pixels, 0.0, lambda: 1e9, lambda: next(ids))
    return of.known


TROUT = Posed("browntrout", 380.0, 0.0, 0.0, 3.0)
SHAPES = {
    "straight": TROUT,
    "bent": Posed("browntrout", 380.0, 0.11, 0.02, 0.0),
    "rotated": Posed("perch", 340.0, 0.0, 0.0, 222.0),
    "forked": Posed("nase", 400.0, 0.02, 0.0, 10.0),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("ends", ["tips", "fork"])
def test_s4_a_fish_of_known_length_is_measured(shape: str, ends: str) -> None:
    """To 2.5 % each from its pixels; benchmarks/length.py has the means."""
    one = SHAPES[shape]
    [look] = looks(frame((one,)), Ruler(FlatPlane(MM_PER_PX), ends))  # type: ignore[arg-type]
    true = one.tips_mm if ends == "tips" else one.length_mm
    assert look.midline_cm * 10 == pytest.approx(true, rel=0.025)
    assert abs(look.cm * 10 - true) < 30 * look.sd_cm


def test_s4_through_a_lens_from_aside() -> None:
    """The frame is distorted and tilted; the plane knows how."""
    import cv2

    camera, at = Camera((1200, 900), 1500.0), pose((14.0, -9.0), 20.0, (0, 0), 1300.0)
    turn = cv2.Rodrigues(at.turn)[0]
    to_plane = np.linalg.inv(camera.matrix @ np.stack([turn[:, 0], turn[:, 1], at.move], 1))
    (fx, _, cx), (_, fy, cy), _ = rows_of(camera.matrix)
    plane = CameraPlane(1200, 900, (fx, fy), (cx, cy), camera.lens, rows_of(to_plane))
    flat = frame((TROUT,), (1500, 1100)).astype(np.float32)
    pixels = through(flat, MM_PER_PX, camera, at).astype(np.uint8)
    [look] = looks(pixels, Ruler(plane, "fork"))
    assert look.cm * 10 == pytest.approx(TROUT.length_mm, rel=0.02)


def test_s7_a_fish_that_the_frame_cuts_is_flagged() -> None:
    whole = frame((TROUT,))
    [look] = looks(np.ascontiguousarray(whole[:, 330:]))
    assert look.is_occluded
    assert look.sd_cm > 3 * looks(whole)[0].sd_cm


def test_s7_a_fish_under_another_is_flagged() -> None:
    over = Posed("perch", 200.0, 0.0, 0.0, 95.0)
    found = looks(frame((TROUT, over), shift=40))
    assert any(look.is_occluded for look in found)


def test_s7_a_whole_fish_is_not() -> None:
    assert not looks(frame((TROUT,)))[0].is_occluded


def test_a_bar_and_a_disc_are_no_fish() -> None:
    pixels = np.full((480, 700, 3), 225, np.uint8)
    pixels[100:150, 60:640] = 60
    yy, xx = np.mgrid[:480, :700]
    pixels[np.hypot(yy - 330, xx - 350) < 80] = 60
    assert all(look.score < 0.5 for look in looks(pixels))


@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_empty_frame_holds_no_fish(level: int) -> None:
    assert looks(np.full((240, 320, 3), level, np.uint8)) == []


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3), (17, 17)])
def test_frames_of_any_size_are_looked_at(size: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (*size, 3), dtype=np.uint8)
    assert isinstance(looks(noise), list)


def test_s9_a_tag_says_centimetres_and_their_deviation() -> None:
    ids = count(7)
    ruler = Ruler(FlatPlane(MM_PER_PX))
    pixels = frame((TROUT,))
    [tag] = Measured().look(ruler, pixels, 0.0, lambda: 1e9, lambda: next(ids))
    assert (tag.head, tag.tag, tag.track, tag.looks, tag.state) == (HEAD, "fish", 7, 1, "open")
    assert tag.length_cm == pytest.approx(TROUT.tips_mm / 10, rel=0.02)
    assert 0 < tag.length_sd_cm < 1  # type: ignore[operator]
    assert tag.occluded is False


def test_what_does_not_fit_the_budget_is_not_begun() -> None:
    of, ruler, pixels = Measured(), Ruler(FlatPlane(MM_PER_PX)), frame((TROUT,))
    assert len(of.look(ruler, pixels, 0.0, lambda: 1e9, lambda: 1)) == 1
    assert of.look(ruler, pixels, 1.0, lambda: 0.0, lambda: 2) == ()


LENGTH = Tag(HEAD, "fish", None, 0.9, (10, 10, 50, 30), 3, length_cm=40.0, length_sd_cm=0.5,
             occluded=False)  # fmt: skip


def test_a_species_gets_the_length_of_the_one_fish_it_is_about() -> None:
    species = Tag("fish", "nase", None, 0.95, (0, 0, 60, 60))
    other = Tag("grocery", "Kiwi", None, 0.97, (0, 0, 60, 60))
    found = Measured.told([species, other], [LENGTH])
    assert [tag.tag for tag in found] == ["Kiwi", "nase", "fish"]
    assert found[1].length_cm == 40.0
    assert not isinstance(found[0].length_cm, float)


def test_a_species_in_a_region_of_two_fish_gets_none() -> None:
    species = Tag("fish", "nase", None, 0.95, (0, 0, 60, 60))
    found = Measured.told([species], [LENGTH, LENGTH])
    assert not isinstance(found[0].length_cm, float)
