"""Labelling through Ray Data: two local workers write what one process writes."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from quantize.errors import WorkshopError  # noqa: E402
from tests.workshop.label import ROOT, files, flags, run, write_onnx  # noqa: E402

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="pip install 'ray[data]'")


def label(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """The command, apart: Ray starts processes of its own and warns as it likes."""
    with TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:  # sockets: short
        return subprocess.run(
            [sys.executable, "-m", "quantize", "label", *arguments],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "RAY_TMPDIR": folder},
            capture_output=True,
            text=True,
            check=False,
        )


@needs_ray
def test_two_ray_workers_write_what_one_process_writes(tmp_path: Path) -> None:
    run(flags(tmp_path, "--out", str(tmp_path / "one")))
    arguments = flags(tmp_path, "--ray", "--workers", "2", "--out", str(tmp_path / "two"))
    done = label(arguments)
    assert done.returncode == 0, done.stderr
    assert "10 pictures labelled by onnx" in done.stdout
    assert files(tmp_path / "two") == files(tmp_path / "one")

    (tmp_path / "two/soft-00001.safetensors").unlink()  # as if killed: it goes on
    assert label(arguments).returncode == 0
    assert files(tmp_path / "two") == files(tmp_path / "one")


@needs_ray
def test_an_error_of_a_ray_worker_is_the_command_s(tmp_path: Path) -> None:
    write_onnx(tmp_path / "other.onnx", "lies")
    changed = ["--checkpoint", str(tmp_path / "other.onnx"), "--ray", "--workers", "2"]
    done = label(flags(tmp_path, *changed, "--out", str(tmp_path / "out")))
    assert done.returncode == 2
    assert "alone and in a batch of 3, expected the same\n  fix: export it again" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(find_spec("ray") is not None, reason="ray is here")
def test_without_ray_the_flag_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(WorkshopError, match="package 'ray' is not installed") as caught:
        run(flags(tmp_path, "--ray", "--out", str(tmp_path / "out")))
    assert caught.value.fix == "pip install 'ray[data]'"
