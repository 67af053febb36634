"""The unit and the image: what systemd thinks of it, and that both call what there is."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from edge.cli import parse
from edge.outbox.delivery import HANGS_S
from edge.outbox.opened import DRAIN_S

SERVICE = Path(__file__).parents[2] / "service"
UNIT = (SERVICE / "edge-tag.service").read_text("utf-8")
DOCKERFILE = (SERVICE / "Dockerfile").read_text("utf-8")


def keys(section: str) -> dict[str, list[str]]:
    """key -> its values, of one section."""
    [body] = re.findall(rf"^\[{section}\]\n(.*?)(?=^\[|\Z)", UNIT, re.S | re.M)
    found: dict[str, list[str]] = {}
    for line in body.splitlines():
        if line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="apt-get install systemd")
def test_systemd_finds_nothing_wrong(tmp_path):
    unit = tmp_path / "edge-tag.service"  # what it starts has to be there
    unit.write_text(UNIT.replace("/opt/edge-tag/bin/edge-tag", "/bin/true"), "utf-8")
    ran = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout + ran.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="apt-get install systemd")
def test_systemd_finds_little_that_it_might_do(tmp_path):
    unit = tmp_path / "edge-tag.service"
    unit.write_text(UNIT, "utf-8")
    ran = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout[-200:]  # 2.0 of 10; 9.6 is a unit without any of it


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Type", "notify"),
        ("Restart", "always"),
        ("DynamicUser", "yes"),
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("DevicePolicy", "closed"),
        ("StateDirectory", "edge-tag"),
        ("SystemCallFilter", "@system-service"),
    ],
)
def test_the_unit_is_hardened(key, value):
    assert keys("Service")[key] == [value]


def test_the_unit_has_cameras_and_limits():
    service = keys("Service")
    assert "video" in service["SupplementaryGroups"][0].split()
    assert "char-video4linux rw" in service["DeviceAllow"]
    assert float(service["WatchdogSec"][0]) >= 30
    assert "78" in service["RestartPreventExitStatus"][0].split()
    for may_come_back in ("2", "3", "4", "5"):  # a disk's files, a camera, an accelerator
        assert may_come_back not in service["RestartPreventExitStatus"][0].split()
    assert float(service["TimeoutStopSec"][0]) > DRAIN_S + HANGS_S
    assert service["MemoryMax"]


def test_what_the_unit_starts_is_a_command_of_ours():
    [command], [environment] = keys("Service")["ExecStart"], keys("Service")["Environment"]
    flags = re.findall(r"EDGE_TAG_FLAGS=([^\"]*)", environment)[0]
    flags_read = parse(shlex.split(command.replace("$EDGE_TAG_FLAGS", flags))[1:])
    assert flags_read.health == "127.0.0.1:9464"
    assert flags_read.sources == ["camera:0"]


def test_the_image_is_small_in_rights_and_starts_what_there_is():
    words = re.findall(r"^(?:ENTRYPOINT|CMD) \[(.*?)\]$", DOCKERFILE, re.M)
    command = shlex.split(" ".join(words).replace(",", " "))
    assert parse(command[1:]).health == "127.0.0.1:9464"
    user, check = DOCKERFILE.index("\nUSER 10001"), DOCKERFILE.index("\nHEALTHCHECK")
    assert user < check < DOCKERFILE.index("\nENTRYPOINT")
    assert "127.0.0.1:9464/healthz" in DOCKERFILE
    assert not re.search(r"^(ADD|EXPOSE)\b", DOCKERFILE, re.M)
