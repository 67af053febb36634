"""What the scheduler reaches on a virtual device, and how far predictions are off, drawn."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from benchmarks.virtual import reached, table


def test_a_run_on_a_virtual_device_says_that_it_is_one(tmp_path, need_engine):
    need_engine("onnxruntime")
    rng = np.random.default_rng(0)
    for n in range(2):
        cv2.imwrite(str(tmp_path / f"{n}.png"), rng.integers(0, 256, (480, 640, 3), np.uint8))
    row = reached("hailo-8l", tmp_path, budget_ms=100.0)
    assert row.device == "hailo-8l (virtual, predicted)"
    assert row.frames == 2
    assert row.looks > 0
    assert {p.label for p in row.predicted} == {"predicted"}
    assert table([row]).splitlines()[2].startswith("| hailo-8l (virtual, predicted) | 4.3")


def test_predictions_are_drawn_beside_what_was_measured(tmp_path):
    pytest.importorskip("matplotlib", reason="pip install 'edge-tag[bench]'")
    from benchmarks.predicted import drawn
    from edge.boards import profiles
    from quantize.cost.refit import refit

    file = tmp_path / "predicted.png"
    drawn(refit(profiles.folder() / "cost"), file)
    picture = cv2.imread(str(file))
    assert picture.shape[1] > picture.shape[0]
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 50  # dots, lines, words


def published(*boards):
    """By precision, the first board with int8 alone."""
    from quantize.cost.fit import Missed
    from quantize.cost.published import Compared
    from quantize.cost.refit import Refit

    rows = [Compared(board, "a", "int8", 2.0 + n, 3.0) for n, board in enumerate(boards)]
    missed = {"onnxruntime/int8": [Missed("a", 2.0, 3.0)]}
    return Refit(None, missed, {"int8": rows, "fp32": rows[1:]})


def test_a_board_without_figures_of_a_precision_is_drawn_with_those_it_has(tmp_path):
    pytest.importorskip("matplotlib", reason="pip install 'edge-tag[bench]'")
    from benchmarks.predicted import drawn

    drawn(published("jetson", "rpi5"), tmp_path / "predicted.png")
    assert (tmp_path / "predicted.png").stat().st_size > 0


def test_a_board_without_a_colour_of_its_own_is_not_left_out_in_silence(tmp_path):
    pytest.importorskip("matplotlib", reason="pip install 'edge-tag[bench]'")
    from benchmarks.predicted import COLOURS, drawn

    boards = [f"board {n}" for n in range(len(COLOURS) + 1)]
    with pytest.raises(ValueError, match="shorter"):
        drawn(published(*boards), tmp_path / "predicted.png")
