"""Composed scenes: exact boxes, no overlaps, the sizes asked for, the same again from a seed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calib_data import composed, cutouts, patches
from calib_data.composed import Kind, Thing, compose, mix, read_things, scenes
from edge.errors import EdgeError, SourceError
from edge.pictures.regions import shared_px

HD = (1920, 1080)


def write(file: Path, rgb: np.ndarray) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(file), rgb[..., ::-1])
    return file


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("photos")
    for n in range(2):
        noise = np.random.default_rng(n).integers(90, 160, (45, 60, 3), np.uint8)
        write(folder / f"{n}.png", cv2.resize(noise, (600, 450)))
    return composed.canvas_files(folder)


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory) -> list[Thing]:
    """Four plain pictures of two heads, one of them a distractor's."""
    folder = tmp_path_factory.mktemp("things")
    tags = (("fish", "perch"), ("fish", "tench"), ("clothes", "Hat"), ("none", ""))
    found = []
    for n, (head, tag) in enumerate(tags):
        file = write(folder / f"{n}.png", np.full((80 + 20 * n, 100, 3), 40 * n + 60, np.uint8))
        found.append(Thing(file, head, tag))
    return found


@pytest.fixture(scope="module")
def scene(things: list[Thing], photos: list[Path]) -> Callable[..., composed.Composed]:
    def made(kind: Kind, seed: int, size: tuple[int, int] = HD) -> composed.Composed:
        draw = np.random.default_rng(seed)
        named, others = composed.parted(things)
        return compose(named, others, photos, draw, kind.count, kind.is_clustered, kind.small, size)

    return made


@pytest.mark.parametrize("kind", mix(), ids=str)
def test_as_many_distractors_as_things_and_nothing_over_anything(scene, kind):
    made = scene(kind, 3)
    assert made.pixels.shape == (1080, 1920, 3)
    assert made.pixels.dtype == np.uint8
    boxes = [p.box for p in made.placed] + list(made.distractors)
    assert len(made.placed) == len(made.distractors) == kind.count
    for n, a in enumerate(boxes):
        assert 0 <= a[0] < a[2] <= 1920
        assert 0 <= a[1] < a[3] <= 1080
        assert not any(shared_px(a, b) for b in boxes[:n])


@pytest.mark.parametrize("kind", mix(), ids=str)
def test_sides_are_those_of_a_4k_frame_made_smaller(scene, kind):
    sides = [max(p.box[2] - p.box[0], p.box[3] - p.box[1]) for p in scene(kind, 5).placed]
    assert min(sides) >= 11  # 24 px of 3840 are 12 of 1920, rounded
    assert max(sides) <= (25 if kind.small else 81)


def test_the_box_is_exact(things, photos, monkeypatch):
    """Laid on the bare ground, a thing changes pixels up to each side of its box, and no other."""
    monkeypatch.setattr(composed, "grained", lambda frame, draw: frame)
    grounds = []
    lit = composed.ground
    monkeypatch.setattr(composed, "ground", lambda *a: grounds.append(lit(*a)) or grounds[0].copy())
    made = compose(things[:3], [], photos, np.random.default_rng(9), 8, False, False, HD)
    changed = (made.pixels != grounds[0]).any(axis=2)
    inside = np.zeros_like(changed)
    for x0, y0, x1, y1 in [*(p.box for p in made.placed), *made.distractors]:
        inside[y0:y1, x0:x1] = True
    assert not (changed & ~inside).any()
    for x0, y0, x1, y1 in (p.box for p in made.placed):
        rows, columns = np.nonzero(changed[y0:y1, x0:x1])
        assert (rows.min(), columns.min()) == (0, 0)
        assert (rows.max() + 1, columns.max() + 1) == (y1 - y0, x1 - x0)


def test_the_same_seed_gives_the_same_scenes_and_another_seed_others(things, photos):
    def pixels(seed: int) -> list[np.ndarray]:
        return [s.pixels for s in scenes(things, photos, seed, 3, (640, 480))]

    first, again, other = pixels(1), pixels(1), pixels(2)
    assert all(np.array_equal(a, b) for a, b in zip(first, again))
    assert not any(np.array_equal(a, b) for a in first for b in other)


def test_scenes_come_in_equal_shares(things, photos):
    kinds = [s.kind for s in scenes(things, photos, 1, 24, (640, 480))]
    assert kinds == mix() * 2


def test_a_distractor_is_never_placed_as_a_thing(things, photos):
    for made in scenes(things, photos, 4, 12, (640, 480)):
        assert {p.head for p in made.placed} <= {"fish", "clothes"}


