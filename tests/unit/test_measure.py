"""S4, S7, S9: from pixels of a frame to centimetres, with what is hidden flagged."""

from __future__ import annotations

from functools import lru_cache
from itertools import count

import cv2
import msgspec
import numpy as np
import pytest
from msgspec import UnsetType

from calib_data.boards import Camera, pose
from calib_data.boards import projected as through
from calib_data.measured import Posed, put
from calib_data.stage import Stage
from edge.length.follow import MOST, Known
from edge.length.measure import Look
from edge.length.plane import CameraPlane, FlatPlane, rows_of
from edge.length.ruler import Measured, Ruler
from edge.length.tags import HEAD, POINTS
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


def test_s7_in_a_large_frame_too() -> None:
    """Where a pixel of the mask is many of the frame's."""
    cut = cv2.resize(frame((TROUT,))[:, 330:], None, fx=5, fy=5)
    [look] = looks(np.asarray(cut, np.uint8), Ruler(FlatPlane(MM_PER_PX / 5)))
    assert look.is_occluded


def test_s7_a_rim_that_takes_nothing_makes_no_fish_longer() -> None:
    """The belly lies on it, and the regressor, which would guess the rest, is not asked."""
    whole = frame((TROUT,))
    rows = np.nonzero((whole.max(2) < 150).any(1))[0]
    [look] = looks(np.ascontiguousarray(whole[: int(rows.max()) - 2]))
    assert look.is_occluded
    assert look.cm == look.midline_cm


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


def test_s3_an_outline_is_a_few_corners_around_the_fish() -> None:
    pixels = frame((TROUT,))
    [tag] = Measured().look(Ruler(FlatPlane(MM_PER_PX)), pixels, 0.0, lambda: 1e9, lambda: 1)
    assert not isinstance(tag.outline, UnsetType)
    assert 8 <= len(tag.outline) <= POINTS
    drawn = cv2.fillPoly(np.zeros(pixels.shape[:2], np.uint8), [np.array(tag.outline)], 1) > 0
    dark = pixels.max(2) < 150
    assert (drawn & dark).sum() > 0.97 * dark.sum()
    x0, y0, x1, y1 = tag.box
    assert all(x0 <= x < x1 and y0 <= y < y1 for x, y in tag.outline)


def test_s3_a_fish_is_named_by_most_of_a_few_looks() -> None:
    of, pixels = Measured(), frame((TROUT,))
    words = iter(["unsure", "browntrout", "browntrout", "perch"])
    found = []
    for at_s in range(5):
        tags = of.look(Ruler(FlatPlane(MM_PER_PX)), pixels, at_s / 10, lambda: 1e9, lambda: 1)
        found += [tag.species for tag in of.named(tags, lambda head, box: next(words))]
    assert found == ["unsure", "unsure", "browntrout", "browntrout", "browntrout"]
    assert next(words) == "perch"  # three looks are enough


def test_s3_a_fish_that_nobody_had_time_to_look_at_is_unsure() -> None:
    of = Measured()
    tags = of.look(Ruler(FlatPlane(MM_PER_PX)), frame((TROUT,)), 0.0, lambda: 1e9, lambda: 1)
    assert [tag.species for tag in of.named(tags, lambda head, box: None)] == ["unsure"]


def test_what_does_not_fit_the_budget_is_not_begun() -> None:
    of, ruler, pixels = Measured(), Ruler(FlatPlane(MM_PER_PX)), frame((TROUT,))
    assert len(of.look(ruler, pixels, 0.0, lambda: 1e9, lambda: 1)) == 1
    assert of.look(ruler, pixels, 1.0, lambda: 0.0, lambda: 2) == ()
    [tag] = of.look(ruler, pixels, 2.0, lambda: 0.0, lambda: 3, is_turn=True)
    assert (tag.track, tag.looks, tag.age_s) == (1, 2, 0.0)  # it has its turn, all the same


