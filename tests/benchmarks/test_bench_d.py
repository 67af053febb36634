"""Benchmark D: processes in turns, tools and what they say, bare loops that do the same work."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.reports.bench_d import compared, headlines, table
from benchmarks.tools import TOOLS
from benchmarks.tools.bare import LOOPS
from benchmarks.tools.turns import in_turns
from edge.engines import open_engine
from tests.tiny import artifact_files, paint

PYTHON = sys.executable


def test_processes_take_turns_and_both_come_to_their_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    work = (
        "import sys, time\n"
        "for n in range(12):\n"
        "    end = time.process_time() + 0.02\n"
        "    while time.process_time() < end: pass\n"
        f"    open({str(log)!r}, 'a').write(sys.argv[1])\n"
        "print(sys.argv[1])\n"
    )
    said = in_turns([(PYTHON, "-c", work, word) for word in "ab"], turn_s=0.05)
    assert said == ["a\n", "b\n"]
    order = log.read_text("utf-8")
    assert sorted(order) == ["a"] * 12 + ["b"] * 12
    assert "ba" in order.strip("b") or "ab" in order.strip("a")  # not one after the other


def test_a_tool_that_fails_is_told_with_its_words() -> None:
    fails = (PYTHON, "-c", "import sys; sys.exit('no such model')")
    with pytest.raises(RuntimeError, match="no such model"):
        in_turns([(PYTHON, "-c", ""), fails], turn_s=0.01)


@pytest.mark.parametrize("engine", sorted(LOOPS))
def test_a_bare_loop_does_the_same_work(engine, need_engine) -> None:
    need_engine(engine)
    files, batch = [*artifact_files(engine).values()], paint("yellow")[None]
    bare = LOOPS[engine](files, batch)()
    theirs = [*(bare if isinstance(bare, list) else bare.values())]
    ours = [*open_engine(engine, files, threads=1).run(batch).values()]
    assert [array.shape for array in theirs] == [array.shape for array in ours]
    known = [pair for pair in zip(theirs, ours) if pair[0].dtype == np.float32]
    assert known
    assert all(np.allclose(*pair, atol=1e-5) for pair in known)


SAID = {
    "benchmark_app": ("benchmark_report.json", {"execution_results": {
        "min latency": "3.48", "latency (5 percentile) (ms)": "3.65"}}),
    "litert-benchmark": ("litert.json", {"latency": {"min_ms": 3.28, "p5_ms": 3.31}}),
}  # fmt: skip


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_what_a_tool_says_is_read(tool, tmp_path: Path) -> None:
    name, content = SAID[tool.name]
    (tmp_path / name).write_text(json.dumps(content), "utf-8")
    read = tool.read(tmp_path)
    assert 3.2 < read["least"] < read["p5"] < 3.7
    assert str(tmp_path) in " ".join(tool.command(Path("m"), 10, tmp_path))


def test_ratios_are_taken_pair_by_pair() -> None:
    busy = [(n + 0.02 * n, float(n)) for n in range(1, 100)]  # the machine slows down; we do not
    found = compared(busy)
    assert found["ratio"] == pytest.approx(1.02)
    assert found["quartiles"] == pytest.approx((1.02, 1.02))
    tool = {"engine": "tflite", "least": found, "p5": found}
    said = {"bare": {"tflite": {"cpu": found}}, "tools": {"litert-benchmark": tool}}
    numbers = headlines(said["bare"], said["tools"])
    assert numbers == {
        "tflite_over_bare": found["ratio"],
        "tflite_over_litert_benchmark": found["ratio"],
    }
    assert "1.020" in table(said | {"targets": []})