def test_clusters_hang_together(scene):
    def near(is_clustered: bool) -> float:
        """The median distance to the nearest other thing, px."""
        found = []
        for seed in range(6):
            boxes = np.array([p.box for p in scene(Kind(8, is_clustered, True), seed).placed])
            middles = (boxes[:, :2] + boxes[:, 2:]) / 2
            apart = np.hypot(*(middles[:, None] - middles[None]).transpose(2, 0, 1))
            np.fill_diagonal(apart, np.inf)
            found += apart.min(axis=1).tolist()
        return float(np.median(found))

    assert near(True) < 0.5 * near(False)


def test_without_photos_the_ground_is_drawn(things):
    made = next(scenes(things, [], 1, 1, (640, 360)))
    assert made.pixels.shape == (360, 640, 3)
    assert made.pixels.std() > 1


def test_no_things_and_no_room_are_said(things, photos):
    draw = np.random.default_rng(1)
    with pytest.raises(ValueError, match="things is empty"):
        compose([], [], photos, draw, 3, False, False)
    with pytest.raises(ValueError, match="do not fit"):
        composed.arrange([(60, 60)] * 9, (100, 100), 0, draw)


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 200), st.integers(2, 200), st.integers(0, 2**32 - 1))
def test_a_patch_reaches_each_side_of_its_box(width, height, seed):
    draw = np.random.default_rng(seed)
    made = patches._patch(np.zeros((height, width, 3), np.uint8), draw, 1.0)
    seen = made.alpha[..., 0] > 0
    assert made.alpha.shape == (height, width, 1)
    assert made.alpha.max() <= 1
    assert seen[0].any()
    assert seen[-1].any()
    assert seen[:, 0].any()
    assert seen[:, -1].any()


# ---- reading


def labels(folder: Path, rows: list[object], name: str = "labels.jsonl") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "a.png", np.zeros((40, 60, 3), np.uint8))
    (folder / name).write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return folder


@pytest.mark.parametrize(
    ("row", "head", "tag"),
    [
        ({"category": "Hat", "sender": "7"}, "clothes", "Hat"),
        ({"product": "Lemon", "group": "Lemon"}, "grocery", "Lemon"),
        ({"species": "perch", "fish": "f1", "length_mm": 9}, "fish", "perch"),
        ({"brand": "DHL"}, "logo", "DHL"),
        ({"brand": None}, "none", ""),
        ({"head": "fish", "tag": "tench"}, "fish", "tench"),
        ({"head": "none", "tag": "Wall"}, "none", ""),
        ({"label": "dress"}, "", "dress"),
    ],
)
def test_any_label_key_is_read(tmp_path, row, head, tag):
    folder = labels(tmp_path, [{"file": "a.png", **row}])
    assert read_things(folder) == [Thing(folder / "a.png", head, tag)]


def test_several_label_files_and_folders_are_read_and_scenes_passed_over(tmp_path):
    labels(tmp_path / "one", [{"file": "a.png", "category": "Hat"}], "x.jsonl")
    labels(tmp_path / "one", [{"file": "a.png", "category": "Top"}], "y.jsonl")
    labels(tmp_path / "two", [{"file": "a.png", "species": "perch"}])
    labels(tmp_path / "street", [{"file": "a.png", "objects": []}])
    assert [t.tag for t in read_things(tmp_path)] == ["Hat", "Top", "perch"]


def test_boxes_are_things_of_their_own(tmp_path):
    folder = labels(
        tmp_path, [{"file": "a.png", "brand": "X", "boxes": [[0, 0, 9, 8], [9, 0, 60, 40]]}]
    )
    found = read_things(folder)
    assert [t.box for t in found] == [(0, 0, 9, 8), (9, 0, 60, 40)]
    assert cutouts.picture(found[0]).shape == (8, 9, 3)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], r"1 \*\.jsonl without a label, expected"),
        ([["a.png", "Hat"]], r"labels\.jsonl:1: row is no JSON object"),
        ([{"file": "a.png"}], r"1 \*\.jsonl without a label, expected .* category"),
        (
            [{"file": "a.png", "tag": "Hat"}, {"file": "a.png"}],
            r":2: keys are file, expected one of category",
        ),
        ([{"file": "b.png", "category": "Hat"}], r":1: file is 'b\.png', expected a picture"),
        ([{"category": "Hat"}], r":1: file is None, expected"),
        ([{"file": "a.png", "category": 3}], r":1: category is 3, expected a word"),
        ([{"file": "a.png", "brand": "X", "boxes": [[5, 5, 5, 9]]}], "expected x0 < x1"),
        ([{"file": "a.png", "brand": "X", "box": [5, "q"]}], r"box is \[\[5, 'q'\]\], expected"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, rows, says):
    with pytest.raises(SourceError, match=says) as caught:
        read_things(labels(tmp_path, rows))
    assert caught.value.fix


def test_empty_folders_are_said(tmp_path):
    with pytest.raises(EdgeError, match="no label file"):
        read_things(tmp_path)
    with pytest.raises(EdgeError, match="no photo"):
        composed.canvas_files(tmp_path)
