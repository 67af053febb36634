"""A run that is looked after: a process on the null engine, asked over HTTP, heard by a manager."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge import cli
from edge.health import power
from tests.boards import PI, record
from tests.brokers import free_port
from tests.tiny import paint

PYTHON = [sys.executable, "-m", "edge"]
ROOT = Path(__file__).parents[2]
LIMIT_S = 60
TOKEN = "canary-0123456789abcdef"
FRAMES = 400  # lines of more than a pipe holds


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("folder")
    halves = np.hstack([paint("red", 60, 45), paint("blue", 60, 45)])
    for n in range(FRAMES):
        assert cv2.imwrite(str(folder / f"{n:03d}.png"), halves[..., ::-1])
    return folder


@contextmanager
def running(*words: object, **environ: str) -> Iterator[subprocess.Popen[str]]:
    """Nobody reads its results: it waits in the middle of them until somebody does."""
    process = subprocess.Popen(
        [*PYTHON, *map(str, words)], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **environ},
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def get(port: int, path: str, token: str = "") -> tuple[int, str]:
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
    if token:
        asked.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(asked, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        with e:
            return e.code, e.read().decode()


def eventually(port: int, path: str, status: int, token: str = "") -> str:
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        with suppress(OSError):
            found, body = get(port, path, token)
            if found == status:
                return body
        time.sleep(0.05)
    pytest.fail(f"{path} never gave {status}")


def test_a_run_is_ready_tells_its_metrics_and_ends(tiny_bundle, folder, tmp_path):
    pytest.importorskip("prometheus_client", reason="pip install 'edge-tag[health]'")
    port, token = free_port(), tmp_path / "token"
    token.write_text(TOKEN + "\n")
    words = (
        "--bundle", tiny_bundle, folder, "--json", "--to", f"events:{tmp_path}/e.jsonl",
        "--outbox", tmp_path / "o.db", "--health", f"0.0.0.0:{port}", "--health-token-file", token,
    )  # fmt: skip
    with running(*words) as process:
        eventually(port, "/readyz", 200, TOKEN)
        assert get(port, "/readyz")[0] == 401
        assert json.loads(get(port, "/healthz", TOKEN)[1]) == {"alive": True}
        text = get(port, "/metrics", TOKEN)[1]
        out, err = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, err) == (0, "")
    assert len(out.splitlines()) == FRAMES
    assert 'edgetag_frames_total{camera="files",outcome="tagged"}' in text
    assert 'edgetag_bundle_info{bundle="tiny@3",engine="null/CPU"} 1.0' in text
    assert re.search(rf'edgetag_outbox_events{{sink="[^"]*{tmp_path}/e.jsonl"}}', text)
    assert TOKEN not in out + err + text


def test_the_service_manager_hears_of_the_first_frame_of_progress_and_of_the_end(
    tiny_bundle, folder, tmp_path
):
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(LIMIT_S)
        words = ("--bundle", tiny_bundle, folder, "--json")
        with running(*words, NOTIFY_SOCKET=address, WATCHDOG_USEC="4000") as process:
            assert b"EXTEND_TIMEOUT_USEC=" in manager.recv(4096)  # an engine may compile
            assert manager.recv(4096).startswith(b"READY=1\nSTATUS=")
            manager.settimeout(1.5)  # hundreds of times the dog's patience
            with suppress(TimeoutError):  # the pipe is full then: no progress, no food
                while True:
                    assert manager.recv(4096).startswith(b"WATCHDOG=1")
            assert process.poll() is None
            manager.settimeout(LIMIT_S)
            assert process.stdout is not None
            process.stdout.close()  # nobody is to read the rest: that is an end, too
            said = b""
            while not said.startswith(b"STOPPING=1"):
                said = manager.recv(4096)
                assert said.startswith((b"WATCHDOG=1", b"STOPPING=1"))
            process.stdout = None
            assert process.wait(LIMIT_S) == 0


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--health", "0.0.0.0:9464"], 2, "fix: --health-token-file FILE"),
        (["--health", "nonsense"], 2, "expected HOST:PORT"),
        (["--health-token-file", "x"], 2, "without --health"),
        (["--health", ":0", "--health-token-file", "/nowhere"], 2, "/nowhere: No such file"),
        (["--explain-keep", "3"], 2, "expected --explain beside it"),
        (["--thermal", "80:70"], 2, "the second above the first"),
    ],
)
def test_what_is_wrong_is_told_at_once(tiny_bundle, folder, words, code, says):
    ran = subprocess.run(
        [*PYTHON, "--bundle", str(tiny_bundle), str(folder), *words],
        cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (code, "")
    assert says in ran.stderr


def test_a_hot_board_is_in_the_results(tiny_bundle, folder, tmp_path, monkeypatch, capfd):
    """In this process, so that a recorded board can take the place of this one."""
    board = record(tmp_path, PI, get_throttled="50005", zone0_temp="82000")
    monkeypatch.setattr(power.read_power, "__defaults__", (board, str))
    words = [
        "--bundle", str(tiny_bundle), str(folder / "000.png"), "--json", "--thermal", "70:80",
        "--budget-ms", "500",
    ]  # fmt: skip
    assert cli.main(words) == 0
    out, err = capfd.readouterr()
    assert json.loads(out)["held"] == ["under-voltage", "throttled"]
    assert "the device says: under-voltage, throttled (the budget is 25%)" in err


def test_doctor_as_a_process(tiny_bundle, tmp_path):
    words = ["doctor", "--bundle", str(tiny_bundle), "--engine", "null", "--camera", "97", "--json"]
    ran = subprocess.run(
        [*PYTHON, *words], cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    found = json.loads(ran.stdout)
    assert ran.returncode == 3
    assert [f["what"] for f in found["findings"] if f["verdict"] == "FAIL"] == ["camera:97"]
    assert "Traceback" not in ran.stderr
