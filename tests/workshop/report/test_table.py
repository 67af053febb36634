"""The Markdown table, the file it comes from, and the lines of the gate."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from quantize.errors import WorkshopError
from quantize.int8.gate import Row as Line
from quantize.report.records import (
    HeadScore,
    Machine,
    manifest_accuracy,
    read_report,
    write_report,
)
from quantize.report.table import table, verdict_table
from tests.workshop.report.made import report, share

LINE = Line("tflite", "tags", "F1", 9, 0.5, 0.4, 0.1, 0.005, False)


def test_the_table_has_a_column_a_head_and_one_for_groups() -> None:
    lines = table(report()).splitlines()
    assert lines[0] == (
        "| engine | precision | fruit | fruit groups | tags | MB | ms a picture (p10 to p90) |"
    )
    assert lines[1] == "|" + "---|" * 7
    assert lines[2] == (
        "| onnxruntime | float | 90.0 | 95.0 | 55.6 | 14.50 | 9.75 (9.25 to 10.75) |"
    )
    assert lines[-1] == "One thread on Some CPU, 4 cores, load 0.5."
    assert len(lines) == 2 + 4 + 2


def test_a_head_that_nobody_judged_has_a_dash() -> None:
    rows = tuple(
        msgspec.structs.replace(row, heads={"fruit": HeadScore(), "tags": row.heads["tags"]})
        for row in report().rows
    )
    assert "| onnxruntime | float | - | - | 55.6 |" in table(report(rows=rows))


def test_only_what_the_gate_refused_is_listed() -> None:
    passed = msgspec.structs.replace(LINE, head="fish", passed=True)
    said = verdict_table(report(verdicts=(LINE, passed)))
    assert said.startswith("gate: 1 of 2 lines refused")
    assert "tags" in said
    assert "fish" not in said
    assert verdict_table(report(verdicts=(passed,))) == "gate: all 1 lines passed"
    assert verdict_table(report()) == ""


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = report(verdicts=(LINE,))
    write_report(made, tmp_path / "report.json")
    assert read_report(tmp_path / "report.json") == made


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file"),
        ("[", "does not parse"),
        ("{}", "report of schema 1, expected schema 2"),
        ('{"schema": 3}', "report of schema 3"),
        ('{"schema": 2}', "does not parse"),
    ],
)
def test_a_report_that_cannot_be_read_is_refused(
    content: str | None, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "report.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(WorkshopError, match=words):
        read_report(file)


def test_the_manifest_keeps_the_accuracy() -> None:
    score = HeadScore(share(3, 4), by_tag={"gala": share(1, 2)})
    kept = manifest_accuracy(score)
    assert kept is not None
    assert (kept.count, kept.top1, kept.by_tag) == (4, 0.75, {"gala": 0.5})
    assert manifest_accuracy(HeadScore()) is None


@pytest.mark.parametrize(("load", "busy"), [(0.5, False), (3.1, True)])
def test_a_busy_machine_says_so(load: float, busy: bool) -> None:
    assert Machine("x", 4, load).is_busy is busy
