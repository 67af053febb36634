"""A result says what it is of: machine, sources, bundle."""

from __future__ import annotations

import subprocess
from importlib import import_module
from pathlib import Path

import msgspec
import pytest

pytest.importorskip("matplotlib", reason="pip install 'edge-tag[bench]'")

from benchmarks import bench_d
from benchmarks.machine import ROOT, about, bundle_id, commit
from edge.bundle import DEFAULT, open_bundle
from tests.tiny import write_tiny


def git(folder: Path, *words: str) -> str:
    named = ["git", "-c", "user.name=a", "-c", "user.email=a@b.example", *words]
    return subprocess.run(named, cwd=folder, check=True, capture_output=True, text=True).stdout


def test_the_sources_commit_is_told_and_whether_they_were_changed_since(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    assert commit(checkout) is None
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "of what lies around it")
    assert commit(checkout) is None
    git(checkout, "init", "-q")
    (checkout / "a.py").write_text("1\n", "utf-8")
    git(checkout, "add", "a.py")
    git(checkout, "commit", "-q", "-m", "a")
    assert commit(checkout) == git(checkout, "rev-parse", "HEAD").strip()
    (checkout / "a.py").write_text("2\n", "utf-8")
    assert commit(checkout) == git(checkout, "rev-parse", "HEAD").strip() + "-dirty"


def test_a_result_begins_with_what_it_is_of(tmp_path: Path) -> None:
    assert bundle_id(write_tiny(tmp_path / "tiny")) == "tiny@3"
    found = about("Z: nothing", "tiny@3")
    assert list(found) == ["benchmark", "machine", "commit", "bundle"]
    assert (found["bundle"], found["commit"]) == ("tiny@3", commit(ROOT))


@pytest.mark.parametrize("letter", "abcdef")
def test_every_benchmarks_result_begins_so(letter: str) -> None:
    pytest.importorskip("onnx", reason="pip install 'edge-tag[bench]'")
    module = import_module(f"benchmarks.bench_{letter}")
    assert module.about is about
    assert not hasattr(module, "machine")  # by itself it says less


def test_benchmark_d_says_what_it_measured(tmp_path: Path, monkeypatch, need_engine) -> None:
    need_engine("onnxruntime")
    monkeypatch.setattr(bench_d, "TOOLS", ())
    monkeypatch.setattr(bench_d, "LOOPS", {"onnxruntime": bench_d.LOOPS["onnxruntime"]})
    assert bench_d.main(["--launches", "2", "--out", str(tmp_path)]) == 0
    found = msgspec.json.decode((tmp_path / "bench-d.json").read_bytes())
    with open_bundle(DEFAULT) as bundle:
        assert found["bundle"] == bundle.id
    assert found["benchmark"].startswith("D: ")
    assert found["settings"]["launches"] == 2


@pytest.mark.parametrize("words", [["--launches", "0"], ["--repeats", "0"]])
def test_benchmark_d_refuses_to_measure_nothing(words: list[str], capsys) -> None:
    with pytest.raises(SystemExit, match="2"):
        bench_d.main(words)
    assert "must be 1 or more" in capsys.readouterr().err
