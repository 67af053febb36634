"""Rows of benchmark C -> its numbers, its targets, its table. Pure.

Of several scripts or budgets the worst is judged; newcomers are those of all scripts together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from benchmarks.judging import Row, ages, looks_each, passed_by, told_share, waits
from benchmarks.measures import (
    NEVER,
    Target,
    finite,
    mean,
    over,
    percent,
    quantile,
    verdict_lines,
    verdicts,
)
from benchmarks.watchers import BUDGETS_MS

SHARE = 0.95  # of tiling's tags
AS_RIGHT = 0.005  # less of what is told may be right than of a peer's
SETTLING = 20  # frames of the same things before the number of crops must be steady
MAIN = "ours50"  # the headline is at this budget
TARGETS: tuple[Target, ...] = (
    ("static_cost_ratio", ">=", 30.0),
    ("slow_cost_ratio", ">=", 6.0),
    ("fast_cost_ratio", ">=", 3.0),
    ("p99_over_budget_quiet", "<=", 1.05),
    ("misses_at_50_contended", "<=", 0.01),
    ("open_loop_misses_at_50_contended", ">=", 0.1),
    ("static_age_p99_s", "<=", 10.0),
    ("moving_age_p99_frames", "<=", 3.0),
    ("looks_over_frigate", "<=", 0.333),
    ("newcomer_frames_p90", "<=", 2.0),
    ("crops_spread", "<=", 1.0),
)

Runs = Mapping[str, Mapping[str, Sequence[Row]]]  # script -> watcher -> rows


def halves(rows: Sequence[Row], count: int) -> tuple[Sequence[Row], Sequence[Row]]:
    """The quiet one and the contended one."""
    return rows[: count // 2], rows[count // 2 :]


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """The numbers of one watcher over some frames in a row."""
    latency = [row.latency_ms for row in rows if row.latency_ms is not None]
    newcomers, age = list(waits(rows).values()), ages(rows)
    return {
        "cpu_ms": mean([row.cpu_ms for row in rows]),
        "latency_p50_ms": quantile(latency, 0.5),
        "latency_p99_ms": quantile(latency, 0.99),
        "misses": {f"{ms:g}": mean([float(x > ms) for x in latency]) for ms in BUDGETS_MS},
        "skipped_frames": mean([float(row.took_ms is None) for row in rows]),
        "told_share": told_share(rows),
        "right_share": over(sum(row.right for row in rows), sum(row.tags for row in rows)),
        "age_p50_frames": quantile(age, 0.5),
        "age_p99_frames": quantile(age, 0.99),
        "newcomers": len(newcomers),
        "newcomer_frames_p90": finite(quantile(newcomers, 0.9)),
        "newcomers_never_told": sum(w == float("inf") for w in newcomers),
        "passed_by": passed_by(rows),
        "crops": mean([float(row.crops) for row in rows]),
        "crops_spread": spread(rows),
        "looks_each": mean([float(n) for n in looks_each(rows).values()]),
    }


def spread(rows: Sequence[Row]) -> float:
    """Standard deviation of crops a frame under constant load: about their mean while the same
    things are all there is to be seen, each time it had SETTLING frames to settle. NaN for too few.
    """
    crops = [[r.crops for r in same[SETTLING:] if r.took_ms is not None] for same in steady(rows)]
    off = [count - mean(one) for one in crops for count in one]
    return float(np.std(off)) if len(off) > 1 else float("nan")


def steady(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows in a row of which the same things were to be seen."""
    return [list(same) for _, same in groupby(rows, key=lambda row: row.seen)]


def cost_ratio(ours: Sequence[Row], tiling: Sequence[Row]) -> float | None:
    """How many times cheaper ours is; None where it tells nothing, or less than SHARE of tiling's
    tags.
    """
    told = told_share(ours)
    if not (told > 0 and told >= SHARE * told_share(tiling)):
        return None
    return finite(over(mean([r.cpu_ms for r in tiling]), mean([r.cpu_ms for r in ours])))


