"""`--to`, as a user gives it: a process, on the null engine."""

from __future__ import annotations

import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.brokers import MOSQUITTO, Broker, Listener, free_port, until
from tests.tiny import paint

PYTHON = [sys.executable, "-m", "edge"]
ROOT = Path(__file__).parents[2]
LIMIT_S = 60
CANARY = "canary7f3a"


def edge_tag(*args: object, **settings) -> subprocess.CompletedProcess[str]:
    words = [*PYTHON, *map(str, args)]
    return subprocess.run(
        words, cwd=ROOT, text=True, timeout=LIMIT_S, check=False, capture_output=True, **settings
    )


@pytest.fixture
def photo(tmp_path):
    halves = np.hstack([paint("red", 60, 45), paint("blue", 60, 45)])
    path = tmp_path / "photo.png"
    assert cv2.imwrite(str(path), halves[..., ::-1])
    return path


def test_results_go_everywhere_and_stdout_stays_what_it_was(tiny_bundle, photo, tmp_path):
    out = tmp_path / "out"
    ran = edge_tag(
        "--bundle", tiny_bundle, photo, "--outbox", out / "outbox.db",
        "--to", f"jsonl:{out}/tags.jsonl", "--to", f"csv:{out}/tags.csv",
        "--to", f"coco:{out}/tags.json", "--to", f"snapshots:{out}/pictures#of=both",
        "--to", f"events:{out}/events.jsonl",
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    assert (out / "tags.jsonl").read_text() == ran.stdout
    tags = {tag["tag"] for tag in json.loads(ran.stdout)["tags"]}
    events = [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]
    assert [event["seq"] for event in events] == list(range(1, 2 * len(tags) + 1))
    assert {event["after"]["label"] for event in events} == tags
    assert {event["bundle"] for event in events} == {"tiny@3"}
    assert len(list((out / "pictures").rglob("*.jpg"))) == 2 * len(tags)
    assert {c["name"] for c in json.loads((out / "tags.json").read_text())["categories"]} == tags


def test_no_event_is_of_a_tag_that_is_only_among_the_best(tiny_bundle, photo, tmp_path):
    """With --top-k a broker was told of things at a probability of 0.0006."""
    words = ["--bundle", tiny_bundle, photo, "--to", f"events:{tmp_path}/e", "--outbox"]
    told = []
    for n, more in enumerate(([], ["--top-k", "9"])):
        ran = edge_tag(*words, tmp_path / f"{n}.db", *more)
        lines = (tmp_path / "e").read_text().splitlines()
        told.append({json.loads(line)["after"]["label"] for line in lines})
        (tmp_path / "e").unlink()
    assert told[0] == told[1]
    assert {tag["tag"] for tag in json.loads(ran.stdout)["tags"]} > told[0]  # results are as asked


def test_a_broker_that_is_away_costs_nothing_but_a_word(tiny_bundle, photo, tmp_path):
    pytest.importorskip("paho.mqtt.client", reason="pip install 'edge-tag[mqtt]'")
    ran = edge_tag(
        "--bundle", tiny_bundle, photo, "--outbox", tmp_path / "o.db",
        "--to", f"mqtt://127.0.0.1:{free_port()}/s",
    )  # fmt: skip
    assert ran.returncode == 0
    assert "are owed, they go out next time" in ran.stderr
    with closing(sqlite3.connect(tmp_path / "o.db")) as db:
        assert db.execute("SELECT count(*) FROM owed").fetchone()[0] > 0


@pytest.mark.skipif(MOSQUITTO is None, reason="apt-get install mosquitto")
def test_what_an_earlier_run_owes_goes_out_with_the_next_one(tiny_bundle, photo, tmp_path):
    pytest.importorskip("paho.mqtt.client", reason="pip install 'edge-tag[mqtt]'")
    broker = Broker(tmp_path)
    words = (
        "--bundle", tiny_bundle, photo, "--outbox", tmp_path / "o.db",
        "--to", f"mqtt://127.0.0.1:{broker.port}/s",
    )  # fmt: skip
    edge_tag(*words)
    broker.start()
    try:
        with closing(Listener(broker.port, "s/+/event")) as listener:
            assert edge_tag(*words).stderr == ""
            seqs = [json.loads(payload)["seq"] for _, payload, _ in listener.heard]
    finally:
        broker.stop()
    assert seqs == list(range(1, len(seqs) + 1))
    assert len(seqs) >= 8


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--to", "jsnl:x"], 2, "did you mean jsonl:...?"),
        (["--to", "jsonl:x", "--to", "csv:x"], 2, "is given twice"),
        (["--to", "csv:./x", "--to", f"jsonl:{ROOT}/x"], 2, "is given twice"),
        (["--to", "jsonl:x#max-bm=1"], 2, "did you mean 'max-mb'?"),
        (["--to", "snapshots:TMP/p#days:redd=3"], 2, "did you mean 'red'?"),
        (["--to", "coco:TMP/x", "--source", "test://belt"], 2, "fix: say --frames N"),
        (["--to", "jsonl:/dev/null/x"], 74, "fix: name another"),
        (["--to", "jsonl:/dev/full"], 74, "no regular file"),
        (["--to", "events:TMP/x", "--outbox", "/dev/null/x"], 74, "fix: name another"),
        (["--to", f"mqtt://u:{CANARY}@h/s"], 2, "password-file=FILE"),
        (["--to", "mqtt://h/s#user=u,password-file=/nowhere"], 2, "/nowhere: No such file"),
    ],
)
def test_what_is_wrong_is_told_at_once(
    tiny_bundle, photo, tmp_path, monkeypatch, words, code, says
):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    words = [word.replace("TMP", str(tmp_path)) for word in words]
    ran = edge_tag("--bundle", tiny_bundle, photo, *words)
    assert (ran.returncode, ran.stdout) == (code, "")
    assert says in ran.stderr
    assert CANARY not in ran.stderr
    assert not (ROOT / "x").exists()


