"""What moves, and what came and waits for a look."""

from __future__ import annotations

import numpy as np
import pytest

from edge.memory.motion import CAME_S, WAITS_S, Motion
from edge.records import Region

WIDE, TALL, STEP_S = 960, 540, 0.2
CAME, FROM_NEAR = (400, 200, 480, 280), Region(390, 190, 490, 290)


def picture(*boxes):
    found = np.full((TALL, WIDE, 3), 90, np.uint8)
    for x0, y0, x1, y1 in boxes:
        found[y0:y1, x0:x1] = 220
    return found


@pytest.fixture
def still():
    """After a time in which nothing moved."""
    motion = Motion(WIDE, TALL)
    for n in range(round(1.5 * CAME_S / STEP_S)):
        motion.see(picture(), n * STEP_S)
    return motion, n * STEP_S


def test_what_came_waits_for_its_look_and_no_longer(still):
    motion, at_s = still
    motion.see(picture(CAME), at_s + STEP_S)
    [box] = [motion.tight(CAME)]
    motion.wait([box], at_s + STEP_S)
    motion.see(picture(CAME), at_s + 2 * STEP_S)  # and stands still
    assert not motion.is_any
    assert motion.waiting == [box]
    assert motion.has_come(box)
    motion.looked(FROM_NEAR)
    assert motion.waiting == []


def test_a_look_at_far_more_than_what_came_does_not_count(still):
    motion, at_s = still
    motion.see(picture(CAME), at_s + STEP_S)
    motion.wait([motion.tight(CAME)], at_s + STEP_S)
    motion.looked(Region(300, 100, 640, 440))
    motion.looked(Region(440, 240, 540, 340))  # which holds a quarter of it
    assert len(motion.waiting) == 1


def test_nothing_waits_for_ever(still):
    motion, at_s = still
    motion.see(picture(CAME), at_s + STEP_S)
    motion.wait([motion.tight(CAME)], at_s + STEP_S)
    motion.see(picture(CAME), at_s + STEP_S + 1.1 * WAITS_S)
    assert motion.waiting == []


def test_what_goes_on_moving_is_no_newcomer_and_does_not_wait(still):
    motion, at_s = still
    for n in range(4):
        motion.see(picture((400 + 40 * n, 200, 480 + 40 * n, 280)), at_s + (n + 1) * STEP_S)
        boxes = [(400 + 40 * n, 200, 480 + 40 * n, 280)]
        motion.wait([motion.tight(box) for box in boxes], at_s + (n + 1) * STEP_S)
    assert len(motion.waiting) <= 1


def test_at_its_start_nothing_has_come():
    """Everything is new then, and noise is not known yet."""
    motion = Motion(WIDE, TALL)
    motion.see(picture(), 0.0)
    motion.see(picture(CAME), STEP_S)
    assert motion.is_any
    motion.wait([motion.tight(CAME)], STEP_S)
    assert motion.waiting == []
