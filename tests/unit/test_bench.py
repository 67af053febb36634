"""How fast, how sure, and on what: from recorded machines and from made-up durations."""

from __future__ import annotations

import itertools
import re

import msgspec
import numpy as np
import pytest

from edge.bench import energy, host, measuring
from edge.bench.energy import Counter, Rail, Used, find_meter
from edge.bench.line import STAGES, Line, Machine, Quantiles
from edge.bench.measuring import FRAME, by_batch, engine_alone
from edge.bench.roofline import roof, work
from edge.bench.running import BenchSettings, bench
from edge.bench.samples import ENOUGH_FOR_P99, quantiles, spread
from edge.bench.scene import SIZE, scene
from edge.bench.staged import Staged
from edge.bench.table import rows
from edge.bench.verdict import LEAST_LAUNCHES, LEAST_S, reasons
from edge.boards.profiles import Citation, Roofline
from edge.errors import CheckFailed
from edge.frames import tag_frame
from edge.health.power import Power
from edge.tagger import open_tagger
from tests.boards import JETSON, PI, record
from tests.tiny import edited, write_glancing, write_tiny

RAPL = {
    "sys/class/powercap/intel-rapl:0/name": "package-0",
    "sys/class/powercap/intel-rapl:0/energy_uj": "9000000",
    "sys/class/powercap/intel-rapl:0/max_energy_range_uj": "10000000",
    "sys/class/powercap/intel-rapl:0:0/name": "core",
    "sys/class/powercap/intel-rapl:0:0/energy_uj": "5",
}
INA = JETSON | {
    "sys/class/hwmon/hwmon2/name": "ina3221",
    "sys/class/hwmon/hwmon2/in1_label": "VDD_CPU_GPU_CV",
    "sys/class/hwmon/hwmon2/in1_input": "5000",
    "sys/class/hwmon/hwmon2/curr1_input": "400",
    "sys/class/hwmon/hwmon2/in2_label": "VDD_IN",
    "sys/class/hwmon/hwmon2/in2_input": "5000",
    "sys/class/hwmon/hwmon2/curr2_input": "1200",
}


def test_p99_is_told_only_where_there_are_enough():
    few = quantiles([1.0] * (ENOUGH_FOR_P99 - 1))
    assert (few.p50, few.p99, few.count) == (1.0, None, ENOUGH_FOR_P99 - 1)
    many = quantiles([float(n) for n in range(1001)])
    assert (many.p50, many.p90, many.p99, many.least) == (500.0, 900.0, 990.0, 0.0)
    with pytest.raises(ValueError, match="no duration"):
        quantiles([])


def test_the_spread_is_that_of_the_parts_not_of_single_launches():
    jitter = [1.0, 9.0] * 500  # every part has the same median
    assert spread(jitter) == 0
    assert spread([1.0] * 500 + [1.5] * 500) == pytest.approx(0.5 / 1.25)


WELL = Power()
GOOD = Quantiles(4.0, 4.2, 5.0, 3.9, LEAST_LAUNCHES)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, None),
        ({"seconds": LEAST_S - 0.1}, "too short"),
        ({"engine_ms": Quantiles(4.0, 4.2, None, 3.9, LEAST_LAUNCHES - 1)}, "too short"),
        ({"spread": 0.11}, "too noisy"),
        ({"others": 0.11}, "loaded machine"),
        ({"others": None}, None),
        ({"before": Power(now=("capped",))}, r"throttled.*before the run \(capped\)"),
        ({"after": Power(now=("hot",), since_boot=("hot",))}, r"throttled.*after the run \(hot\)"),
        ({"after": Power(since_boot=("throttled",))}, "during the run"),
        (
            {"before": Power(since_boot=("throttled",)), "after": Power(since_boot=("throttled",))},
            None,  # long ago
        ),
    ],
)
def test_every_reason_not_to_trust_a_result(changed, said):
    asked = {"engine_ms": GOOD, "seconds": LEAST_S, "spread": 0.1, "others": 0.1}
    found = [*reasons(**asked | {"before": WELL, "after": WELL} | changed)]
    if said is None:
        assert found == []
    else:
        assert len(found) == 1
        assert re.search(said, found[0])


