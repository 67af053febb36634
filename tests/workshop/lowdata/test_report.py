"""A5: what the comparison prints: both accuracies, their spread, the relative gain, the rule."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from statistics import stdev

import msgspec
import pytest

pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from quantize.lowdata.plot import plot
from quantize.lowdata.report import (
    LowDataReport,
    Result,
    SplitFacts,
    relative_gain,
    rows_of,
    rule,
    table,
)
from quantize.lowdata.settings import Comparison, run_settings
from quantize.lowdata.train import Selection
from quantize.pictures.split_files import Line, facts

TEN = {"vanilla": (0.40, 0.44, 0.42), "double_crop": (0.50, 0.48, 0.49)}
ALL = {"vanilla": (0.80, 0.81, 0.82), "double_crop": (0.80, 0.80, 0.80)}


def report(held_out: int = 2) -> LowDataReport:
    kept = Selection(300, 0.5, ((150, 0.4), (300, 0.5))) if held_out else Selection(400, None)
    plans = run_settings(Comparison(splits="10,1i", steps=400))
    runs = [
        Result(
            plan, plan.preprocessing, 8, held_out, kept,
            (TEN if plan.split == "10" else ALL)[plan.method][plan.seed], 1.0,
        )
        for plan in plans
    ]  # fmt: skip
    splits = tuple(SplitFacts(name, facts([Line("a.jpg", 0)])) for name in ("10", "1i"))
    return LowDataReport(
        "mobilenet_v2", "stock.tflite", "shape", "double_crop", 296, 60, splits,
        {"1i in 10": 3}, tuple(runs),
    )  # fmt: skip


def test_a5_means_spreads_and_gains_are_those_of_the_seeds() -> None:
    ten, single = rows_of(report())
    assert ten.vanilla.mean == pytest.approx(0.42)
    assert ten.vanilla.spread == pytest.approx(stdev(TEN["vanilla"]))
    assert ten.gain_percent == pytest.approx(100 * (0.49 / 0.42 - 1))
    assert ten.gains_percent == pytest.approx((25, 100 / 11, 100 * (0.49 / 0.42 - 1)))
    assert single.gain_percent == pytest.approx(100 * (0.80 / 0.81 - 1))
    assert relative_gain(0, 0.5) is None


def test_a5_the_table_prints_both_runs_of_every_seed_and_the_rule() -> None:
    said = table(report())
    assert "| 10 % | 10 (8 + 2) | 42.0 ± 2.0 | 49.0 ± 1.0 | +16.7 | +25.0, +9.1, +16.7 |" in said
    assert "| 1 a class | 10 (8 + 2) | 81.0 ± 1.0 | 80.0 ± 0.0 | -1.2 |" in said
    assert "| 10 % | 0 | vanilla | 50.0 | 300 of 400 | 40.0 |" in said
    assert "| 10 % | 0 | double_crop | 50.0 | 300 of 400 | 50.0 |" in said
    assert said.count(" of 400 |") == 12
    assert rule(report()) in said
    assert "double_crop: the middle 90 % of a picture, squashed to 256 px" in said
    assert "vanilla: the middle 100 % of a picture" in said
    assert "1i in 10: NOT nested, 3 pictures outside" in said


def test_a5_the_rule_says_what_weights_were_chosen_by_and_that_the_test_was_used_once() -> None:
    assert "best on pictures held out of the split" in rule(report())
    assert "296 test pictures were used once a run" in rule(report())
    assert "last step's; nothing was chosen" in rule(report(held_out=0))
    first, *others = report().runs
    mixed = msgspec.structs.replace(
        report(), runs=(msgspec.structs.replace(first, held_out=0), *others)
    )
    assert "too small to hold pictures out" in rule(mixed)


def test_a_report_is_read_again_as_it_was_written() -> None:
    data = msgspec.json.encode(report())
    assert msgspec.json.decode(data, type=LowDataReport) == report()


def test_one_seed_has_no_spread() -> None:
    runs = tuple(run for run in report().runs if run.settings.seed == 0)
    said = table(msgspec.structs.replace(report(), runs=runs))
    assert "| 40.0 | 50.0 | +25.0 | +25.0 |" in said


def test_the_drawing_has_a_dot_a_run_inside_its_frame_and_higher_is_better() -> None:
    svg = ET.fromstring(plot(report()))
    dots = [c for c in svg.iter("{http://www.w3.org/2000/svg}circle") if c.get("r") == "3"]
    assert len(dots) == 12
    assert all(30 <= float(dot.get("cy", "")) <= 260 for dot in dots)
    grey = [float(d.get("cy", "")) for d in dots if d.get("fill") == "#888888"]
    blue = [float(d.get("cy", "")) for d in dots if d.get("fill") != "#888888"]
    assert grey[1] < grey[0]  # seed 1 is four points better than seed 0
    assert max(blue[:3]) < min(grey[:3])
