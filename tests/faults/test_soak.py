"""Some thousand frames through everything, and no more memory, files or threads than before.

The same as `make soak`, shorter; and with a leak that has to be found.
"""

from __future__ import annotations

import sys

import msgspec
import pytest

pytest.importorskip("av", reason="pip install 'edge-tag[video]'")
pytest.importorskip("paho.mqtt.client", reason="pip install 'edge-tag[mqtt]'")
pytest.importorskip("prometheus_client", reason="pip install 'edge-tag[health]'")

from benchmarks import soak as soaks
from benchmarks.soak import faults, grown, main, soak
from benchmarks.soak_plot import plot
from benchmarks.soak_watch import Sample
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


@pytest.mark.parametrize("frames", [[], [1], list(range(0, 100, 10)), [*range(9), *range(90, 102)]])
def test_a_run_that_ended_too_soon_is_not_judged(frames, tmp_path):
    samples = [Sample(n, n, 100.0, 14, 8) for n in frames]
    assert grown(samples, 100) is None
    assert "too short" in " ".join(faults(None, tmp_path))


def test_what_was_seen_until_ctrl_c_is_kept(tmp_path, monkeypatch):
    def interrupted(kind, frames, folder):
        yield Sample(1.0, 50, 100.0, 14, 8)
        raise KeyboardInterrupt

    monkeypatch.setattr(soaks, "soak", interrupted)
    monkeypatch.setattr(soaks, "RESULTS", tmp_path)
    monkeypatch.setattr(soaks, "MOSQUITTO", "mosquitto")
    assert main(["null"]) == 6
    kept = msgspec.json.decode((tmp_path / "soak.json").read_bytes())["null"]
    assert (len(kept["samples"]), kept["grown"], len(kept["faults"])) == (1, None, 1)
    assert "too short" in (tmp_path / "soak.svg").read_text("utf-8")


def test_what_was_seen_until_edge_tag_ended_is_kept(tmp_path, monkeypatch):
    def ended(kind, frames, folder):
        yield Sample(1.0, 50, 100.0, 14, 8)
        raise RuntimeError("edge-tag ended with 1")

    monkeypatch.setattr(soaks, "soak", ended)
    monkeypatch.setattr(soaks, "RESULTS", tmp_path)
    monkeypatch.setattr(soaks, "MOSQUITTO", "mosquitto")
    with pytest.raises(RuntimeError, match="ended with 1"):
        main(["null"])
    assert len(msgspec.json.decode((tmp_path / "soak.json").read_bytes())["null"]["samples"]) == 1


def test_the_runs_that_are_kept_are_drawn_as_they_are():
    runs = msgspec.json.decode((soaks.RESULTS / "soak.json").read_bytes())
    assert plot(runs) == (soaks.RESULTS / "soak.svg").read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "says"), [(["reel"], "KIND reel is unknown"), (["--frames", "0"], "1 or more")]
)
def test_a_kind_or_a_count_that_cannot_be_is_refused(words, says, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert says in capsys.readouterr().err
