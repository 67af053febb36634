"""Benchmark F: its cameras, its virtual device, its rules, and what it counts."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("sahi", reason="pip install 'edge-tag[bench]'")

from benchmarks.cameras.device import Device, Table
from benchmarks.cameras.rules import RULES, InTurn, longest_waiting
from benchmarks.cameras.served import PERIOD_S, Served, play
from benchmarks.cameras.yard import ACTIVE, TALL, WIDE, Crossing, Yard, yard
from benchmarks.report_f import jain, numbers, sustained
from edge.records import Region

TABLE = Table("virtual", 20.0, 40.0)
PASSES = Yard((Crossing(0, 3, 160, 400, 2.0, False),), 0.05, 1)  # for 6 s


def test_frames_show_what_the_truth_says():
    seen = yard(2, 60.0, 5)
    assert yard(2, 60.0, 5) == seen
    busy = [n for n in range(300) if seen.there(seen.at_s(n))]
    assert 0.5 * ACTIVE < len(busy) / 300 < 2 * ACTIVE
    [empty] = {seen.picture(n).luma.tobytes() for n in range(300) if n % 4 == 0 and n not in busy}
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
    device = Device(TABLE, 1)
    device.pass_to(10.0, [(PASSES.crossings[0], (500, 400, 660, 560))])
    looks = [
        device.look(PASSES.picture(20), [Region(*box)])
        for box in ((450, 350, 710, 610), (0, 0, 1920, 1080), (900, 0, 1300, 400))
    ]
    best = [int(look.scores["kind"][0].argmax()) for look in looks]
    assert best == [3, 12, 12]  # 12: none
    assert device.engine_ms == 60.0
    assert 10.06 <= device.clock() < 10.06 + 5


@pytest.mark.parametrize("name", RULES)
def test_every_rule_serves_what_comes_and_sees_what_passes(name):
    device = Device(TABLE, 1)
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


def test_what_is_told_grows_old_until_it_is_told_again():
    every = [PASSES.at_s(n) for n in range(50)]
    there = [at_s for at_s in every if PASSES.truths(at_s)]
    never = numbers([PASSES], served(*((at_s, set()) for at_s in every)), 10.0)
    assert never["told_share"] == 0
    assert never["age_p99_s"] == pytest.approx(there[-1] - there[0])
    always = numbers([PASSES], served(*((at_s, {0}) for at_s in every)), 10.0)
    assert (always["told_share"], always["age_p99_s"]) == (1.0, 0.0)
    assert always["busy"] == pytest.approx(0.5)
    late = numbers([PASSES], served((there[4], {0})), 10.0)
    assert late["age_p99_s"] == pytest.approx(there[-1] - there[4], abs=PERIOD_S)


def test_fairness_and_how_many_cameras_are_sustained():
    assert jain([0.5, 0.5, 0.5]) == pytest.approx(1.0)
    assert jain([1.0, 0.0, 0.0, 0.0]) == pytest.approx(0.25)
    ages = {1: 0.1, 2: 1.9, 4: 2.5, 8: 1.0}
    assert sustained({n: {"age_p99_s": age} for n, age in ages.items()}) == 2
    assert sustained({1: {"age_p99_s": math.nan}}) == 0
