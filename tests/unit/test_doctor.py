"""What the doctor finds, in which words, and what it keeps to itself."""

from __future__ import annotations

import getpass
import io
import os
import re
import socket
from pathlib import Path

import cv2
import msgspec
import pytest

from edge import cli
from edge.cli import parse
from edge.doctor import cameras, machine, report, tagging
from edge.doctor.anonymous import anonymous, own_names
from edge.doctor.finding import Finding, fail, ok, warn
from edge.doctor.report import Report, examined, exit_code, write_report
from edge.errors import BundleError, CheckFailed, EngineMissing, SourceError
from edge.health.power import Power
from edge.process import Stop
from edge.verbs import doctor as verb
from tests.tiny import paint

CANARY = "canary7f3a"


def never() -> bool:
    return False


def verdicts(findings) -> dict[str, str]:
    return {finding.what: finding.verdict for finding in findings}


def doctor(*words: object) -> Report:
    return examined(parse(["doctor", *map(str, words)]), never)


# the parts


@pytest.fixture
def dev(tmp_path):
    node = tmp_path / "dev" / "video0"
    node.parent.mkdir()
    node.write_bytes(b"")
    named = tmp_path / "sys" / "video0" / "name"
    named.parent.mkdir(parents=True)
    named.write_text("HD Webcam\n")
    return node.parent, tmp_path / "sys"


def test_a_camera_that_is_ours(dev):
    found = list(cameras.nodes(*dev))
    assert verdicts(found) == {"devices": "OK", "permissions": "OK"}
    assert "HD Webcam" in found[0].found


def test_a_camera_that_is_not(dev, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *asked: False)
    [_, finding] = cameras.nodes(*dev)
    assert (finding.verdict, finding.found) == ("WARN", "no permission to open video0")
    assert "usermod -aG video" in finding.fix


def test_no_camera_is_no_failure_until_one_is_named(tmp_path):
    assert verdicts(cameras.nodes(tmp_path, tmp_path)) == {"devices": "WARN"}
    [finding] = cameras.named(["camera:97"], never)
    assert (finding.verdict, finding.exit_code) == ("FAIL", SourceError.exit_code)
    assert finding.fix


def test_a_source_is_opened_and_read(tmp_path):
    good, bad = tmp_path / "a.png", tmp_path / "b.png"
    assert cv2.imwrite(str(good), paint("red"))
    bad.write_bytes(b"no picture")
    first, second = cameras.named([str(good), str(bad)], never)
    assert (first.verdict, first.found) == ("OK", "gives frames of 12 x 8")
    assert (second.verdict, second.exit_code) == ("FAIL", 3)


def test_all_cores_are_ours_where_nobody_says_which(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    [cores] = [f.found for f in machine.versions() if f.what == "cores"]
    assert cores == f"{os.cpu_count()} of {os.cpu_count()} are ours"


def test_power_and_heat_each_with_a_fix():
    found = list(
        machine.power(Power({"cpu": 84.0}, ("under-voltage",), ("under-voltage", "hot"), 1.0))
    )
    assert [(f.what, f.verdict) for f in found] == [
        ("under-voltage", "WARN"), ("hot", "WARN"), ("temperature", "WARN"),
    ]  # fmt: skip
    assert "so now" in found[0].found
    assert "since it was started" in found[1].found
    assert all(f.fix for f in found)


def test_a_machine_that_is_well():
    cool = machine.power(Power({"cpu": 50.0}))
    assert verdicts(cool) == {"temperature": "OK", "throttling": "OK"}
    assert verdicts(machine.power(Power())) == {"temperature": "OK", "throttling": "OK"}
    assert verdicts(machine.clock(True)) == {"clock": "OK"}


@pytest.mark.parametrize("is_synced", [False, None])
def test_a_clock_that_may_be_wrong(is_synced):
    [finding] = machine.clock(is_synced)
    assert (finding.verdict, "chrony" in finding.fix) == ("WARN", True)


@pytest.mark.parametrize(
    ("free", "verdict", "code"), [(1 << 33, "OK", 0), (1 << 29, "WARN", 0), (1 << 20, "FAIL", 74)]
)
def test_room_on_the_disk(tmp_path, monkeypatch, free, verdict, code):
    monkeypatch.setattr(machine, "free_bytes", lambda folder: free)
    [finding] = machine.disk(tmp_path / "not" / "yet")
    assert (finding.verdict, finding.exit_code) == (verdict, code)


def test_a_folder_that_may_not_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *asked: False)
    [finding] = machine.disk(tmp_path)
    assert (finding.verdict, finding.exit_code) == ("FAIL", 74)


