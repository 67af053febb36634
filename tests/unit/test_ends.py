"""S4: rendered fish of known length, straight, bent, turned, forked: snout, fork, tips."""

from __future__ import annotations

import numpy as np
import pytest

from calib_data.draw_fish import SPECIES
from edge.length.ends import FISH, PROFILE, Body, body, is_head_last
from edge.length.midline import arc, midline
from tests.fishes import soft_fish, tips_px

LONG = 300.0
POSES = {
    "straight": (0.0, 0.0, 0.0),
    "bent": (0.10, 0.0, 0.0),
    "bent like an S": (0.05, 0.03, 0.0),
    "turned": (0.0, 0.0, 37.0),
    "bent and turned": (-0.10, 0.0, 200.0),
}


def found(tag: str, bend: float, wave: float, degrees: float) -> Body:
    soft = soft_fish(tag, LONG, bend, wave, degrees)
    line = midline((soft >= 0.5).astype(np.uint8))
    assert line is not None
    one = body(soft, line)
    assert one is not None
    return one


@pytest.mark.parametrize("pose", POSES)
def test_s4_the_fork_is_found_to_one_per_cent(pose: str) -> None:
    off = [found(tag, *POSES[pose]).fork - found(tag, *POSES[pose]).snout for tag in SPECIES]
    assert np.abs(np.array(off) / LONG - 1).mean() < 0.01


@pytest.mark.parametrize("pose", POSES)
def test_s4_the_tips_are_found_to_one_per_cent(pose: str) -> None:
    off = []
    for tag in SPECIES:
        one = found(tag, *POSES[pose])
        off.append((one.tips - one.snout) / tips_px(tag, LONG) - 1)
    assert np.abs(off).mean() < 0.01


def test_s4_a_forked_tail_ends_at_its_fork_and_a_round_one_at_its_end() -> None:
    nase, burbot = found("nase", 0, 0, 0), found("burbot", 0, 0, 0)
    assert nase.tips - nase.fork == pytest.approx(tips_px("nase", LONG) - LONG, rel=0.15)
    assert burbot.tips - burbot.fork < 0.015 * LONG


@pytest.mark.parametrize("degrees", [0, 180])
def test_s4_the_head_comes_first(degrees: float) -> None:
    one = found("chub", 0, 0, degrees)
    first, last = one.part(one.snout, one.tips)[[0, -1]]
    assert (first[0] < last[0]) == (degrees == 0)


def test_a_part_of_the_line_is_as_long_as_asked() -> None:
    one = found("perch", 0.1, 0, 20)
    assert arc(one.part(one.snout, one.fork))[-1] == pytest.approx(one.fork - one.snout, rel=1e-3)


def test_widths_tell_where_the_head_is() -> None:
    places = np.linspace(0, 5, PROFILE)
    tapered = np.interp(places, range(6), [1.0, 3, 4, 3, 1, 0.5])
    spread = np.interp(places, range(6), [2.0, 3, 3, 2, 1, 2.5])  # a narrow fish, its tail wide
    for widths in (tapered, spread, FISH):
        assert not is_head_last(widths)
        assert is_head_last(widths[::-1])


def test_nothing_on_the_line_is_no_body() -> None:
    line = np.stack([np.linspace(0, 90, 50), np.full(50, 90.0)], 1)
    soft = np.zeros((100, 100), np.float32)
    soft[:5] = 1
    assert body(soft, line) is None
