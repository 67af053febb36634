"""Costs of processes -> the numbers of benchmark E, its targets, its table. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.cold.process import Cost
from benchmarks.measures import Target, interval, median, over, verdict_lines, verdicts

ENGINES = ("onnxruntime", "openvino", "tflite")
OURS, BARE = "ours", "bare"
MOST_OVER, MOST_S, MOST_MB, MOST_SIZE = 1.3, 0.6, 60.0, 1.1
TARGETS: tuple[Target, ...] = (
    *((f"{engine}_first_tag_over_bare", "<=", MOST_OVER) for engine in ENGINES),
    ("onnxruntime_first_tag_cpu_s", "<=", MOST_S),
    *((f"{engine}_rss_mb_over_bare", "<=", MOST_MB) for engine in ENGINES),
    *((f"{engine}_install_over_bare", "<=", MOST_SIZE) for engine in ENGINES),
)

Costs = Mapping[str, Sequence[Cost]]  # contender -> its runs, in the same order for all


def first_tags(engine: str, costs: Costs) -> dict[str, Any]:
    """Each run of ours over the bare one beside it."""
    pairs = list(zip(costs[OURS], costs[BARE], strict=True))
    wall = [ours.first_line_s / bare.first_line_s for ours, bare in pairs]
    cpu = [ours.cpu_s / bare.cpu_s for ours, bare in pairs]
    return {
        f"{engine}_first_tag_over_bare": median(wall),
        f"{engine}_first_tag_over_bare_interval": interval(
            lambda rows: median([wall[row] for row in rows]), len(wall)
        ),
        f"{engine}_first_tag_cpu_over_bare": median(cpu),
        f"{engine}_first_tag_cpu_s": median([ours.cpu_s for ours in costs[OURS]]),
    }


def memory(engine: str, costs: Costs) -> dict[str, Any]:
    """Each run of ours less the bare one beside it."""
    pairs = zip(costs[OURS], costs[BARE], strict=True)
    return {f"{engine}_rss_mb_over_bare": median([o.rss_mb - b.rss_mb for o, b in pairs])}


def installed_size(engine: str, mb: Mapping[str, float]) -> dict[str, Any]:
    """MB by contender, and the ratio."""
    return {
        f"{engine}_install_mb": mb,
        f"{engine}_install_over_bare": mb[OURS] / mb[BARE],
    }


def summary(costs: Costs) -> dict[str, dict[str, float]]:
    """Medians, by contender."""
    return {
        name: {
            "first_line_s": median([run.first_line_s for run in runs]),
            "cpu_s": median([run.cpu_s for run in runs]),
            "rss_mb": median([run.rss_mb for run in runs]),
        }
        for name, runs in costs.items()
    }


def judged(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The targets of a result, for the engines that were there.

    The first tag is that of `--whole`, and so is the limit; what it is with all closer looks, as
    `edge-tag` comes, is told beside it.
    """
    measured = tuple(engine for engine in ENGINES if engine not in found["not_measured"])
    beside = {
        f"{engine}_first_tag_over_bare": f"with `--whole`; without, {as_it_comes(runs):.3g}"
        for engine, runs in found["memory"].items()
    }
    targets = [target for target in TARGETS if target[0].startswith(measured)]
    return verdicts(found, targets, beside)


def as_it_comes(runs: Mapping[str, Mapping[str, float]]) -> float:
    """The first line of many pictures' after all closer looks, over bare's after one: medians."""
    return over(runs[OURS]["first_line_s"], runs[BARE]["first_line_s"])


def table(found: Mapping[str, Any]) -> str:
    """For a person."""
    lines = [f"{'':<30}{'first tag s':>12}{'CPU s':>8}{'RSS MB':>8}"]
    for what in ("first_tag", "memory"):
        for engine, by_name in found[what].items():
            for name, row in by_name.items():
                where = f"{engine}, {name}" + (", many frames" if what == "memory" else "")
                first, cpu, rss = row["first_line_s"], row["cpu_s"], row["rss_mb"]
                lines.append(f"{where:<36}{first:>6.2f}{cpu:>8.2f}{rss:>8.0f}")
    return "\n".join([*lines, "", *verdict_lines(found["targets"])])
