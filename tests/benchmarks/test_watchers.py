"""The peers' rules of benchmarks A and C, where they need no tagger."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.contenders.frigate_grid import cells
from benchmarks.contenders.oracle import about_things, groups
from benchmarks.contenders.random_tiles import tiles
from benchmarks.looking import around
from benchmarks.watchers.following import Followed, Motion, follow
from benchmarks.watchers.frigate_16_looks import GONE, Frigate16Looks
from benchmarks.watchers.opennvr_count_controller import MOST, Count
from calib_data.composed import Composed, Kind
from edge.records import Planes

DRAW = np.random.default_rng(5)


def test_a_square_stays_in_the_frame():
    assert around(10, 10, 100, 640, 480).box == (0, 0, 100, 100)
    assert around(630, 470, 100, 640, 480).box == (540, 380, 640, 480)
    assert around(320, 240, 900, 640, 480).box == (80, 0, 560, 480)


def test_frigates_cells_cover_the_frame():
    covered = np.zeros((2160, 3840), bool)
    for region in cells(3840, 2160, DRAW):
        covered[region.y0 : region.y1, region.x0 : region.x1] = True
    assert covered.all()


def test_random_tiles_lie_inside():
    assert all(
        t.x0 >= 0 and t.y0 >= 0 and t.x1 <= 3840 and t.y1 <= 2160 for t in tiles(3840, 2160, DRAW)
    )
    assert tiles(300, 200, DRAW)[0].x1 <= 300


def test_near_boxes_are_one_group():
    boxes = [(0, 0, 10, 10), (100, 0, 110, 10), (500, 0, 510, 10), (250, 0, 260, 10)]
    assert sorted(len(g) for g in groups(boxes)) == [1, 3]


def test_a_thing_keeps_its_box_as_it_moves_and_a_new_one_begins():
    things = [Followed((0, 0, 100, 100), 0, 0), Followed((300, 0, 400, 100), 0, 0)]
    matched = follow(things, [(320, 0, 420, 100), (700, 0, 800, 100)], 1)
    assert matched[0] is things[1]
    assert things[1].box == (320, 0, 420, 100)
    assert len(things) == 3
    assert things[0].seen == 0


def test_motion_is_found_where_it_is():
    motion = Motion()
    luma = np.full((1080, 1920), 90, np.uint8)
    chroma = (np.full((540, 960), 128, np.uint8),) * 2
    assert motion.boxes(Planes(luma, chroma)) == []
    luma = luma.copy()
    luma[400:600, 800:1000] = 200
    [box] = motion.boxes(Planes(luma, chroma))
    assert box[0] <= 800
    assert box[2] >= 1000
    assert box[2] - box[0] < 400


def test_frigate_forgets_a_thing_for_its_own_empty_looks_and_not_for_those_of_one_before_it():
    """Where something flickers that nobody can name, one thing follows another, each as long."""
    nothing = SimpleNamespace(engine_ms=1.0, scores={})
    blind = SimpleNamespace(heads=(), tags={}, look=lambda picture, regions: nothing)
    watcher, chroma = Frigate16Looks(blind), (np.full((540, 960), 128, np.uint8),) * 2
    kept = []
    for n in range(1 + 4 * GONE):
        luma = np.full((1080, 1920), 90, np.uint8)
        luma[400:600, 800:1000] += 100 * (n % 2)
        watcher.frame(Planes(luma, chroma), n / 5)
        kept.append(len(watcher._things))
    assert kept == [0] + [*[1] * (GONE - 1), 0] * 4


def test_the_count_halves_when_late_and_climbs_one_by_one():
    count = Count(50.0)
    for _ in range(3):
        count.took(120.0)
    assert count.now == MOST // 2
    for _ in range(3):
        count.took(20.0)
    assert count.now == MOST // 2 + 1
    for _ in range(20):
        count.took(45.0)
    assert count.now == MOST // 2 + 1


def test_one_late_frame_moves_nothing_and_the_count_never_ends():
    count = Count(50.0)
    count.took(80.0)
    count.took(10.0)
    assert count.now == MOST
    for _ in range(100):
        count.took(500.0)
    assert count.now == 1


@pytest.mark.parametrize("side", [640, 512])
def test_sahi_gives_the_slices_that_it_is_known_for(side):
    pytest.importorskip("sahi", reason="pip install 'edge-tag[bench]'")
    from benchmarks.contenders.sahi_slices import slices

    found = slices(3840, 2160, side)
    assert len(found) == {640: 33, 512: 61}[side]
    assert found[-1].box == (0, 0, 3840, 2160)


def test_everybody_in_benchmark_b_has_the_same_tiles():
    pytest.importorskip("sahi", reason="pip install 'edge-tag[bench]'")
    pytest.importorskip("supervision", reason="pip install 'edge-tag[bench]'")
    from supervision import InferenceSlicer

    from benchmarks.bench_b import tiles
    from benchmarks.contenders.sahi_slices import slices

    wanted = [tile.box for tile in tiles()]
    assert [s.box for s in slices(3840, 2160, 640)[:-1]] == wanted
    boxes = InferenceSlicer._generate_offset((3840, 2160), (640, 640), (128, 128))
    assert [tuple(box) for box in boxes.tolist()] == wanted


def test_a_crop_is_as_large_as_its_thing_fills_it():
    empty = np.zeros((400, 600, 3), np.uint8)
    scene = Composed(empty, (), (), Kind(0, False, False))
    small, large = (100, 100, 120, 110), (300, 200, 340, 240)
    crops = about_things(scene, [small, large], 0.5)
    assert [crop.box for crop in crops] == [(280, 180, 360, 260), (90, 85, 130, 125)]
