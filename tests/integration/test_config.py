"""`edge-tag config` and `edge-tag run --config`, as a user gives them: a process."""

from __future__ import annotations

import fcntl
import json
import signal
import subprocess
import sys
import threading
from datetime import datetime
from pathlib import Path

import cv2
import pytest

from edge.config.records import DAYS
from tests.tiny import paint

PYTHON = [sys.executable, "-m", "edge"]
ROOT = Path(__file__).parents[2]
LIMIT_S = 60
CANARY = "canary7f3a"
ALL = "[[0, 0], [1, 0], [1, 1], [0, 1]]"


def edge_tag(*args: object) -> subprocess.CompletedProcess[str]:
    words = [*PYTHON, *map(str, args)]
    return subprocess.run(
        words, cwd=ROOT, text=True, timeout=LIMIT_S, check=False, capture_output=True
    )


@pytest.fixture
def photos(tmp_path):
    """More results than a small pipe holds: whoever writes them waits for their reader."""
    folder = tmp_path / "photos"
    folder.mkdir()
    ok, data = cv2.imencode(".png", paint("red", 60, 90)[..., ::-1])
    assert ok
    for n in range(40):
        (folder / f"{n}.png").write_bytes(data.tobytes())
    return folder


@pytest.fixture
def file(tmp_path, tiny_bundle, photos):
    path = tmp_path / "edge.toml"
    path.write_text(config(tiny_bundle, photos))
    return path


def config(bundle: Path, photos: Path, more: str = "") -> str:
    return f'bundle = "{bundle}"\n[[cameras]]\nname = "shop"\nurl = "{photos}"\n{more}\n'


def test_check_says_everything_that_is_wrong_and_78(tmp_path):
    bad = tmp_path / "bad.toml"
    bad.write_text(f'thread = 1\n[targets]\na = 1\n[[cameras]]\nurl = "rtsp://u:{CANARY}@x"\n')
    ran = edge_tag("config", "check", bad)
    assert (ran.returncode, ran.stdout) == (78, "")
    lines = ran.stderr.splitlines()
    assert [line.split(": ")[2] for line in lines if line.startswith("edge-tag")] == [
        "thread", "cameras[0].name", "targets.a",
    ]  # fmt: skip
    assert "  fix: did you mean 'threads'?" in lines
    assert CANARY not in ran.stderr


def test_check_says_all_that_a_run_would_refuse_here(file, tiny_bundle, photos, tmp_path):
    keys = {"engine": "foo", "device": "nopi", "gallery": "no.gallery", "plane": "no.json"}
    more = [f'{key} = "{value}"\n' for key, value in keys.items()]
    more += [f'outbox = "{photos}/0.png/o.db"\n', 'targets.pics = "snapshots:p#days:rot=1"\n']
    more += ['targets.coco = "coco:c.json"\n']
    clip = (
        '[[cameras]]\nname = "c"\nurl = "gone.mp4"\nonly = ["read"]\n'
        '[[cameras]]\nname = "d"\nurl = "test://belt"\n[heads.nohead]\non = false\n'
    )
    file.write_text("".join(more) + config(tiny_bundle, photos, clip))
    ran = edge_tag("config", "check", file)
    lines = [line for line in ran.stderr.splitlines() if line.startswith("edge-tag")]
    assert ran.returncode == 78
    assert {line.split(": ")[2] for line in lines} == {
        *keys, "outbox", "cameras[1].url", "cameras[1].only", "heads.nohead", "targets.pics",
        "targets.coco",
    }  # fmt: skip
    file.write_text(config(tmp_path / "no.edge", photos))
    assert "bundle: " in edge_tag("config", "check", file).stderr


def test_check_show_and_schema_answer_on_stdout(file):
    ran = edge_tag("config", "check", file)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == f"{file}: fine: 1 camera, 0 heads, 0 targets\n"
    assert 'name = "shop"' in edge_tag("config", "show", file).stdout
    assert json.loads(edge_tag("config", "schema").stdout)["$defs"]["Camera"]


def test_a_run_does_what_the_file_says(file, tiny_bundle, photos, tmp_path):
    target = f'[heads.hues]\non = false\n[targets]\nlines = "jsonl:{tmp_path}/t.jsonl"'
    file.write_text(config(tiny_bundle, photos, target))
    ran = edge_tag("run", "--config", file, "--frames", "3")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert (tmp_path / "t.jsonl").read_text() == ran.stdout
    found = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [{tag["head"] for tag in line["tags"]} for line in found] == [{"colours"}] * 3


