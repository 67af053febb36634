"""The manual says what is so: its example runs, its commands parse, its numbers were measured."""

from __future__ import annotations

import json
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path
from typing import get_args

import msgspec
import numpy as np
import pytest

from benchmarks.fashion import table as fashion_table
from benchmarks.length import TABLE as LENGTHS
from benchmarks.lowdata import TABLE
from benchmarks.targets import judged, results, summary
from benchmarks.targets import table as targets
from edge.bench.choosing import ROUNDS
from edge.bench.samples import ENOUGH_FOR_P99, PARTS
from edge.bench.verdict import LEAST_LAUNCHES, LEAST_S, TAKEN, WANDERED
from edge.cli import parse
from edge.config.read import parse as parse_config
from edge.config.records import Camera, Config
from edge.events.changes import GONE_S, SURE_S
from edge.health.power import REASONS
from edge.health.serving import HEAD_BYTES, LONGEST_S
from edge.health.serving import MOST as HEALTH_MOST
from edge.health.vitals import STALE_S
from edge.health.watch import EVERY_S
from edge.live.access import HEADER, WINDOW_S, WRONG
from edge.live.stream import EVERY_S as PAUSE_S
from edge.live.stream import MOST_STREAMS
from edge.live.window import SHOWN_PX
from edge.memory.cells import WAIT_S
from edge.memory.evidence import PATIENCE, SETTLED
from edge.memory.known import BLIND_S, BLINDEST_S, STILL_S
from edge.memory.sweep import COLUMNS, ROWS
from edge.memory.things import REFRESH_S
from edge.memory.tracks import PASSED_S
from edge.memory.views import GROWN
from edge.opening.listeners import OUTBOX_MB
from edge.opening.sources import LIVE_MS
from edge.outbox.ledger import Counts, Limits
from edge.records import SCHEMA, FrameTags, Spent, Tag
from edge.schedule.candidates import Why
from edge.schedule.cooling import HELD, LEAST
from edge.schedule.cost import STOPPED
from edge.schedule.plan import EXPLORING, MOST
from edge.schedule.shares import OWED
from edge.schedule.spending import STARVED_S
from edge.sinks import SINKS
from edge.verbs.bench import MIN_SECONDS
from edge.verbs.run_flags import LIVE
from quantize.report.records import read_report
from quantize.report.table import table
from tests.manual import MANUAL, PAGES, README, TEXTS, page

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "default-bundle.json"
COMMANDS = re.findall(r"edge-tag (?!-)[^\n`|#]*|edge-tag --[^\n`|#]*", MANUAL)


def test_the_python_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [example] = re.findall(r"```python\n(.*?)```", MANUAL, re.DOTALL)
    (tmp_path / "example.py").write_text(example, "utf-8")
    monkeypatch.chdir(ROOT)
    left = runpy.run_path(str(tmp_path / "example.py"))
    assert "grocery" in capsys.readouterr().out
    assert left["embedding"].shape == (1280,)
    assert np.isclose(np.linalg.norm(left["embedding"]), 1)
    assert {tag.head for tag in left["best"]} > {"grocery", "clothes"}


def test_mypy_passes_the_python_example_and_nothing_misspelt(tmp_path: Path) -> None:
    """In a project of somebody's own, which has none of our settings."""
    [example] = re.findall(r"```python\n(.*?)```", MANUAL, re.DOTALL)
    (tmp_path / "example.py").write_text(example, "utf-8")
    (tmp_path / "misspelt.py").write_text("import edge\n\nedge.open_taggr\n", "utf-8")
    mypy = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-error-summary"]
    kept = ["--cache-dir", str(ROOT / ".mypy_cache" / "others"), "--follow-imports=silent"]
    told = subprocess.run([*mypy, *kept, tmp_path], cwd=ROOT, capture_output=True, text=True)
    [line] = told.stdout.splitlines()
    assert "misspelt.py:3" in line
    assert 'Module has no attribute "open_taggr"' in line


