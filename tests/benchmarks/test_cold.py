"""Benchmark E: what it counts, and the bare engines beside which it does."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

pytest.importorskip("matplotlib", reason="pip install 'edge-tag[bench]'")

from benchmarks.bench_e import PICTURE, THREADS, starter
from benchmarks.cold.installed import OPENCV, closure, lay_down, size_mb
from benchmarks.cold.process import Cost, cost
from benchmarks.machine import ROOT
from benchmarks.reports.bench_e import BARE, ENGINES, OURS, first_tags, judged, memory
from edge.bundle import DEFAULT, open_bundle
from edge.errors import EdgeError


def test_a_process_costs_what_it_takes(tmp_path):
    held = "b = bytearray(600 << 20); print(1, flush=True)"
    small = cost([sys.executable, "-c", "print(1)"], {}, tmp_path)
    large = cost([sys.executable, "-c", held], {}, tmp_path)
    assert small.first_line_s > 0
    assert small.cpu_s > 0
    mine = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # never less: see Cost
    assert max(600, small.rss_mb) <= large.rss_mb < max(700, 1.05 * mine)


@pytest.mark.parametrize("program", ["pass", "print(1); raise SystemExit(3)"])
def test_a_process_that_fails_or_says_nothing_is_no_measurement(program, tmp_path):
    with pytest.raises(EdgeError, match="ended with"):
        cost([sys.executable, "-c", program], {}, tmp_path)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_bare_engine_gives_what_the_artifact_gives(engine, need_engine):
    """The same picture through the same artifact: one place a head, and the embedding's."""
    need_engine(engine)
    with open_bundle(DEFAULT) as bundle:
        files = [str(DEFAULT / f.file) for f in bundle.artifact(engine).files]
    script = str(ROOT / "benchmarks" / "cold" / "bare.py")
    command = [sys.executable, script, engine, str(PICTURE), "1", THREADS, "-", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert len(done.stdout.split()) == 5


def test_ours_starts_from_what_would_be_installed(tmp_path):
    laid_down = lay_down(tmp_path)
    assert list((laid_down / "edge" / "__pycache__").glob("tagger.*.pyc"))
    assert 5 < size_mb(laid_down) < 60
    found = starter("onnxruntime", PICTURE, laid_down, whole=True)(OURS, 1)
    assert found.rss_mb > 50
    (laid_down / "edge" / "__main__.py").write_text("raise SystemExit(3)")
    with pytest.raises(EdgeError, match="ended with 3"):  # and from nowhere else
        starter("onnxruntime", PICTURE, laid_down, whole=True)(OURS, 1)


def test_what_an_engine_needs_is_counted_once():
    found = closure([OPENCV, "onnxruntime", "numpy"])
    assert {"numpy", OPENCV, "onnxruntime"} <= found
    assert "torch" not in found


def test_each_run_is_compared_with_the_one_beside_it():
    costs = {
        BARE: [Cost(1.0, 0.5, 100), Cost(2.0, 0.5, 110), Cost(4.0, 0.5, 120)],
        OURS: [Cost(1.2, 0.6, 130), Cost(2.2, 0.6, 150), Cost(4.4, 0.6, 130)],
    }
    found = first_tags("x", costs)
    assert found["x_first_tag_over_bare"] == pytest.approx(1.1)
    assert found["x_first_tag_cpu_over_bare"] == pytest.approx(1.2)
    assert found["x_first_tag_cpu_s"] == 0.6
    assert memory("x", costs) == {"x_rss_mb_over_bare": 30}


def test_the_first_tag_without_whole_is_told_beside_the_one_with_it():
    many = {BARE: {"first_line_s": 0.2}, OURS: {"first_line_s": 0.5}}
    found = {"not_measured": ["tflite", "openvino"], "memory": {"onnxruntime": many}}
    rows = judged(found | {"onnxruntime_first_tag_over_bare": 1.1})
    assert {row["key"].split("_")[0] for row in rows} == {"onnxruntime"}
    assert rows[0]["beside"] == "with `--whole`; without, 2.5"
    assert rows[0]["is_met"]
