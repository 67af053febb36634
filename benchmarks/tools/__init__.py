"""Peers' own benchmark tools: how each is called, for one picture on one thread; what it says."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from benchmarks.tools.turns import script


class Tool(msgspec.Struct, frozen=True):
    """One tool for one engine."""

    name: str
    engine: str
    program: str  # as its package installs it
    command: Callable[[Path, int, Path], Sequence[str]]  # model, launches, folder for its JSON
    read: Callable[[Path], dict[str, float]]  # that folder -> least and p5, ms


def _benchmark_app(model: Path, launches: int, folder: Path) -> Sequence[str]:
    return (
        sys.executable, "-m", "benchmarks.tools.outside", "-m", str(model),
        "-shape", "[1,224,224,3]", "-api", "sync",
        "-hint", "none", "-nstreams", "1", "-nthreads", "1", "-infer_precision", "f32",
        "-niter", str(launches), "-latency_percentile", "5",
        "-report_type", "no_counters", "-json_stats", "-report_folder", str(folder),
    )  # fmt: skip


def _read_benchmark_app(folder: Path) -> dict[str, float]:
    said = json.loads((folder / "benchmark_report.json").read_text("utf-8"))["execution_results"]
    return {
        "least": float(said["min latency"]),
        "p5": float(said["latency (5 percentile) (ms)"]),
    }


def _litert(model: Path, launches: int, folder: Path) -> Sequence[str]:
    return (
        script("litert-benchmark"), "--model", str(model), "--num_threads", "1",
        "--num_runs", str(launches), "--result_json", str(folder / "litert.json"),
    )  # fmt: skip


def _read_litert(folder: Path) -> dict[str, float]:
    said = json.loads((folder / "litert.json").read_text("utf-8"))["latency"]
    return {"least": said["min_ms"], "p5": said["p5_ms"]}


TOOLS = (
    Tool("benchmark_app", "openvino", "benchmark_app", _benchmark_app, _read_benchmark_app),
    Tool("litert-benchmark", "tflite", "litert-benchmark", _litert, _read_litert),
)


def is_here(tool: Tool) -> bool:
    return Path(script(tool.program)).is_file()