def test_turns_without_time_for_all_fish_measure_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The least measured first; those whose way is known are told meanwhile, with their age."""
    monkeypatch.setattr("edge.length.ruler.perf_counter", count().__next__)  # s: all is dear
    of, ruler, ids = Measured(), Ruler(FlatPlane(MM_PER_PX)), count(1)
    pixels = frame((TROUT, TROUT), (1300, 1000), -330)
    seen = [
        of.look(ruler, pixels, float(n), lambda: 0.0, lambda: next(ids), is_turn=True)
        for n in range(6)
    ]
    new = [{tag.track for tag in tags if not tag.age_s} for tags in seen]
    assert new == [{1}, {2}] * 3
    assert len(seen[-1]) == 2
    assert of.look(ruler, pixels, 5.5, lambda: 0.0, lambda: 9)[0].age_s > 0
    assert of.look(ruler, pixels, 60.0, lambda: 0.0, lambda: 9) == ()  # too old to be told


def test_what_is_no_fish_takes_no_turns_from_fish(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.length.ruler.perf_counter", count().__next__)
    of, ruler, ids = Measured(), Ruler(FlatPlane(MM_PER_PX)), count(1)
    pixels = frame((TROUT,)).copy()
    for x in (150, 450, 700):
        cv2.ellipse(pixels, (x, 560), (40, 25), 0, 0, 360, (60, 50, 40), -1)
    for n in range(8):
        of.look(ruler, pixels, n / 4, lambda: 0.0, lambda: next(ids), is_turn=True)
    best = max(of.known, key=lambda fish: fish.count)
    assert best.looks[-1].midline_cm * 10 == pytest.approx(TROUT.tips_mm, rel=0.025)
    assert best.count >= 4


@pytest.mark.parametrize(("has_moved", "first_s"), [(True, 1.0), (False, 10.0)])
def test_measuring_has_its_turn_each_second_while_anything_moves(
    has_moved: bool, first_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.length.ruler.perf_counter", lambda: 0.0)
    of = Measured()
    assert of.is_due(0.0, has_moved=False)
    of.look(Ruler(FlatPlane(MM_PER_PX)), frame((TROUT,)), 0.0, lambda: 1e9, lambda: 1)
    due = [n / 4 for n in range(60) if of.is_due(n / 4, has_moved=has_moved)]
    assert due[0] == first_s


def test_a_dear_turn_leaves_time_and_frames_to_what_is_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edge.length.ruler.perf_counter", count(step=3).__next__)
    of, ruler, pixels = Measured(), Ruler(FlatPlane(MM_PER_PX)), frame((TROUT,))
    of.look(ruler, pixels, 0.0, lambda: 0.0, lambda: 1, is_turn=True)
    assert not of.is_due(1000.0, has_moved=True)  # not twice in a row
    of.look(ruler, pixels, 1.0, lambda: 0.0, lambda: 2)
    assert not of.is_due(5.0, has_moved=True)
    assert of.is_due(1000.0, has_moved=True)


LENGTH = Tag(HEAD, "fish", None, 0.9, (10, 10, 50, 30), 3, length_cm=40.0, length_sd_cm=0.5,
             occluded=False)  # fmt: skip


def test_a_species_gets_the_length_of_the_one_fish_it_is_about() -> None:
    species = Tag("fish", "nase", None, 0.95, (0, 0, 60, 60))
    other = Tag("grocery", "Kiwi", None, 0.97, (0, 0, 60, 60))
    of = Measured()
    found = of.told([species, other], [LENGTH])
    assert [tag.tag for tag in found] == ["Kiwi", "nase", "fish"]
    assert found[1].length_cm == 40.0
    assert not isinstance(found[0].length_cm, float)


def test_a_track_keeps_the_length_of_its_fish_while_others_are_measured() -> None:
    of = Measured()
    one, other = (Tag("fish", "nase", None, 0.9, (x, 0, x + 60, 60), x) for x in (0, 200))
    of.told([one], [LENGTH])
    moved = msgspec.structs.replace(one, box=(90, 0, 150, 60))
    cm = [tag.length_cm for tag in of.told([moved, other], [])]
    assert cm == [40.0, msgspec.UNSET]
    for n in range(1000, 1000 + 2 * MOST):
        of.told([msgspec.structs.replace(one, track=n)], [LENGTH])
    assert len(of._about) <= MOST


def test_a_species_in_a_region_of_two_fish_gets_none() -> None:
    species = Tag("fish", "nase", None, 0.95, (0, 0, 60, 60))
    found = Measured().told([species], [LENGTH, LENGTH])
    assert not isinstance(found[0].length_cm, float)