def test_no_engine_at_all(monkeypatch):
    monkeypatch.setattr(tagging, "installed", list)
    [finding] = tagging.engines()
    assert (finding.verdict, finding.exit_code) == ("FAIL", EngineMissing.exit_code)
    assert finding.fix.startswith("pip install")


def test_what_only_some_need_is_a_warning(monkeypatch):
    monkeypatch.setattr(tagging, "_installed", lambda packages: "")
    assert set(verdicts(tagging.extras()).values()) == {"WARN"}


def test_a_bundle_that_is_whole_and_one_that_is_not(tiny_bundle, tmp_path):
    whole = list(tagging.bundle(str(tiny_bundle)))
    assert set(verdicts(whole).values()) == {"OK"}
    assert "null/" in "".join(finding.what for finding in whole)
    [finding] = tagging.bundle(str(tmp_path))
    assert (finding.verdict, finding.exit_code) == ("FAIL", BundleError.exit_code)


def test_a_provider_that_is_not_here(tiny_bundle):
    [finding] = tagging.run_as_asked(str(tiny_bundle), "null", "QUANTUM")
    assert (finding.what, finding.verdict, finding.exit_code) == (
        "null/QUANTUM, as asked",
        "FAIL",
        5,
    )
    [finding] = tagging.run_as_asked(str(tiny_bundle), "null")
    assert (finding.verdict, finding.found) == ("OK", "null/CPU gives the golden answers")


# the round


def test_a_whole_round(tiny_bundle):
    found = doctor("--bundle", tiny_bundle, "--engine", "null")
    areas = [finding.area for finding in found.findings]
    assert set(areas) == {"machine", "camera", "engine", "bundle"}
    assert all(finding.fix for finding in found.findings if finding.verdict != "OK")
    assert exit_code(found) == 0
    assert "python" in verdicts(found.findings)


def test_a_config_file_says_what_is_looked_at(tiny_bundle, tmp_path, capfd):
    assert cv2.imwrite(str(tmp_path / "shelf.png"), paint("red"))
    config = tmp_path / "edge.toml"
    config.write_text(
        f'bundle = "{tiny_bundle}"\nengine = "null"\noutbox = "{tmp_path}/events/outbox.db"\n'
        f'[[cameras]]\nname = "till"\nurl = "{tmp_path}/shelf.png"\n'
        '[[cameras]]\nname = "door"\nurl = "rtsp://127.0.0.1:9/1"\n'
    )
    assert cli.main(["doctor", "--config", str(config)]) == 3
    out = capfd.readouterr().out
    assert re.search("till +gives frames of 12 x 8", out)
    assert "FAIL  camera   door" in out
    assert "null/CPU gives the golden answers" in out
    assert f"{tmp_path}" in next(line for line in out.splitlines() if "  disk  " in line)
    assert cli.main(["doctor", "--config", str(config), "till"]) == 0
    assert "door" not in capfd.readouterr().out
    config.write_text("budget = 3")
    assert cli.main(["doctor", "--config", str(config)]) == 78


def test_the_exit_code_is_that_of_the_first_failure(tmp_path):
    found = doctor("--bundle", tmp_path, "--camera", 97)
    assert [f.exit_code for f in found.findings if f.verdict == "FAIL"][:2] == [3, 4]
    assert exit_code(found) == 3
    assert exit_code(Report(1, "", "", (ok("a", "b", "c"), warn("a", "b", "c", "d")))) == 0


def test_a_wrong_profile_is_found_like_anything_else(tiny_bundle, capfd):
    assert cli.main(["doctor", "--bundle", str(tiny_bundle), "--device", "rpi55"]) == 78
    out = capfd.readouterr().out
    assert "FAIL  machine  device profile" in out
    assert "did you mean 'rpi5'?" in out
    assert "golden answers" in out  # and the round went on


def test_a_stop_ends_the_round(tiny_bundle):
    flags = parse(["doctor", "--bundle", str(tiny_bundle)])
    assert len(examined(flags, lambda: True).findings) == 1


def test_a_stopped_round_is_no_clean_bill(tiny_bundle):
    stop = Stop()
    stop.is_set = True
    with pytest.raises(CheckFailed, match="stopped before its end"):
        verb.main(parse(["doctor", "--bundle", str(tiny_bundle)]), io.BytesIO(), stop)