def headlines(runs: Runs, count: int) -> dict[str, Any]:
    """The numbers that the targets are about; of several scripts or budgets the worst."""
    found: dict[str, Any] = {}
    p99, spreads, misses, newcomers = [], [], [], []
    for script, by_name in runs.items():
        quiet = {name: halves(rows, count)[0] for name, rows in by_name.items()}
        for ms in BUDGETS_MS:
            rows = quiet[f"ours{ms:g}"]
            found[f"{script}_cost_ratio_{ms:g}"] = cost_ratio(rows, quiet["tiling"])
            latency = [row.latency_ms for row in rows if row.latency_ms is not None]
            p99.append(quantile(latency, 0.99) / ms)
            spreads.append(spread(rows))
        found[f"{script}_cost_ratio"] = found[f"{script}_cost_ratio_50"]
        found[f"{script}_told_over_tiling"] = over(
            told_share(quiet[MAIN]), told_share(quiet["tiling"])
        )
        newcomers += list(waits(quiet[MAIN]).values())
        contended = halves(by_name[MAIN], count)[1]
        misses.append(summary(contended)["misses"]["50"])
        found[f"{script}_open_loop_misses_at_50_contended"] = summary(
            halves(by_name["open_loop"], count)[1]
        )["misses"]["50"]
    known = [s for s in spreads if s == s]
    return found | {
        "p99_over_budget_quiet": max(p99),
        "misses_at_50_contended": max(misses),
        "newcomer_frames_p90": finite(quantile(newcomers, 0.9)),
        "newcomers": len(newcomers),
        "crops_spread": max(known) if known else None,
    }


def summaries(runs: Runs, count: int) -> dict[str, Any]:
    """script -> watcher -> quiet, contended."""
    return {
        script: {
            name: dict(zip(("quiet", "contended"), map(summary, halves(rows, count))))
            for name, rows in by_name.items()
        }
        for script, by_name in runs.items()
    }


def judged(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The targets of a result as JSON has it, by what it holds of its watchers too.

    Who tells as much as a peer that tells nothing may tell nothing: then there is no verdict.
    """
    quiet = {
        script: {name: both["quiet"] for name, both in by_name.items()}
        for script, by_name in found["watchers"].items()
    }
    beside, unjudged = {}, {}
    for script, by_name in quiet.items():
        ours, peer = (by_name[name]["told_share"] for name in (MAIN, "tiling"))
        beside[f"{script}_cost_ratio"] = f"told: ours {percent(ours)}, tiling {percent(peer)}"
        if not peer:
            unjudged[f"{script}_cost_ratio"] = "the peer tells nothing"
    return verdicts(found | _of_watchers(found, quiet), TARGETS, beside, unjudged)


def _of_watchers(found: Mapping[str, Any], quiet: Mapping[str, Any]) -> dict[str, Any]:
    ages = {script: by_name[MAIN]["age_p99_frames"] for script, by_name in quiet.items()}
    static = ages.pop("static", None)
    looks = [
        looks_over(by_name[MAIN], by_name["frigate"])
        for by_name in quiet.values()
        if "frigate" in by_name
    ]
    misses = [found[f"{script}_open_loop_misses_at_50_contended"] for script in quiet]
    return {
        "open_loop_misses_at_50_contended": min(misses, default=None),
        "static_age_p99_s": None if static is None else static / found["fps"],
        "moving_age_p99_frames": max(_known(ages.values()), default=None),
        "looks_over_frigate": max(_known(looks), default=None),
    }


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def looks_over(ours: Mapping[str, Any], peer: Mapping[str, Any]) -> float | None:
    """Looks a thing over the peer's; NEVER where what ours tells is right less often.

    None where nothing stayed long enough to be counted, or the peer tells nothing: who looks at
    nothing looks least.
    """
    if not peer["told_share"]:
        return None
    if (ours["right_share"] or 0.0) < (peer["right_share"] or 0.0) - AS_RIGHT:
        return NEVER
    mine, its = ours["looks_each"], peer["looks_each"]
    return None if mine is None or its is None else over(mine, its)


def table(found: Mapping[str, Any]) -> str:
    """For a person: every watcher in both halves, then the targets."""
    words = ("cpu ms", "p50", "p99", ">50 ms", "told", "right", "age p99", "new p90", "looks each")
    lines = []
    for script, by_name in found["watchers"].items():
        for half in ("quiet", "contended"):
            lines.append(f"{script + ', ' + half:<20}" + "".join(f"{w:>11}" for w in words))
            for name, both in by_name.items():
                row = both[half]
                values = (
                    row["cpu_ms"], row["latency_p50_ms"], row["latency_p99_ms"],
                    row["misses"]["50"], row["told_share"], row["right_share"],
                    row["age_p99_frames"], row["newcomer_frames_p90"], row["looks_each"],
                )  # fmt: skip
                lines.append(f"  {name:<18}" + "".join(f"{_word(v):>11}" for v in values))
    return "\n".join([*lines, "", *verdict_lines(found["targets"])])


def _word(value: float | None) -> str:
    return "-" if value is None or value != value else f"{value:.2f}"
