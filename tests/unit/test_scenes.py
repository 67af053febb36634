"""The renderer: same seed same pixels, exact boxes, true lengths, every tag drawn and distinct."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from calib_data import scenes
from calib_data.belts import length_px, turned
from calib_data.camera import oblique
from calib_data.draw_fish import SPECIES, fish
from calib_data.heaps import PIECES, piece
from calib_data.stage import Scene, Stage, Thing

SMALL = (960, 540)
DEMO = Path(scenes.__file__).parent / "demo"
EVERY_TAG = [(head, tag) for head, tags in scenes.TAGS.items() for tag in tags]


@pytest.fixture(scope="module", params=["shelf", "rail", "belt"])
def scene(request: pytest.FixtureRequest) -> tuple[str, Scene]:
    return request.param, scenes.SCENES[request.param](5, SMALL)


def test_same_seed_gives_same_pixels_and_truth(scene: tuple[str, Scene]) -> None:
    name, first = scene
    second = scenes.SCENES[name](5, SMALL)
    assert np.array_equal(first.pixels, second.pixels)
    assert first.things == second.things


def test_other_seed_gives_other_pixels() -> None:
    assert not np.array_equal(scenes.belt(1, SMALL).pixels, scenes.belt(2, SMALL).pixels)


def test_scene_has_things_inside_the_frame(scene: tuple[str, Scene]) -> None:
    _, shot = scene
    assert shot.pixels.shape == (SMALL[1], SMALL[0], 3)
    assert shot.pixels.dtype == np.uint8
    assert len(shot.things) >= 3
    for thing in shot.things:
        x0, y0, x1, y1 = thing.box
        assert 0 <= x0 < x1 <= SMALL[0]
        assert 0 <= y0 < y1 <= SMALL[1]
        assert thing.tag in scenes.TAGS[thing.head]


def _photo(sprite: np.ndarray | None, at: tuple[int, int], seed: int) -> Scene:
    """A grey frame through an oblique camera without blur or noise, with one lemon or none."""
    stage = Stage(np.full((240, 320, 3), 0.4, np.float32))
    if sprite is not None:
        stage.put(sprite, *at, Thing("grocery", "Lemon", (0, 0, 0, 0)), shadow=0)
    rng = np.random.default_rng(seed)
    matrix = oblique(rng, 320, 240, 0.08)
    return stage.shoot(rng, matrix, blur_px=0, noise_level=0)


@pytest.mark.parametrize("seed", range(6))
def test_box_is_where_the_frame_with_the_thing_differs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lemon = piece(rng, "Lemon", 90, 30.0)
    at = (int(rng.integers(-30, 260)), int(rng.integers(-30, 180)))
    shot = _photo(lemon, at, seed)
    gap = np.abs(shot.pixels.astype(int) - _photo(None, at, seed).pixels).max(axis=2)
    x, y, w, h = cv2.boundingRect((gap > 6).astype(np.uint8))
    found = np.array(shot.things[0].box)
    assert np.abs(found - [x, y, x + w, y + h]).max() <= 2


def test_box_shrinks_to_what_still_shows() -> None:
    stage = Stage(np.full((200, 300, 3), 0.4, np.float32))
    slab = np.ones((100, 120, 4), np.float32)
    stage.put(slab, 20, 30, Thing("grocery", "Lemon", (0, 0, 0, 0)))
    stage.put(slab, 100, 0)
    (thing,) = stage.shoot(np.random.default_rng(0)).things
    assert thing.box == (20, 30, 140, 130)
    covered = np.ones((200, 60, 4), np.float32)
    stage.put(covered, 80, 0)
    assert stage.shoot(np.random.default_rng(0)).things[0].box == (20, 30, 80, 130)


def test_hidden_thing_is_no_thing() -> None:
    stage = Stage(np.full((200, 300, 3), 0.4, np.float32))
    stage.put(np.ones((50, 50, 4), np.float32), 20, 30, Thing("grocery", "Lime", (0, 0, 0, 0)))
    stage.put(np.ones((60, 60, 4), np.float32), 15, 25)
    assert stage.shoot(np.random.default_rng(0)).things == ()


@pytest.mark.parametrize(("head", "tag"), EVERY_TAG)
def test_every_tag_renders(head: str, tag: str) -> None:
    view = scenes.crop(head, tag, 3, 96)
    assert view.shape == (96, 96, 3)
    assert view.dtype == np.uint8
    assert view.std() > 1.5
    assert np.array_equal(view, scenes.crop(head, tag, 3, 96))


def test_pieces_of_different_products_differ() -> None:
    """Mean colour or outline tells any two products apart, over several pieces of each."""
    looks = {tag: _look(tag) for tag in PIECES}
    for one, other in itertools.combinations(looks, 2):
        assert np.abs(looks[one] - looks[other]).max() > 0.03, (one, other)


def _look(tag: str) -> np.ndarray:
    """Mean colour, colour spread and width to height of a product, (7,)."""
    rows = []
    for seed in range(6):
        sprite = piece(np.random.default_rng(seed), tag, 64, 0.0)
        inside = sprite[sprite[..., 3] > 0.5][:, :3]
        rows.append([*inside.mean(axis=0), *inside.std(axis=0), sprite.shape[1] / sprite.shape[0]])
    return np.mean(rows, axis=0)


def test_unknown_tag_is_refused() -> None:
    with pytest.raises(ValueError, match="grocery/Brick"):
        scenes.crop("grocery", "Brick", 0)


@pytest.mark.parametrize("tag", SPECIES)
@pytest.mark.parametrize("bend", [-0.1, 0.0, 0.1])
def test_drawn_midline_has_the_length_asked_for(tag: str, bend: float) -> None:
    drawn = turned(fish(np.random.default_rng(1), tag, 240.0, bend, 0.02), 33.0)
    assert length_px(drawn.midline) == pytest.approx(240.0, rel=0.005)


@pytest.mark.parametrize("tag", SPECIES)
def test_midline_runs_from_the_snout_to_the_fork_of_the_drawing(tag: str) -> None:
    """Along the row of the mid-line of a straight fish, the first and last solid pixels."""
    drawn = fish(np.random.default_rng(1), tag, 400.0)
    row = drawn.sprite[round(float(drawn.midline[0, 1])), :, 3]
    solid = np.flatnonzero(row > 0.5)
    assert solid[-1] + 1 - solid[0] == pytest.approx(400.0, rel=0.01)
    assert solid[0] == pytest.approx(drawn.midline[0, 0], abs=4)


def test_belt_lengths_agree_with_the_scale() -> None:
    shot = scenes.belt(4, (1280, 720))
    assert shot.mm_per_px is not None
    assert shot.things
    for thing in shot.things:
        assert thing.length_mm == pytest.approx(thing.length_px * shot.mm_per_px, rel=0.01)
        x0, y0, x1, y1 = thing.box
        assert np.hypot(x1 - x0, y1 - y0) > thing.length_px * 0.9


def test_write_crops_lists_every_view(tmp_path: Path) -> None:
    count = scenes.write_crops(tmp_path, 1, 7, 48)
    lines = [json.loads(line) for line in (tmp_path / "labels.jsonl").read_text().splitlines()]
    assert count == len(lines) == len(EVERY_TAG)
    assert {line["tag"] for line in lines if line["head"] == "none"} == {"none"}
    for line in lines:
        assert cv2.imread(str(tmp_path / line["file"])).shape == (48, 48, 3)


def test_clip_is_small_and_moves(tmp_path: Path) -> None:
    truth = scenes.clip(3, tmp_path / "belt.mp4", frames=6, size=(320, 180))
    video = cv2.VideoCapture(str(tmp_path / "belt.mp4"))
    frames = [video.read()[1] for _ in range(6)]
    assert len(truth) == 6
    assert frames[0].shape == (180, 320, 3)
    assert np.abs(frames[0].astype(int) - frames[-1]).mean() > 0.5


@pytest.mark.parametrize(
    ("name", "most_bytes"),
    [("shelf.jpg", 900_000), ("belt.mp4", 700_000), ("crops.jpg", 150_000)],
)
def test_demo_file_is_small(name: str, most_bytes: int) -> None:
    assert 10_000 < (DEMO / name).stat().st_size <= most_bytes


@pytest.mark.parametrize(("picture", "width"), [("shelf", 3840), ("belt", 1280)])
def test_demo_truth_lies_beside_it(picture: str, width: int) -> None:
    truth = json.loads((DEMO / f"{picture}.json").read_text())
    assert truth["width"] == width
    assert (DEMO / truth["file"]).exists()
    assert truth.get("things") or any(truth["frames"])
