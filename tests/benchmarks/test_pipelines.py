"""Benchmark B: the network's variants are the same network, and pipelines do the same work."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.reports.bench_b import Timed, headlines, judged, ratio
from edge.bundle import DEFAULT, open_bundle
from edge.engines import open_engine
from edge.records import Planes, Region
from edge.tagger import Tagger, open_tagger

onnx = pytest.importorskip("onnx", reason="pip install 'edge-tag[bench]'")
rt = pytest.importorskip("onnxruntime", reason="pip install 'edge-tag[bench]'")

from benchmarks.pipelines import Job, Kit, Raw, edge_tag, frigate_loop  # noqa: E402
from benchmarks.variants import (  # noqa: E402
    FloatInput,
    model_of,
    resized,
    sized_bundle,
    with_float_input,
)

DRAW = np.random.default_rng(2)
TILES = tuple(Region(x, y, x + 64, y + 64, "tile") for y in (0, 32) for x in (0, 48, 96))


@pytest.fixture(scope="module")
def model() -> bytes:
    with open_bundle(DEFAULT) as bundle:
        return model_of(bundle)


def test_float_planes_give_what_the_bytes_give(model: bytes):
    picture = DRAW.integers(0, 256, (1, 224, 224, 3), np.uint8)
    expected = open_engine("onnxruntime", [model], threads=1).run(picture)
    changed = FloatInput(with_float_input(model))
    planes = np.ascontiguousarray((picture.astype(np.float32) / 255).transpose(0, 3, 1, 2))
    names = [out.name for out in changed._session.get_outputs()]
    found = dict(zip(names, changed._session.run(None, {changed._input: planes})))
    for name, rows in expected.items():
        assert np.array_equal(found[name], rows)


def test_another_input_size_is_the_same_network(model: bytes):
    engine = open_engine("onnxruntime", [resized(model, 320)], threads=1)
    assert engine.input.shape[1:] == (320, 320, 3)
    plain = np.full((1, 320, 320, 3), 90, np.uint8)
    before = open_engine("onnxruntime", [model], threads=1).run(plain[:, :224, :224])
    a, b = before["embedding"][0], engine.run(plain)["embedding"][0]
    assert a @ b / np.linalg.norm(a) / np.linalg.norm(b) > 0.9  # borders weigh less


def test_a_bundle_of_another_size_opens(tmp_path: Path):
    sized_bundle(tmp_path / "b", DEFAULT, 256)
    with open_tagger(tmp_path / "b", "onnxruntime", threads=1) as tagger:
        assert tagger.input_px == 256
        assert not tagger.has_glance


def job(count: int) -> Job:
    i420 = DRAW.integers(16, 236, (96 * 3 // 2, 160), np.uint8)
    u, v = i420[96:].reshape(2, 48, 80)
    boxes = np.array([[4, 4, 30, 30], [5, 5, 30, 31], [40, 40, 60, 60]], np.float32)[:count]
    raw = Raw(boxes, np.full(count, 0.9, np.float32), np.zeros(count, int))
    return Job(i420, Planes(i420[:96], (u, v)), TILES, (raw,) * len(TILES))


@pytest.mark.parametrize("count", [0, 3])
def test_what_is_prepared_ahead_comes_to_the_same(wide_bundle: Path, count: int):
    bundle = open_bundle(wide_bundle)
    artifact = bundle.artifact("onnxruntime")
    engine = open_engine("onnxruntime", [bundle.read(f) for f in artifact.files], threads=1)
    with Tagger(bundle, artifact, engine) as tagger:
        kit = Kit(tagger, engine, None)
        ahead, serial = edge_tag.overlapped(kit, job(count)), edge_tag.serial(kit, job(count))
    assert ahead.results == serial.results
    assert (ahead.results == 0) == (count == 0)
    assert ahead.engine_ms > 0


def test_a_region_alone_has_the_colours_of_the_whole_frame():
    made = job(0)
    whole = cv2.cvtColor(made.i420, cv2.COLOR_YUV2RGB_I420)
    for tile in TILES:
        part = frigate_loop.region_rgb(made.i420, tile, 96)
        assert np.array_equal(part, whole[tile.y0 : tile.y1, tile.x0 : tile.x1])


def timed(*efficiencies: float) -> list[Timed]:
    return [Timed(100.0, 100 * e, 100.0) for e in efficiencies]


def test_a_ratio_is_that_of_frames_side_by_side():
    value, (low, high) = ratio(timed(0.9, 0.8, 0.9), timed(0.6, 0.4, 0.45))
    assert value == pytest.approx(2.0)
    assert low == pytest.approx(1.5)
    assert high == pytest.approx(2.0)


def test_the_headline_is_at_five_results_a_tile():
    at = {5: {"ours": timed(0.96), "sahi": timed(0.6)}, 20: {"ours": timed(0.1)}}
    found = headlines({224: at, 640: at})
    found |= {"whole_way": {"efficiency": 0.94}}
    rows = {row["key"]: row["is_met"] for row in judged(found)}
    assert not rows["whole_way_efficiency"]  # of `tag_frame` itself
    assert rows["efficiency_224"]
    assert rows["over_sahi_640"]
    assert not rows["efficiency_640"]
