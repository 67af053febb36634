"""Benchmark F: its cameras, its virtual device, its rules, and what it counts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sahi", reason="pip install 'edge-tag[bench]'")

from benchmarks.cameras.device import Device, Table
from benchmarks.cameras.rules import RULES, InTurn, longest_waiting
from benchmarks.cameras.served import PERIOD_S, Served, play
from benchmarks.cameras.yard import (
    ACTIVE,
    GROUNDS,
    NOISE,
    TALL,
    WIDE,
    Crossing,
    Scene,
    Yard,
    yard,
)
from benchmarks.reports.bench_f import Played, jain, numbers, sustained
from edge.glance.gate import Gate, moved
from edge.pictures import pixels
from edge.records import Region

TABLE = Table("virtual", 20.0, 40.0)
PASSES = Yard((Crossing(0, 3, 160, 400, 2.0, False),), 0.05, 1)  # for 6 s


def test_frames_show_what_the_truth_says():
    seen = yard(2, 60.0, 5)
    assert yard(2, 60.0, 5) == seen
    busy = [n for n in range(300) if seen.there(seen.at_s(n))]
    assert 0.5 * ACTIVE < len(busy) / 300 < 2 * ACTIVE
    [empty] = {
        seen.picture(n).luma.tobytes()
        for n in range(300)
        if n % GROUNDS == busy[15] % GROUNDS and n not in busy
    }
    truth = seen.truths(seen.at_s(busy[15]))[0]
    x0, y0, x1, y1 = truth.box
    ground = np.frombuffer(empty, np.uint8).reshape(TALL, WIDE)
    changed = np.abs(seen.picture(busy[15]).luma[y0:y1, x0:x1] - ground[y0:y1, x0:x1].astype(int))
    assert np.median(changed) > 20


def test_a_noisy_camera_is_never_quiet():
    noisy = yard(0, 30.0, 1, is_noisy=True)
    counts = [len(noisy.there(noisy.at_s(n))) for n in range(20, 130)]
    assert min(counts) >= 1
    assert np.mean(counts) > 5


def test_a_look_names_what_is_large_enough_in_it_and_takes_what_the_table_says():
    device = Device(TABLE)
    device.show(10.0, Scene([(PASSES.crossings[0], (500, 400, 660, 560))]))
    looks = [
        device.look(PASSES.picture(20), [Region(*box)])
        for box in ((450, 350, 710, 610), (0, 0, 1920, 1080), (900, 0, 1300, 400))
    ]
    best = [int(look.scores["kind"][0].argmax()) for look in looks]
    assert best == [3, 12, 12]  # 12: none
    assert device.engine_ms == 60.0
    assert device.ended_s() == pytest.approx(10.06)


def test_what_edge_tag_takes_beside_its_launches_counts():
    device = Device(Table("virtual", 20.0, 40.0, frame_ms=3.0, launch_ms=1.0))
    device.show(10.0, Scene())
    assert device.clock() == 10.0
    assert device.clock() == pytest.approx(10.003)
    device.glance(PASSES.picture(0))
    list(device.looks(PASSES.picture(0), [Region(0, 0, 100, 100)]))
    assert device.ended_s() == pytest.approx(10.003 + 0.062)
    assert device.engine_ms == 60.0


def test_one_frame_gives_one_glance_whoever_looks():
    spots = []
    for _ in range(2):
        device = Device(TABLE)
        for n in range(10, 40):
            device.show(0.0, PASSES.scene(n))
            spots.append([spot.box for spot in device.glance(PASSES.picture(n))[0].spots])
    assert spots[:30] == spots[30:]
    assert len({tuple(seen) for seen in spots}) > 10


def test_however_seldom_a_camera_is_served_its_noise_is_never_the_same_again():
    """Else it would be believed to have none, and the next noise to be motion."""
    still = Yard((), 0.1, 2)
    for step in range(1, 9):
        gate = Gate()
        for n in range(0, 12 * step, step):
            gate, _ = moved(gate, pixels.luma_grid(still.picture(n)), 24, 24)
        assert gate.noise > NOISE


def test_a_run_is_exact():
    yards = [yard(n, 8.0, 3) for n in range(3)]
    first, again = (
        play(device, RULES["ours"](device, 3), yards, 8.0)
        for device in (Device(TABLE), Device(TABLE))
    )
    assert first == again


@pytest.mark.parametrize("name", RULES)
def test_every_rule_serves_what_comes_and_sees_what_passes(name):
    device = Device(TABLE)
    served = play(device, RULES[name](device, 2), [PASSES, Yard((), 0.1, 2)], 9.0)
    assert {s.camera for s in served} == {0, 1}
    times = [s.done_s for s in served]
    assert times == sorted(times)
    for camera in (0, 1):
        taken = [s.taken_s for s in served if s.camera == camera]
        assert taken == sorted(set(taken))
    assert any(0 in s.told for s in served if s.camera == 0)


def test_who_waits_longest_and_who_is_next():
    assert longest_waiting({0: 3.0, 1: 1.0, 2: 2.0}) == 1
    choose = InTurn()
    assert [choose({0: 1, 2: 1}), choose({0: 1, 1: 1, 2: 1}), choose({0: 1, 1: 1})] == [0, 1, 0]


def served(*rows: tuple[float, set[int]]) -> list[Served]:
    return [Served(0, at_s, at_s + 0.1, frozenset(told), 100.0) for at_s, told in rows]


def of(rows: list[Served]) -> dict[str, Any]:
    return numbers([Played([PASSES], rows, 10.0)])


def test_what_is_told_grows_old_until_it_is_told_again():
    every = [PASSES.at_s(n) for n in range(50)]
    there = [at_s for at_s in every if PASSES.truths(at_s)]
    never = of(served(*((at_s, set()) for at_s in every)))
    assert never["told_share"] == 0
    assert never["age_p99_s"] == pytest.approx(there[-1] - there[0], abs=1.2 * PERIOD_S)
    always = of(served(*((at_s, {0}) for at_s in every)))
    assert always["told_share"] == 1.0
    assert 0.1 <= always["age_p50_s"] <= always["age_p99_s"] <= 0.1 + PERIOD_S  # 0.1: a result's
    assert always["busy"] == pytest.approx(0.5)
    late = of(served((there[4], {0})))
    assert late["age_p99_s"] == pytest.approx(there[-1] - there[4], abs=PERIOD_S)
    assert late["longest_s"] == pytest.approx(10.0 - there[4] - 0.1)


def test_fairness_and_how_many_cameras_are_sustained():
    assert jain([0.5, 0.5, 0.5]) == pytest.approx(1.0)
    assert jain([1.0, 0.0, 0.0, 0.0]) == pytest.approx(0.25)
    ages = {1: 0.1, 2: 1.9, 4: 2.5, 8: 1.0}
    assert sustained({n: {"age_p99_s": age} for n, age in ages.items()}) == 2
    assert sustained({1: {"age_p99_s": math.nan}}) == 0