def roofline(int8_gmac_s: float) -> Roofline:
    return Roofline("cpu", "P", int8_gmac_s, (Citation("as said", "arithmetic"),))


def test_a_roofline_has_two_sides():
    computing = roof(300_000_000, 1_000_000, gmac_s=300.0, memory_gb_s=10.0, measured_ms=4.0)
    assert (computing.least_ms, computing.share, computing.bound) == (1.0, 0.25, "compute")
    moving = roof(300_000_000, 20_000_000, gmac_s=300.0, memory_gb_s=10.0, measured_ms=4.0)
    assert (moving.least_ms, moving.share, moving.bound) == (2.0, 0.5, "bandwidth")
    assert roof(300_000_000, 1, 300.0, None, 4.0).bound == "compute"
    assert roofline(600.0).gmac_s("float") is None
    assert work({"macs": 5, "activations": 7}) == (5, 7)
    assert work({"macs": 5}) is None


def test_rapl_counts_packages_and_starts_again(tmp_path):
    meter = find_meter(record(tmp_path, RAPL))
    assert isinstance(meter, Counter)
    ticks = iter([0.0, 2.0])
    with Used(meter, lambda: next(ticks)) as used:
        record(tmp_path, RAPL | {"sys/class/powercap/intel-rapl:0/energy_uj": "1000000"})
    assert used.joules == pytest.approx(2.0)  # 9 J .. 10 J, then 1 J
    assert used.watts == pytest.approx(1.0)


def test_the_rail_that_feeds_a_jetson(tmp_path):
    meter = find_meter(record(tmp_path, INA))
    assert isinstance(meter, Rail)
    assert (meter.name, meter.watts()) == ("VDD_IN", 6.0)
    ticks = iter([0.0, 3.0])
    with Used(meter, lambda: next(ticks)) as used:
        pass
    assert used.joules == pytest.approx(18.0)


def test_a_meter_that_falls_silent_says_nothing():
    with Used(Rail("gone", lambda: None)) as used:
        pass
    assert (used.joules, used.watts) == (None, None)


def test_a_board_without_a_meter(tmp_path):
    assert find_meter(record(tmp_path, PI)) is None
    hidden = {name: text for name, text in RAPL.items() if not name.endswith("energy_uj")}
    assert energy.find_meter(record(tmp_path / "x", hidden)) is None  # for root alone


def test_a_board_goes_by_the_name_of_its_firmware(tmp_path):
    root = record(tmp_path, {"proc/cpuinfo": "model name\t: Cortex\nFeatures\t: asimd asimddp"})
    assert host.board(root) == "Cortex"
    record(tmp_path, {"proc/device-tree/model": "Raspberry Pi 5 Model B\0",
                      "proc/meminfo": "MemTotal: 8192000 kB"})  # fmt: skip
    assert host.board(root) == "Raspberry Pi 5 Model B"
    found = host.machine(root)
    assert (found.flags, found.memory_mib) == (("asimd", "asimddp"), 8000)


def test_what_others_take_is_what_we_did_not(tmp_path):
    [core, *_] = sorted(host.ours())
    root = record(tmp_path, {"proc/stat": f"cpu{core} 0 0 0 0 0 0 0 0 0 0"})
    others = host.Others(root)
    assert others.share() is None  # no time went by
    record(root, {"proc/stat": f"cpu{core} 100000 50000 0 50000 0 0 50000 0 0 0"})
    assert others.share() == pytest.approx(0.8, abs=0.01)  # stolen time too, ours is a second


def test_a_scene_is_the_same_for_a_seed(tiny_bundle):
    with open_tagger(tiny_bundle) as tagger:
        one, same, other = (scene(tagger.bundle, seed) for seed in (1, 1, 2))
    assert one.shape == (SIZE[1], SIZE[0], 3)
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_stages_make_up_the_frame_and_change_no_tag(tmp_path):
    with open_tagger(write_glancing(tmp_path / "glancing")) as tagger:
        frame = scene(tagger.bundle)
        staged = Staged(tagger)
        stages_ms, launches = staged.stages_ms(frame, FRAME)
        seen, same = tag_frame(tagger, frame, FRAME), tag_frame(staged, frame, FRAME)
        assert seen.tags == same.tags
        assert [look.region for look in seen.looks] == [look.region for look in same.looks]
    assert tuple(stages_ms) == STAGES
    assert all(ms > 0 for ms in stages_ms.values())
    assert launches == seen.spent.glances + seen.spent.crops > 2