def test_the_table_says_what_to_do_and_json_is_the_record():
    found = Report(1, "", "0", (
        ok("machine", "python", "3"),
        fail("camera", "camera:0", SourceError("camera:0: gone", fix="plug it in")),
        fail("camera", "camera:1", SourceError("camera:1: gone", fix="look")),
    ))  # fmt: skip
    out = io.BytesIO()
    write_report(out, found, is_json=False)
    text = out.getvalue().decode()
    assert text.splitlines()[0].split() == ["OK", "machine", "python", "3"]
    assert "FAIL camera:0: fix: plug it in" in text
    assert "FAIL camera:1: fix: look" in text
    assert text.endswith("1 OK, 0 WARN, 2 FAIL\n")
    out = io.BytesIO()
    write_report(out, found, is_json=True)
    assert msgspec.json.decode(out.getvalue(), type=Report) == found


# for strangers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rtsp://u:pw@10.0.0.7:554/cam?x=1: no answer", "rtsp://<address> no answer"),
        ("connect to 192.168.1.20 failed", "connect to <address> failed"),
        ("at fe80::1ff:fe23:4567:890a now", "at <address> now"),
        ("aa:bb:cc:00:11:22 is away", "<address> is away"),
        ("mail joe@example.org", "mail <address>"),
        ("/home/joe/shop/a.edge: no such file", "<path>: no such file"),
        ("~/x and ./y/z and ../up", "<path> and <path> and <path>"),
        ("no /dev/video0 at all", "no /dev/video0 at all"),
        ("onnxruntime/CPU and tflite/int8", "onnxruntime/CPU and tflite/int8"),
        ("opencv 4.10.0; 3.11.7", "opencv 4.10.0; 3.11.7"),
        ("2026-11-26T11:06:41.264Z", "2026-11-26T11:06:41.264Z"),
        ("frames of 640 x 480, 48.6 C", "frames of 640 x 480, 48.6 C"),
    ],
)
def test_what_tells_whose_it_is_goes_and_the_rest_stays(text, expected):
    assert anonymous(text) == expected


def test_names_go_as_whole_words():
    assert anonymous("pi runs pip as Pi", ["pi", ""]) == "<name> runs pip as <name>"


def test_this_machine_and_its_user_are_names():
    assert {socket.gethostname(), getpass.getuser()} <= set(own_names())


def test_a_canary_anywhere_is_in_no_redacted_report(tmp_path, monkeypatch):
    """In the user, the host, the home, the bundle's name, all of a stream, a camera's error."""
    home = tmp_path / f"home-{CANARY}"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    monkeypatch.setenv("USER", f"user-{CANARY}")
    monkeypatch.setenv("LOGNAME", f"user-{CANARY}")
    monkeypatch.setattr(socket, "gethostname", lambda: f"host-{CANARY}.lan")

    def told():
        text = f"host-{CANARY}: user-{CANARY} at http://{CANARY}.lan/{CANARY}?{CANARY}={CANARY}"
        yield Finding("camera", f"/media/{CANARY}", "WARN", text, f"see {home}/{CANARY}.txt")

    monkeypatch.setattr(cameras, "nodes", told)
    words = [
        "--bundle", f"{CANARY}/{CANARY}.edge", f"{CANARY}.jpg", home / f"{CANARY}.png",
        f"rtsp://user:{CANARY}@127.0.0.1:9/{CANARY}?token={CANARY}",
    ]  # fmt: skip
    open_report, shown = doctor(*words), doctor(*words, "--redacted")
    assert CANARY in str(open_report)
    out = io.BytesIO()
    for is_json in (False, True):
        write_report(out, shown, is_json=is_json)
    text = out.getvalue().decode()
    assert CANARY not in text
    assert not re.search(r"127\.0\.0\.1|tmp/pytest", text)
    assert [f.verdict for f in shown.findings] == [f.verdict for f in open_report.findings]


@pytest.mark.parametrize(
    "where", ["user:{}@127.0.0.1:9/x?token={}", "127.0.0.1:9/user=a_password={}_channel=1.sdp"]
)
def test_credentials_are_in_no_report_at_all(where):
    found = doctor(f"rtsp://{where.format(CANARY, CANARY)}")
    assert CANARY not in str(found)
    assert report.exit_code(found) == 3


def test_a_profile_that_ships_is_no_secret_and_a_file_of_ones_own_is():
    for given, said in (("rpi5", "rpi5"), (f"{CANARY}.toml", "<name>")):
        asked = parse(["doctor", "--device", given, "--redacted"])
        assert report._stranger(asked)(given) == said


def test_a_folder_of_the_system_is_no_secret():
    assert Path("/usr").is_dir()
    assert anonymous("/usr/lib/libx.so: no such file") == "/usr/lib/libx.so: no such file"