def test_a_file_that_takes_nothing_does_not_stop_the_run_and_is_told_at_its_end(
    tiny_bundle, photo, tmp_path
):
    ran = edge_tag(
        "--bundle", tiny_bundle, photo, photo, "--to", f"jsonl:{tmp_path}/full.jsonl",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)),
    )  # fmt: skip
    assert ran.returncode == 74
    assert len(ran.stdout.splitlines()) == 2
    assert "2 frames are not in it" in ran.stderr


def test_no_credential_is_in_anything_that_is_said_or_kept(tiny_bundle, photo, tmp_path):
    """Planted wherever there may be one; read back from wherever something is written."""
    secret = tmp_path / "secret"
    secret.write_text(CANARY)
    port = free_port()
    out = tmp_path / "out"
    words = [
        "-v", "--bundle", tiny_bundle, photo, "--outbox", out / "outbox.db",
        "--to", f"events:{out}/events.jsonl", "--to", f"jsonl:{out}/tags.jsonl",
        "--to", f"http://127.0.0.1:{port}/{CANARY}?token={CANARY}#secret-file={secret}",
        "--to", f"mqtt://127.0.0.1:{port}/s#user=cam,password-file={secret}",
    ]  # fmt: skip
    ran = edge_tag(*words)
    assert ran.returncode == 0
    said = ran.stdout + ran.stderr
    kept = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file())
    assert "events wait in the outbox" in said
    assert CANARY not in said
    assert CANARY.encode() not in kept


def test_a_run_that_is_stopped_ends_what_was_there(tiny_bundle, tmp_path):
    clip = tmp_path / "clip.avi"
    out = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for _ in range(3000):
        out.write(paint("red", 48, 64)[..., ::-1])
    out.release()
    words = [
        *PYTHON, "--bundle", str(tiny_bundle), str(clip), "--to", f"events:{tmp_path}/e.jsonl",
        "--outbox", str(tmp_path / "o.db"), "--json",
    ]  # fmt: skip
    events = tmp_path / "e.jsonl"
    running = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        until(lambda: events.exists() and b'"new"' in events.read_bytes())
        running.send_signal(signal.SIGTERM)
        assert running.wait(LIMIT_S) == 0
    finally:
        running.kill()
        running.wait()
    lines = [json.loads(line) for line in events.read_text().splitlines()]
    ids = {kind: {e["after"]["id"] for e in lines if e["type"] == kind} for kind in ("new", "end")}
    assert ids["new"] == ids["end"] != set()


def test_a_run_that_was_killed_ends_what_was_there_at_its_next_start(tiny_bundle, tmp_path, photo):
    clip = tmp_path / "clip.avi"
    out = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for _ in range(3000):
        out.write(paint("red", 48, 64)[..., ::-1])
    out.release()
    to = ["--to", f"events:{tmp_path}/e.jsonl", "--outbox", str(tmp_path / "o.db"), "--json"]
    events = tmp_path / "e.jsonl"
    words = [*PYTHON, "--bundle", str(tiny_bundle), str(clip), *to]
    running = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL)
    until(lambda: events.exists() and b'"new"' in events.read_bytes())
    time.sleep(0.1)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    assert edge_tag("--bundle", tiny_bundle, photo, *to).returncode == 0
    lines = [json.loads(line) for line in events.read_text().splitlines()]
    ended = [e for e in lines if e["type"] == "end" and e["why"] == "restarted"]
    assert {e["after"]["camera"] for e in ended} == {str(clip)}
    seqs = list(dict.fromkeys(e["seq"] for e in lines))  # a repeated one is told by its number
    assert seqs == list(range(1, len(seqs) + 1))
