"""What frames leave behind in Python itself, to the block: a soak sees it after thousands only."""

from __future__ import annotations

import gc
import sys
from array import array
from collections.abc import Iterator

import cv2
import numpy as np
import pytest

pytest.importorskip("av", reason="pip install 'edge-tag[video]'")
pytest.importorskip("paho.mqtt.client", reason="pip install 'edge-tag[mqtt]'")

from benchmarks.soak import coloured
from edge.cli import main
from edge.pipeline import COLLECTED, run
from edge.records import Frame
from edge.seen import View
from edge.tagger import open_tagger
from tests.tiny import write_glancing

# COLLECTED frames, after as many as that once: 200 to 400 blocks more or less are chance.
TIMES = 6
MOST = 0.25  # blocks a frame; without a collection it is 2


class Belt:
    """A source without end."""

    name, is_live, newest, count = "belt", False, None, None

    def frames(self) -> Iterator[Frame]:
        pictures = list(coloured(np.random.default_rng(7)))
        for n in range(10**9):
            yield Frame(self.name, n, "", pictures[n % len(pictures)], at_s=n / 10)

    def close(self) -> None:
        pass


class Blocks:
    """A sink that counts what Python has allocated."""

    def __init__(self) -> None:
        self.after = array("q")  # a list would hold a block for each number

    def write(self, result, picture) -> None:
        self.after.append(sys.getallocatedblocks())

    def close(self) -> None:
        pass


def test_frames_leave_nothing_behind(tmp_path):
    """Not even free tuples: Python keeps them, and for each one kept another may be made anew."""
    blocks = Blocks()
    with open_tagger(write_glancing(tmp_path / "bundle"), "null") as tagger:
        gc.collect()  # tests before this one may have left as many free tuples as are kept
        frames = (1 + TIMES) * COLLECTED + 1  # both counts come behind a collection
        run([Belt()], tagger, [blocks], View(), is_stopped=lambda: False, max_frames=frames)
    assert blocks.after[-1] - blocks.after[COLLECTED] < MOST * TIMES * COLLECTED


def test_what_python_collects_is_as_it_was_afterwards(tiny_bundle, tmp_path, capfd):
    """A run leaves what it opened out of collections; whoever called it must not pay for that."""
    frozen = gc.get_freeze_count()
    cv2.imwrite(str(tmp_path / "red.png"), np.full((8, 12, 3), (0, 0, 255), np.uint8))
    assert main([str(tmp_path / "red.png"), "--json", "--bundle", str(tiny_bundle)]) == 0
    assert '"tag":"red"' in capfd.readouterr().out
    assert gc.isenabled()
    assert gc.get_freeze_count() == frozen