def test_the_engine_runs_for_as_long_as_asked_or_until_it_is_told_to_stop(tiny_bundle):
    with open_tagger(tiny_bundle) as tagger:
        frame = scene(tagger.bundle)
        assert len(engine_alone(tagger, frame, 0.0, lambda: False)) == 1
        calls = itertools.count()
        assert len(engine_alone(tagger, frame, 60.0, lambda: next(calls) >= 4)) == 5
        assert set(by_batch(tagger, frame, (1, 3), 0.0, lambda: False)) == {"1", "3"}
        assert by_batch(tagger, frame, (), 1.0, lambda: False) == {}


def test_a_line_says_what_was_measured_and_what_was_not(tiny_bundle):
    line = bench(BenchSettings(str(tiny_bundle), seconds=0.01, threads=1, batches=(1, 2)))
    assert (line.label, line.engine, line.provider, line.precision) == (
        "measured", "null", "CPU", "int8",
    )  # fmt: skip
    assert line.verdict == "INVALID"
    assert any(reason.startswith("too short") for reason in line.reasons)
    assert line.engine_ms is not None
    assert line.engine_ms.count > 0
    assert line.cpu_ms is not None
    assert line.cpu_ms > 0
    assert line.golden is not None
    assert line.golden.pictures == 5
    assert line.golden.largest_difference < 0.001
    assert set(line.batch_ms) == {"1", "2"}
    assert line.roof is None
    assert "no profile" in line.notes["roof"]
    assert isinstance(line.machine, Machine)
    assert msgspec.json.decode(msgspec.json.encode(line), type=Line) == line
    told = dict(rows(line))
    assert "INVALID" in told
    assert "no roof" in told


def test_the_share_of_a_roofline(tmp_path):
    bundle = edited(write_tiny(tmp_path / "b"), recipe={"macs": 1000, "activations": 100})
    line = bench(BenchSettings(str(bundle), seconds=0.0, roofline=roofline(0.5)))
    assert line.engine_ms is not None
    assert line.roof is not None
    assert line.roof.least_ms == 0.002
    assert line.roof.share == pytest.approx(0.002 / line.engine_ms.p50, abs=1e-4)


def test_an_artifact_that_does_not_reproduce_is_not_timed(tmp_path):
    bundle = write_tiny(tmp_path / "wrong")
    manifest = msgspec.json.decode((bundle / "bundle.json").read_bytes())
    for golden in manifest["golden"]:
        golden["scores"]["null/int8"]["colours"]["red"] = 0.5
    edited(bundle, golden=manifest["golden"])
    line = bench(BenchSettings(str(bundle), seconds=0.0))
    assert line.engine_ms is None
    assert line.verdict == "INVALID"
    assert line.reasons[0].startswith("golden: ")
    assert dict(rows(line))["INVALID"].startswith("golden")


def test_a_bench_that_is_stopped_has_no_result(tiny_bundle):
    with pytest.raises(CheckFailed, match="stopped"):
        bench(BenchSettings(str(tiny_bundle), seconds=60.0), lambda: True)


def test_it_stops_within_a_frame_and_within_a_batch(tiny_bundle, monkeypatch):
    drawn, launched = [], []
    monkeypatch.setattr(measuring, "tag_frame", lambda *_: drawn.append(1))
    with open_tagger(tiny_bundle) as tagger:
        frame = scene(tagger.bundle)
        with pytest.raises(CheckFailed):
            measuring.frames(tagger, frame, 60.0, lambda: bool(drawn))
        monkeypatch.setattr(tagger, "launch", lambda batch: launched.append(1) or (None, 1.0))
        with pytest.raises(CheckFailed):
            by_batch(tagger, frame, (1, 3), 60.0, lambda: bool(launched))
    assert (drawn, launched) == ([1], [1])
