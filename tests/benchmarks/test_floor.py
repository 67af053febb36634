"""What our score on pictures held out here says of others: by a probe that both have been asked."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")
pytest.importorskip("ai_edge_litert", reason="pip install 'edge-tag[tflite]'")

from benchmarks.floor import expected, probe, student


def test_a_probe_learns_what_a_line_can_tell():
    draw = np.random.default_rng(5)
    labels = draw.integers(3, size=300)
    rows = draw.normal(size=(300, 8)).astype(np.float32)
    rows[np.arange(300), labels] += 4
    found = np.array(probe(rows[:200], labels[:200].tolist(), rows[200:], 1e-3))
    assert np.mean(found == labels[200:]) > 0.9


def test_errors_there_are_as_many_times_fewer_than_the_probes_as_here():
    assert expected(90.0, 80.0, 80.0) == pytest.approx(90)
    assert expected(90.0, 80.0, 90.0) == pytest.approx(95)
    assert expected(90.0, 80.0, 60.0) == pytest.approx(80)


def test_what_ships_says_of_each_head_what_its_worst_engine_scores():
    found = student()
    assert {"clothes", "grocery", "fish"} < set(found)
    assert all(50 < share <= 100 for share in found.values())
