"""Freed memory stays: what is asked for again needs no new pages of the kernel."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

AGAIN = """
import resource, sys
import numpy as np
from quantize.allocator import keep_freed
assert sys.argv[1] == "back" or keep_freed()
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.empty(1 << 26, np.uint8).fill(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no mallopt")
def test_a_block_that_was_freed_is_there_again_at_once() -> None:
    def asked(how: str) -> int:
        done = subprocess.run([sys.executable, "-c", AGAIN, how], capture_output=True, check=True)
        return int(done.stdout)

    assert asked("kept") < asked("back") / 10
