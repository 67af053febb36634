"""The README says what is so: its example runs, its commands parse, its numbers were measured."""

from __future__ import annotations

import re
import runpy
import shlex
from pathlib import Path

import numpy as np
import pytest

from benchmarks.lowdata import TABLE
from edge.flags import parse
from edge.records import SCHEMA
from quantize.report.records import read_report
from quantize.report.table import table

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
RESULTS = ROOT / "benchmarks" / "results" / "default-bundle.json"
COMMANDS = re.findall(r"edge-tag (?!-)[^\n`|#]*|edge-tag --[^\n`|#]*", README)


def test_the_python_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [example] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (tmp_path / "example.py").write_text(example, "utf-8")
    monkeypatch.chdir(ROOT)
    left = runpy.run_path(str(tmp_path / "example.py"))
    assert "grocery" in capsys.readouterr().out
    assert left["embedding"].shape == (1280,)
    assert np.isclose(np.linalg.norm(left["embedding"]), 1)


@pytest.mark.parametrize("command", sorted({c.strip() for c in COMMANDS if re.search(r"--|\.", c)}))
def test_every_command_parses(command: str) -> None:
    words = shlex.split(command.split(" > ")[0])[1:]
    if words[:1] not in (["pip"], []):
        parse(words)


def test_the_table_is_the_measured_one() -> None:
    assert table(read_report(RESULTS)) in README


def test_the_low_data_table_is_the_measured_one() -> None:
    [measured] = TABLE.findall((RESULTS.parent / "lowdata.md").read_text("utf-8"))
    assert measured in README


def test_the_json_line_has_the_fields_of_this_schema() -> None:
    [line] = re.findall(r"^    (\{\"schema\".*?\n.*?\"engine\": \"[^\"]*\"\})", README, re.S | re.M)
    assert f'"schema": {SCHEMA}' in line
