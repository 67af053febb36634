"""A disk that is really full: a tmpfs of one megabyte, mounted for the test."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from itertools import count
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from edge.events.event import Event
from edge.outbox.box import RETRY_S, Outbox
from edge.outbox.ledger import Limits
from edge.sinks import SINKS, open_album, open_sink
from edge.sinks.steady import SteadySink
from edge.sinks.target import parse_target
from tests.brokers import free_port, until
from tests.happenings import event, events, result, tag
from tests.tiny import paint

MIB = 1 << 20


@pytest.fixture
def small(tmp_path):
    """A folder with 1 MiB in all."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mounting, check=False, capture_output=True).returncode:
        pytest.skip("needs root and leave to mount a tmpfs")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def opened(folder: Path) -> Outbox:
    """Its clock jumps: whatever waits is tried again at once."""
    hours = count()
    return Outbox(folder / "outbox.db", ("a",), Limits(), lambda: 3600.0 * next(hours))


def fill(folder: Path, leave: int = 0) -> Path:
    """Takes what is free, but `leave` bytes."""
    filler = folder / "filler"
    free = os.statvfs(folder)
    with filler.open("wb", buffering=0) as file:  # nothing is left for its closing
        left = free.f_bavail * free.f_frsize - leave
        try:
            while left > 0:
                left -= file.write(b"x" * min(left, 4096))
        except OSError:
            pass
    return filler


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_results_of_a_camera_leave_a_disk_to_the_events(small, kind, caplog):
    """Two frames a second take 20 MB an hour; where nobody says `max-mb`, in weeks all there is."""
    target = parse_target(f"{kind}:{small}/tags", SINKS)
    sink = SteadySink(open_sink(target._replace(leaves_room=True)), "tags")
    with closing(opened(small)) as outbox:
        while not sink.left_out:
            sink.write(result([tag("Apple")], "camera:0"), None)
        assert caplog.text.count("free, which are for events") == 1
        assert len(outbox.accept(events(20))) == 20
    lines = (small / "tags").read_text("utf-8").splitlines()
    assert sink.written == len(lines) - (kind == "csv")
    sink.close()


def test_the_outbox_keeps_what_it_accepted_and_goes_on_when_there_is_room(small, caplog):
    outbox = opened(small)
    done = list(outbox.accept(events(20)))
    filler = fill(small)
    tried = 20
    while outbox.waiting < 300:  # the log has some room of its own
        done += outbox.accept(events(50, tried))
        tried += 50
    assert caplog.text.count("make room") == 1
    taken = outbox.owed("a", 10)
    outbox.acknowledge("a", taken[-1].seq)  # sending goes on
    assert outbox.owed("a", 1)[0].seq == taken[-1].seq + 1
    filler.unlink()
    done += outbox.accept(events(1, tried))
    assert (outbox.waiting, outbox.lost) == (0, 0)
    outbox.close()
    outbox = Outbox(small / "outbox.db", ("a",))
    left = [msgspec.json.decode(owed.body, type=Event) for owed in outbox.owed("a", 10**4)]
    assert [e.seq for e in left] == done[10:]
    assert [e.after.frame for e in left] == list(range(10, tried + 1))
    outbox.close()


def test_a_kill_on_a_full_disk_loses_only_what_was_not_accepted(small):
    outbox = opened(small)
    done = list(outbox.accept(events(20)))
    fill(small)
    for n in range(10):
        done += outbox.accept(events(50, 100 + 50 * n))
    assert outbox.waiting
    outbox._ledger.db.close()  # nothing of what waits is written
    (small / "filler").unlink()
    outbox = Outbox(small / "outbox.db", ("a",))
    assert [owed.seq for owed in outbox.owed("a", 10**4)] == done
    assert outbox.accept(events(1))[0] > max(done)
    outbox.close()


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_a_file_has_whole_lines_only(small, kind):
    path = small / "file"
    sink = SteadySink(open_sink(parse_target(f"{kind}:{path}", SINKS)), "file")
    filler = fill(small, leave=9000)
    for n in range(200):
        sink.write(result([tag()], f"{n}.jpg"), None)
    assert sink.left_out > 50
    filler.unlink()
    sink.write(result([tag()], "last.jpg"), None)
    sink.close()
    lines = path.read_text().splitlines()
    assert len(lines) == sink.written + (kind == "csv")
    assert all("Banana" in line for line in lines[1:])
    assert "last.jpg" in lines[-1]


def test_a_coco_file_is_whole_or_as_it_was(small):
    path = small / "file"
    path.write_text("{}")
    sink = SteadySink(open_sink(parse_target(f"coco:{path}", SINKS)), "file")
    for n in range(500):
        sink.write(result([tag()], f"{n}.jpg"), None)
    fill(small)
    sink.close()
    assert sink.left_out == 1
    assert path.read_text() == "{}"
    assert [p.name for p in small.iterdir() if "part" in p.name] == []


