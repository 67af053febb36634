"""`edge-quantize`: what it says when it is asked, and when it is asked wrongly."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from quantize.cli import STAGES, main


def test_every_stage_teaches_its_flags(capsys: pytest.CaptureFixture[str]) -> None:
    for stage in STAGES:
        with pytest.raises(SystemExit) as stop:
            main([stage, "--help"])
        assert stop.value.code == 0
        said = capsys.readouterr().out
        assert "--out" in said
        assert "None" not in said.split("options:")[1].split("--help")[0]


def test_help_is_quick_and_walks_from_pictures_to_a_camera() -> None:
    """Torch takes seconds to import: the list of stages must not wait for it."""
    code = "import sys; from quantize.cli import main\ntry: main(['--help'])\nexcept SystemExit: "
    code += "assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "edge-tag --bundle shop.bundle --camera 0" in done.stdout


def test_what_is_wrong_comes_with_a_fix_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["finetune", "--images", str(tmp_path / "none"), "--out", str(tmp_path / "out")]
    assert main(flags) == 2
    said = capsys.readouterr().err
    assert "no such folder" in said
    assert "fix:" in said
    assert not (tmp_path / "out").exists()


def test_a_disk_that_refuses_has_one_exit_code_whoever_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    assert main(["length", "--out", str(tmp_path / "file" / "out")]) == 74
    assert "Not a directory\n  fix: mend that and run" in capsys.readouterr().err

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert main(["length", "--out", str(tmp_path / "out")]) == 74
    assert "recipe.json: No space left on device\n  fix: free some" in capsys.readouterr().err
