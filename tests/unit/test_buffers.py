"""Memory of frames is used again, and never while anybody still looks at it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge.pictures.buffers import MOST, Buffers


def test_what_nobody_holds_is_given_again():
    buffers = Buffers()
    places = {buffers.array(40, 60, 3).ctypes.data for _ in range(20)}
    assert len(places) == 1


def test_a_part_of_an_array_holds_all_of_it():
    buffers = Buffers()
    part = buffers.array(40, 60, 3)[10:12, ::2, 0]
    part[:] = 7
    buffers.array(40, 60, 3)[:] = 9
    assert (part == 7).all()


def test_another_size_is_another_array():
    buffers = Buffers()
    assert buffers.array(4, 6, 3).shape == (4, 6, 3)
    assert buffers.array(8, 6).shape == (8, 6)


def test_no_more_than_a_few_are_kept():
    buffers = Buffers()
    held = [buffers.array(5, 5) for _ in range(10)]
    assert len({array.ctypes.data for array in held}) == 10
    assert len(buffers._held) == MOST


@given(st.lists(st.integers(0, 5), max_size=60))
def test_whoever_keeps_one_keeps_what_is_in_it(held_at_once):
    """However many are kept, and however long."""
    buffers, kept = Buffers(), []
    for number, hold in enumerate(held_at_once):
        del kept[: max(0, len(kept) - hold)]
        array = buffers.array(3, 4)
        array[:] = number % 256
        kept.append((number % 256, array))
        del array
        assert all(np.all(found == value) for value, found in kept)