def test_snapshots_make_room_by_removing_the_oldest(small):
    album = open_album(parse_target(f"snapshots:{small}#free-mb=0.3", SINKS))
    noise = np.random.default_rng(0).integers(0, 255, (50, 100, 3), np.uint8)
    for n in range(200):
        album.keep([event(n)], cv2.resize(noise, (400, 400)))
    album.close()
    free = os.statvfs(small)
    assert album.left_out == 0
    assert album.removed > 0
    assert free.f_bavail * free.f_frsize >= 0.25 * MIB
    assert (small / "Banana" / "t-199.jpg").exists()
    assert not (small / "Banana" / "t-0.jpg").exists()


def counted(port: int, name: str) -> float:
    """The sum of a metric's samples; 0 while nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    except OSError:
        return 0.0
    return sum(float(n) for n in re.findall(rf"^{name}\{{.*\}} (\S+)$", text, re.MULTILINE))


def test_a_camera_goes_on_though_no_disk_may_be_written_and_uses_them_once_they_may(
    small, tiny_bundle, tmp_path
):
    """edge-tag as a process: an SD card that the kernel took the right to write from."""
    pytest.importorskip("prometheus_client", reason="pip install 'edge-tag[health]'")
    config, lines, port = tmp_path / "edge.toml", tmp_path / "events.jsonl", free_port()
    config.write_text(
        f'''outbox = "{small}/outbox.db"
explain = "{small}/why"
explain_every_s = 0.2
health = "127.0.0.1:{port}"
cameras = [{{ name = "belt", url = "test://belt?fps=10&size=128x96" }}]
targets = {{ lines = "events:{lines}", frames = "jsonl:{small}/tags.jsonl" }}
'''
    )
    words = [sys.executable, "-m", "edge", "--bundle", tiny_bundle, "--json", "--config", config]
    words += ["--annotate", small / "tags"]
    subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
    said = tmp_path / "stderr"
    with said.open("wb") as err:
        process = subprocess.Popen(list(map(str, words)), stdout=subprocess.DEVNULL, stderr=err)
    try:
        until(lambda: counted(port, "edgetag_outbox_waiting") > 0, 60)
        assert not list(small.iterdir())
        subprocess.run(["mount", "-o", "remount,rw", str(small)], check=True)
        until(lambda: lines.exists() and lines.stat().st_size > 0, 60)
        until(lambda: counted(port, "edgetag_outbox_waiting") == 0, 60)
        until(lambda: all(list((small / name).glob("*.jpg")) for name in ("why", "tags")), 60)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
    told = said.read_text()
    assert (told.count("events wait in memory"), told.count("the run goes on without")) == (1, 3)
    assert told.count(": is back") == 4
    assert (small / "outbox.db").is_file()
    assert (small / "tags.jsonl").stat().st_size


def test_a_run_goes_on_says_so_and_loses_no_event(small, tiny_bundle, tmp_path):
    """edge-tag as a process: the disk fills under it, and has room again."""
    pytest.importorskip("prometheus_client", reason="pip install 'edge-tag[health]'")
    clip, lines, port = tmp_path / "clip.avi", tmp_path / "events.jsonl", free_port()
    video = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"MJPG"), 2, (64, 48))
    for n in range(10_000):  # every three seconds of it another colour comes
        video.write(paint(("red", "blue")[n // 6 % 2], 48, 64)[..., ::-1])
    video.release()
    words = [
        sys.executable, "-m", "edge", "--bundle", tiny_bundle, *[clip] * 60, "--json",  # minutes
        "--to", f"jsonl:{small}/tags.jsonl#max-mb=0.1,keep=1", "--to", f"events:{lines}",
        "--outbox", small / "outbox.db", "--health", f"127.0.0.1:{port}",
    ]  # fmt: skip
    said = tmp_path / "stderr"
    with said.open("wb") as err:
        process = subprocess.Popen(list(map(str, words)), stdout=subprocess.DEVNULL, stderr=err)
    try:
        until(lambda: lines.exists() and lines.stat().st_size > 0, 60)
        filler = fill(small)
        until(lambda: counted(port, "edgetag_sink_left_out_total") > 50, 60)
        until(lambda: b"events wait in memory" in said.read_bytes(), 60)
        assert process.poll() is None
        filler.unlink()
        written = counted(port, "edgetag_sink_written_total")
        until(lambda: counted(port, "edgetag_sink_written_total") > written + 50, 60)
        time.sleep(1.5 * RETRY_S)  # what is accepted later than that is sent by the next run
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
    told = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [e["seq"] for e in told] == list(range(1, len(told) + 1))
    ids = {kind: [e["after"]["id"] for e in told if e["type"] == kind] for kind in ("new", "end")}
    assert sorted(ids["new"]) == sorted(ids["end"])
    assert "events wait in memory" in said.read_text()
