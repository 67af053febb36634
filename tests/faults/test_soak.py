"""Some thousand frames through everything, and no more memory, files or threads than before.

The same as `make soak`, shorter; and with a leak that has to be found.
"""

from __future__ import annotations

import sys

import pytest

pytest.importorskip("av", reason="pip install 'edge-tag[video]'")
pytest.importorskip("paho.mqtt.client", reason="pip install 'edge-tag[mqtt]'")
pytest.importorskip("prometheus_client", reason="pip install 'edge-tag[health]'")

from benchmarks.soak import faults, grown, soak
from benchmarks.soaking import Sample
from tests.brokers import MOSQUITTO

FRAMES, LEAKING = 3000, 1000
real = pytest.mark.skipif(MOSQUITTO is None, reason="apt-get install mosquitto")


@pytest.mark.slow  # two megabytes are little: a busy machine's threads and buffers come near
@real
def test_nothing_grows_over_some_thousand_frames(tmp_path):
    samples = list(soak("null", FRAMES, tmp_path, count=60))
    assert samples[-1].frames >= FRAMES - FRAMES // 60
    assert faults(grown(samples, FRAMES // 2), tmp_path) == []


@real
@pytest.mark.parametrize(
    ("kind", "says"), [("memory", "memory grew"), ("files", "open files grew by")]
)
def test_a_leak_is_found(tmp_path, kind, says):
    command = (sys.executable, "-m", "tests.faults.leaking", kind)
    samples = list(soak("null", LEAKING, tmp_path, command, count=40))
    assert says in " ".join(faults(grown(samples, LEAKING // 2), tmp_path))


def test_what_grew_is_the_median_at_the_end_over_that_after_the_warm_up():
    rising = [Sample(n, n, 100.0 + 0.1 * n, 14, 8 + n // 50) for n in range(100)]
    found = grown(rising, 10)
    assert found.rss_mb == pytest.approx(8.0)  # rows 10 to 19, and 90 to 99
    assert found.peak_mb == pytest.approx(8.45)
    assert (found.fds, found.threads) == (0, 1)