@pytest.mark.parametrize("command", sorted({c.strip() for c in COMMANDS if re.search(r"--|\.", c)}))
def test_every_command_parses(command: str) -> None:
    words = shlex.split(command.split(" > ")[0])[1:]
    if words[:1] not in (["pip"], []):
        parse(words)


def test_the_table_is_the_measured_one() -> None:
    assert table(read_report(RESULTS)) in MANUAL


def test_the_targets_are_those_of_the_results() -> None:
    assert targets(results()) in MANUAL


def test_the_counts_of_targets_are_those_of_the_results() -> None:
    assert summary(results()) in README


def test_what_it_is_better_at_was_measured() -> None:
    video, cameras = results()["C"], results()["F"]
    ratios = f"{video['fast_cost_ratio']:.3g} to {video['slow_cost_ratio']:.3g} times less CPU time"
    said = " ".join(README.split("$ make demo")[0].split())
    assert ratios in said
    assert f"serves {cameras['cameras_over_tiling']:g} times as many cameras" in said


def test_the_verdicts_of_the_results_are_those_of_the_rules_of_now() -> None:
    found = results()
    assert list(found) == list("ABCDEF")
    for name, result in found.items():
        assert result["targets"] == judged(name, result), name


def test_what_is_said_of_benchmark_d_is_what_was_measured() -> None:
    found = results()["D"]
    said = " ".join(MANUAL.split("**Beside the engines' own tools**")[1].split("## ")[0].split())
    launches, repeats = found["settings"]["launches"], found["settings"]["repeats"]
    assert ("Taken on a quiet machine" in said) == found["machine"]["is_quiet"]
    assert f"({launches} launches a side, {repeats} runs of each tool)" in said
    names = {
        "onnxruntime_over_bare": "with ONNX Runtime",
        "openvino_over_bare": "with OpenVINO",
        "tflite_over_bare": "with tflite",
    }
    for key, name in names.items():
        assert f"{100 * (found[key] - 1):+.1f} % {name}" in said
    assert (
        f"`litert-benchmark` it is {100 * (found['tflite_over_litert_benchmark'] - 1):+.1f} %"
        in said
    )
    assert f"as around ours, {100 * (found['openvino_over_benchmark_app'] - 1):+.1f} %" in said
    spans = [one["cpu"]["interval"] for one in found["bare"].values()]
    assert ("each interval holds 0" in said) == all(low <= 1 <= high for low, high in spans)


def test_the_low_data_table_is_the_measured_one() -> None:
    [measured] = TABLE.findall((RESULTS.parent / "lowdata.md").read_text("utf-8"))
    assert measured in MANUAL


def test_the_table_of_input_sizes_is_the_measured_one() -> None:
    assert (RESULTS.parent / "input_size.md").read_text("utf-8") in MANUAL


def test_the_gallery_tables_are_the_measured_ones() -> None:
    measured = (RESULTS.parent / "gallery.md").read_text("utf-8").split("\n\n")
    tables = [part for part in measured if part.startswith("| ")]
    assert len(tables) == 2
    assert all(part in MANUAL for part in tables)


def test_the_fashion_table_is_the_measured_one() -> None:
    result = json.loads((RESULTS.parent / "fashion.json").read_text("utf-8"))
    assert fashion_table(result) in MANUAL


def test_the_table_of_lengths_is_the_measured_one() -> None:
    [measured] = LENGTHS.findall((RESULTS.parent / "length.md").read_text("utf-8"))
    assert measured in MANUAL
    assert (RESULTS.parent / "length-photos.md").read_text("utf-8").strip() in MANUAL