def test_zones_and_what_is_ignored_are_drawn_on_annotated_pictures(
    file, tiny_bundle, photos, tmp_path
):
    drawn = []
    for n, more in enumerate(("", f"zones.till = {ALL}\n", f"ignore = [{ALL}]\n")):
        file.write_text(config(tiny_bundle, photos, more + "only = ['blue']"))
        out = tmp_path / f"out{n}"
        assert edge_tag("run", "--config", file, "--annotate", out, "--frames", "1").returncode == 0
        drawn += [path.read_bytes() for path in out.rglob("*.jpg")]
    assert len({*drawn}) == 3


def test_privacy_reaches_the_annotated_pictures(file, tiny_bundle, photos, tmp_path):
    file.write_text(config(tiny_bundle, photos, f"privacy = [{ALL}]"))
    ran = edge_tag("run", "--config", file, "--frames", "1", "--annotate", tmp_path / "out")
    assert ran.returncode == 0
    [drawn] = (tmp_path / "out").rglob("*.jpg")
    assert not (cv2.imread(str(drawn))[..., 2] > 200).any()  # nothing red


@pytest.mark.parametrize("named", [(), ("shop",)], ids=["all", "by name"])
def test_privacy_reaches_the_pictures_that_are_captured(file, tiny_bundle, photos, tmp_path, named):
    left = "[[0, 0], [0.5, 0], [0.5, 1], [0, 1]]"
    file.write_text(config(tiny_bundle, photos, f"privacy = [{left}]"))
    ran = edge_tag("capture", *named, "--config", file, "--count", "1", "--out", tmp_path / "set")
    assert (ran.returncode, ran.stderr) == (0, "")
    red = cv2.imread(str(tmp_path / "set" / "000000.jpg"))[..., 2]
    assert red[:, :36].max() < 30
    assert red[:, 60:].min() > 200


def test_nothing_is_captured_while_a_camera_is_off(file, tiny_bundle, photos, tmp_path):
    another = DAYS[(datetime.now().weekday() + 3) % 7]
    file.write_text(config(tiny_bundle, photos, f'schedule = [{{days = ["{another}"]}}]'))
    ran = edge_tag("capture", "--config", file, "--out", tmp_path / "set")
    assert ran.returncode == 3
    assert ran.stdout.endswith(": 0 pictures\n")
    assert not (tmp_path / "set").exists()


def test_a_wrong_file_or_a_wrong_head_stops_a_run_before_any_frame(file, tiny_bundle, photos):
    for more, says in (("treshold = 1", "unknown key"), ("[heads.hue]", "did you mean 'hues'?")):
        file.write_text(config(tiny_bundle, photos, more))
        ran = edge_tag("run", "--config", file)
        assert (ran.returncode, ran.stdout) == (78, "")
        assert says in ran.stderr


def test_sighup_reloads_a_right_file_and_keeps_the_old_one_for_a_wrong_one(
    file, tiny_bundle, photos
):
    running = subprocess.Popen(
        [*PYTHON, "run", "--json", "--whole", "--config", str(file)],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert running.stdout is not None
    assert running.stderr is not None
    fcntl.fcntl(running.stdout, 1031, 4096)  # F_SETPIPE_SZ: a few lines, then it waits for us
    killer = threading.Timer(LIMIT_S, running.kill)
    killer.start()
    try:
        first = [json.loads(running.stdout.readline())]
        file.write_text("thread = 1")
        running.send_signal(signal.SIGHUP)
        first += [json.loads(running.stdout.readline()) for _ in range(15)]
        said = [running.stderr.readline() for _ in range(2)]
        file.write_text(config(tiny_bundle, photos, f"fps = 3\nprivacy = [{ALL}]"))
        running.send_signal(signal.SIGHUP)
        rest, errors = running.communicate()
    finally:
        killer.cancel()
        running.kill()
    assert running.returncode == 0
    assert "thread: unknown key" in said[0]
    assert "not reloaded" in said[1]
    assert all(line["tags"] for line in first)
    last = [json.loads(line) for line in rest.splitlines()]
    assert len(first) + len(last) == 40
    assert not last[-1]["tags"]
    assert "edge.toml: reloaded" in errors
    assert "cameras.shop.fps: needs a restart to count" in errors
