"""S6: the regressor answers in int8 as it did in float, and knows fish hidden in part."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from edge.errors import BundleError
from edge.length.regressor import FEATURES, read_regressor
from quantize.cli import main
from quantize.errors import WorkshopError
from quantize.fish import regression
from quantize.fish.regression import Shapes, errors, exact, quantised, shapes


@pytest.fixture(scope="module")
def held() -> Shapes:
    return shapes(977, 60)


def test_s6_the_one_that_ships_is_right_to_one_per_cent_on_whole_fish(held: Shapes) -> None:
    off = np.abs(errors(read_regressor(), held))
    assert off[~held.is_hidden].mean() < 0.01
    assert off[held.is_hidden].mean() < 0.04


def test_s6_where_a_part_is_hidden_it_knows_more_than_the_midline(held: Shapes) -> None:
    seen = held.features[:, 0] * held.units / held.truth[:, 0] - 1  # along what shows
    off = errors(read_regressor(), held)[:, 0]
    assert np.abs(off[held.is_hidden]).mean() < 0.5 * np.abs(seen[held.is_hidden]).mean()


def test_s6_int8_moves_a_length_by_less_than_half_a_millimetre(held: Shapes) -> None:
    """MAE against float weights, on fish of 40 cm."""
    made = read_regressor()
    rng = np.random.default_rng(0)
    layers = []
    for layer in made.layers:
        weights = exact(layer) * (1 + 1e-9)
        off_grid = weights + rng.uniform(-0.5, 0.5, weights.shape) * np.array(layer.scales)[:, None]
        layers.append((off_grid, np.array(layer.bias)))
    rough = msgspec.structs.replace(made, layers=tuple(quantised(w, b) for w, b in layers))
    x = np.clip((held.features - np.array(made.mean)) / np.array(made.spread), -4, 4)
    for n, (weights, bias) in enumerate(layers):
        x = x @ weights.T + bias
        x = np.maximum(x, 0) if n + 1 < len(layers) else x
    off_cm = 40 * np.abs(rough.shares(held.features) / np.exp(x) - 1)
    assert off_cm.mean() <= 0.05


def test_quantised_weights_are_within_half_a_step() -> None:
    weights = np.random.default_rng(1).normal(size=(5, 9)).astype(np.float32)
    layer = quantised(weights, np.zeros(5, np.float32))
    assert np.abs(exact(layer) - weights).max() <= 0.51 * np.abs(weights).max() / 127


def test_a_short_run_learns_something() -> None:
    few = shapes(3, 40)
    made, moved_cm = regression.learned(few, few, 30, 0)
    assert np.abs(errors(made, few)).mean() < 0.1
    assert len(made.mean) == FEATURES
    assert 0 < moved_cm <= 0.05


def test_s6_int8_is_judged_by_the_float_that_was_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    """MAE on held-out fish: half a millimetre at most, or nothing comes out."""
    taught, apart = shapes(3, 40), shapes(4, 30)
    coarse = lambda w, b: quantised((w / np.abs(w).max()).round(1) * np.abs(w).max(), b)  # noqa: E731
    assert regression.learned(taught, apart, 3, 0).moved_cm < 0.05
    monkeypatch.setattr(regression, "quantised", coarse)  # three bits, not eight
    with pytest.raises(WorkshopError, match="int8: moves a length of 34 cm by"):
        regression.learned(taught, apart, 3, 0)


@pytest.mark.parametrize("by_cm", [0.051, float("nan")])
def test_s6_what_moves_lengths_is_refused(by_cm: float) -> None:
    with pytest.raises(WorkshopError, match=r"expected 0.05 cm or less") as caught:
        regression.check_moved(by_cm)
    assert "--epochs" in caught.value.fix


def test_s6_the_stage_says_what_int8_moves(tmp_path: Path, capsys) -> None:
    asked = ["length", "--out", str(tmp_path / "out"), "--fish", "60", "--judged", "30"]
    assert main([*asked, "--epochs", "2"]) == 0
    assert "int8 moves 34 cm by cm 0.0" in capsys.readouterr().out
    assert read_regressor(tmp_path / "out" / "regressor.json").sd_whole > 0


@pytest.mark.parametrize("key", ["mean", "layers", "schema"])
def test_a_regressor_that_does_not_fit_is_refused(tmp_path: Path, key: str) -> None:
    wrong = {"mean": (0.0,), "layers": read_regressor().layers[1:], "schema": 2}
    made = msgspec.structs.replace(read_regressor(), **{key: wrong[key]})
    (tmp_path / "r.json").write_bytes(msgspec.json.encode(made))
    with pytest.raises(BundleError, match="expected"):
        read_regressor(tmp_path / "r.json")