def test_the_lengths_shown_are_those_that_come() -> None:
    """Those of whole fish, to two of their own deviations: engines differ a little."""
    example = r"\n\n(    \.venv/bin/edge-tag --json --mm-per-px.*?')\n\n((?:    \S[^\n]*\n)+)"
    found = re.search(example, MANUAL, re.DOTALL)
    assert found is not None
    python = shlex.quote(sys.executable)
    command = re.sub(r"^    ", "", found[1], flags=re.M).replace(".venv/bin/python", "PYTHON")
    command = command.replace(".venv/bin/edge-tag", "PYTHON -m edge").replace("PYTHON", python)
    ran = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    rows, shown = ([line.split() for line in text.splitlines()] for text in (ran.stdout, found[2]))
    whole = [row for row in shown if row[4] == "False"]
    assert len(whole) >= 3
    for source, cm, sd_cm, *said in whole:
        assert any(
            [row[0], *row[3:]] == [source, *said]
            and abs(float(row[1]) - float(cm)) <= 2 * float(sd_cm)
            for row in rows
        )


def test_the_json_line_is_one_of_this_schema() -> None:
    [text] = re.findall(r"^    (\{\"schema\".*?\n\s+\"none\": \[.*?\]\})$", MANUAL, re.S | re.M)
    line = json.loads(text)
    fields = {
        kind: [f.name for f in msgspec.structs.fields(kind)] for kind in (FrameTags, Tag, Spent)
    }
    sometimes = {
        f.name
        for kind in (FrameTags, Tag)
        for f in msgspec.structs.fields(kind)
        if f.default is msgspec.UNSET
    }
    assert list(line) == [n for n in fields[FrameTags] if n in line or n not in sometimes]
    for tag in line["tags"]:
        assert list(tag) == [name for name in fields[Tag] if name in tag or name not in sometimes]
    assert list(line["spent"]) == fields[Spent]
    assert msgspec.convert(line, FrameTags).schema == SCHEMA
    assert set(line["shed"]) <= set(get_args(Why))
    rows = MANUAL.split(text)[1].split("\n\n")[1].splitlines()[2:]
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert told >= {"coverage", "oldest_s", "shed", "age_s", "state", "length_cm", "occluded"}
    assert "held" in told
    assert told <= {*fields[Tag], *fields[FrameTags]}


@pytest.mark.parametrize(
    "said",
    [
        f"heat map of {ROWS} x {COLUMNS} cells",
        f"else every {STILL_S:g} s",
        f"at most {MOST}:",
        f"{100 * STOPPED:g} in 100 of them end in time",
        f"A camera's frame may take {LIVE_MS:g} ms",
        f"probability of {SETTLED} a thing is settled and not looked at again for {REFRESH_S:g} s",
        f"grows by {GROWN - 1:.0%} or".replace("%", " %"),
        f"after {PATIENCE} looks",
        f"after {BLIND_S:g} s where it is likely to fit, after {BLINDEST_S:g} s anyway",
        f"unseen after that, it is told for {PASSED_S:g} s",
        f"looked at again after {WAIT_S:g} s",
        f"looked at closely within {WAIT_S:g} s",
    ],
)
def test_the_numbers_of_the_scheduler_are_those_of_the_code(said: str) -> None:
    assert said in " ".join(MANUAL.split())


def test_the_fractions_of_the_scheduler_are_those_of_the_code() -> None:
    assert (EXPLORING, OWED, STARVED_S) == (0.1, 0.5, 1.0)  # "a tenth", "half", "a second"


@pytest.mark.parametrize("kind", sorted(SINKS))
def test_every_kind_of_target_is_told(kind: str) -> None:
    [rows] = re.findall(r"^\| target \|.*?\n\n", MANUAL, re.S | re.M)
    assert re.search(rf"`{kind}:", rows)


def test_the_health_topic_holds_the_counts() -> None:
    [shown] = re.findall(r"`PREFIX/health` \| retained: `(.*?)`", MANUAL)
    assert tuple(json.loads(shown)) == Counts.__struct_fields__


def test_the_waits_of_events_are_those_of_the_code() -> None:
    said = f"there for {SURE_S:g} s or is settled, and has gone after {GONE_S:g} s"
    assert said in " ".join(MANUAL.split())
    assert f"`--outbox-mb {OUTBOX_MB}`" in MANUAL
    assert Limits().bytes == OUTBOX_MB << 20


