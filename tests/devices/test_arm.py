"""A 64-bit Arm board: everything installs as wheels; under emulation it says what it says here."""

from __future__ import annotations

import subprocess
import sys

import pytest

from devices.arm_wheels import ENGINES, needs, resolved
from devices.emulated_arm import LABEL, WORK, compared, main, why_not
from edge.bundle.golden import TOLERANCE


@pytest.fixture(scope="module")
def registry() -> None:
    """Skips where pip reaches none."""
    words = ["--dry-run", "--quiet", "--ignore-installed", "--no-deps", "--retries", "0", "tqdm"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *words], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"no package registry: {done.stderr.strip().splitlines()[-1]}")


@pytest.mark.parametrize("extra", ENGINES.values())
@pytest.mark.parametrize("python", ["3.11", "3.13"])
def test_the_runtime_installs_from_wheels_alone(registry, python, extra):
    wheels = resolved(python, [extra])
    assert len(wheels) >= len([need for need in needs([extra]) if "python_version" not in need])
    for wheel in wheels:
        assert wheel.endswith("-any.whl") or "aarch64" in wheel, wheel


def test_what_is_no_wheel_is_told(registry, monkeypatch):
    monkeypatch.setattr("devices.arm_wheels.needs", lambda extras: ["tflite-runtime==2.14.0"])
    with pytest.raises(Exception, match=r"for 3\.13 on aarch64: .*tflite-runtime"):
        resolved("3.13", [])  # it has wheels for 3.9 to 3.11, and no source


@pytest.mark.skipif(bool(why_not(WORK)), reason=why_not(WORK))
@pytest.mark.parametrize("engine", ["onnxruntime", "tflite"])
def test_under_emulation_it_gives_the_tags_it_gives_here(engine):
    """The golden pictures are part of it: a bundle that does not reproduce is refused."""
    found = compared(engine, WORK)
    assert found["answers"], found["said"]
    assert found["same_tags"]
    assert found["largest_difference"] <= TOLERANCE


def test_without_an_emulator_it_is_told_how_to_get_one(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("devices.emulated_arm.shutil.which", lambda tool: None)
    assert main(["--work", str(tmp_path)]) == 5
    assert "apt-get install qemu-user-static" in capsys.readouterr().err
    assert LABEL.startswith("emulated")