def test_the_health_of_a_service_is_told_with_the_numbers_of_the_code() -> None:
    said = " ".join(MANUAL.split())
    assert f"nothing was tagged for {STALE_S:g} s" in said
    assert f"shrinks to {LEAST:.0%}".replace("%", " %") in said
    assert f"is {HELD:.0%} at most".replace("%", " %") in said
    assert f"looked at every {EVERY_S:g} s" in said
    assert f"at most {HEALTH_MOST} connections, {LONGEST_S:g} s each" in said
    assert f"{LONGEST_S:g} s each and {HEAD_BYTES >> 10} KiB of headers" in said
    assert all(f'"{reason}"' in MANUAL for reason in REASONS)


def test_what_makes_a_result_valid_is_told_with_the_numbers_of_the_code() -> None:
    said = page("Boards: profiles, predictions, virtual devices")
    assert f"{LEAST_S:g} s and {LEAST_LAUNCHES} launches; p99 is told from {ENOUGH_FOR_P99}" in said
    assert f"lie within {WANDERED:.0%}".replace("%", " %") in said
    assert f"took at most {TAKEN:.0%} of the cores".replace("%", " %") in said
    assert PARTS == 10  # "ten parts"
    assert f"times the engine for at least {MIN_SECONDS:g} s" in " ".join(MANUAL.split())
    assert f"take turns for {ROUNDS} launches" in " ".join(MANUAL.split())


def test_the_live_page_is_told_with_the_numbers_of_the_code() -> None:
    said = " ".join(page("The live page").split())
    assert f"`--live` alone is `{LIVE}`" in said
    assert f"At most {MOST_STREAMS} pages at a time" in said
    assert f"at most {SHOWN_PX:,} px and {1 / PAUSE_S:g} a second" in said
    assert (WRONG, WINDOW_S) == (10, 60)  # "ten wrong tokens", "a minute"
    assert f"a POST with `{HEADER}: 1`" in said


def test_the_config_file_is_one() -> None:
    [example] = re.findall(r"```toml\n(.*?)```", MANUAL, re.DOTALL)
    config = parse_config(example.encode(), "a page")
    assert [camera.name for camera in config.cameras] == ["till"]
    missing = set(Camera.__struct_fields__) - set(re.findall(r"\w+", example)) - {"every_s"}
    assert missing == set()
    told = page("A config file")
    assert {key for key in Config.__struct_fields__ if key not in told} == set()


@pytest.mark.parametrize("file", TEXTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_link_leads_somewhere_and_no_picture_is_large(file: Path) -> None:
    for is_picture, where in re.findall(r"(!?)\[[^\]]*\]\(([^)\s]+)\)", TEXTS[file]):
        if "://" in where:
            continue
        path, _, anchor = where.partition("#")
        to = (file.parent / path).resolve() if path else file
        assert to.exists(), where
        assert not is_picture or 0 < to.stat().st_size <= 250_000, where
        assert not anchor or anchor in anchors(to.read_text("utf-8")), where


def anchors(text: str) -> set[str]:
    """Of its headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_first_page_leads_to_every_other_and_is_short() -> None:
    linked = {(ROOT / where).resolve() for where in re.findall(r"\]\(([^)#\s]+)", README)}
    assert set(PAGES) - {ROOT / "README.md"} <= linked
    assert len(README.splitlines()) <= 320


def test_the_first_page_lists_every_folder_and_module_of_the_runtime() -> None:
    said = README.split("## Where things are")[1]
    folders = {file.parent.name for file in (ROOT / "edge").glob("*/__init__.py")}
    assert set(re.findall(r"^\| `(\w+)/` \|", said, re.M)) == folders
    modules = {
        file.name for file in (ROOT / "edge").glob("*.py") if file.stem.strip("_") == file.stem
    }
    assert set(re.findall(r"`(\w+\.py)`", said)) == modules


def test_the_first_page_lists_every_folder_of_tests() -> None:
    [said] = re.findall(r"^    tests/ +(.*)$", README, re.M)
    folders = {file.parent.name for file in (ROOT / "tests").glob("*/*.py")}
    assert set(said.split(", ")) == folders
