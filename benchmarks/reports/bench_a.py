"""Traces of benchmark A -> its numbers, its targets, its table."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from benchmarks.measures import Target, finite, interval, over, percent, verdict, verdicts
from benchmarks.scoring import (
    AT,
    SHARE,
    Trace,
    area_under,
    curve,
    least_recall,
    mean_ms,
    ratio_at,
    recall,
    recall_at,
)

Traces = Mapping[str, Sequence[Trace]]  # contender -> a trace a scene
PEER = "sahi640"
FLOOR = 0.05  # of recall: below it a peer finds too little for a ratio over it to say anything
TARGETS: tuple[Target, ...] = (
    ("clustered8_engine_ratio_at_95", "<=", 0.25),
    ("uniform8_engine_ratio_at_95", "<=", 0.40),
    ("aurc_over_oracle", ">=", 0.90),
    ("recall4_over_random", ">=", 4.0),
    ("small_recall_over_sahi", ">=", 1.0),
)


def numbers(traces: Traces) -> dict[str, Any]:
    """Headline ratios with their 95 % intervals, and a summary of each contender by group."""
    found: dict[str, Any] = {}
    for key, _, _ in TARGETS:
        found |= {key: None, f"{key}_interval": (None, None), f"{key}_reason": "no such scenes"}
    for key, value, count in _headlines(traces):
        everything = value(range(count))
        found[key] = finite(everything)
        found[f"{key}_interval"] = interval(value, count)
        found[f"{key}_reason"] = _reason(key, everything, traces)
    found["contenders"] = {name: _by_group(kept, traces) for name, kept in traces.items()}
    return found


def curves(
    traces: Traces, groups: Sequence[str]
) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """Plots by group with scenes, "all" for every one: contender -> (engine ms, recall)."""
    by_group = {g: {n: _of(ts, g) for n, ts in traces.items()} for g in groups}
    return {
        group: {name: curve(kept) for name, kept in by_name.items()}
        for group, by_name in by_group.items()
        if all(by_name.values())
    }


def judged(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The targets of a result, recalls beside them; a peer below FLOOR is nothing to judge by."""
    contenders = found["contenders"]
    known = [name for name in ("oracle", "oracle_tight") if name in contenders]
    best = max(known, key=lambda name: contenders[name]["all"]["aurc"])
    compared = {  # key -> peer, scenes, which recall
        "clustered8_engine_ratio_at_95": (PEER, "clustered8", "recall"),
        "uniform8_engine_ratio_at_95": (PEER, "uniform8", "recall"),
        "aurc_over_oracle": (best, "all", "recall"),
        "recall4_over_random": ("random", "all", "recall_at"),
        "small_recall_over_sahi": (PEER, "all", "small_recall"),
    }
    beside, unjudged = {}, {}
    for key, (peer, group, which) in compared.items():
        ours, its = (_recall(contenders[name].get(group), which) for name in ("ours", peer))
        if ours is not None and its is not None:
            beside[key] = f"recall: ours {percent(ours)}, {peer} {percent(its)}"
            if its < FLOOR:
                unjudged[key] = "peer's recall too low to compare"
    return verdicts(found, TARGETS, beside, unjudged)


def _recall(summary: Mapping[str, Any] | None, which: str) -> float | None:
    if summary is None:  # no such scenes
        return None
    found: float | None = summary["recall_at"]["4"] if which == "recall_at" else summary[which]
    return found


def table(found: Mapping[str, Any]) -> str:
    """For a person: contenders, then targets with met or missed."""
    head = ("recall", 7), ("small", 7), ("@4", 6), ("looks", 6), ("engine ms", 10), ("cpu ms", 8)
    lines = [
        f"{found['things_used']} pictures of things, {found['left_out_count']} left out because "
        "the bundle has no such tag",
        f"{'contender':<12}" + "".join(f" {w:>{n}}" for w, n in (*head, ("AURC", 6))),
    ]
    for name, groups in found["contenders"].items():
        row = groups["all"]
        lines.append(
            f"{name:<12} {row['recall']:>7.3f} {_word(row['small_recall']):>7}"
            f" {row['recall_at']['4']:>6.3f} {row['looks']:>6.1f} {row['engine_ms']:>10.1f}"
            f" {_word(row['cpu_ms'], 1):>8} {row['aurc']:>6.3f}"
        )
    lines += ["", f"{'target':<32} {'measured':>9} {'95 %':>16}  wanted"]
    for row in judged(found):
        low, high = found[f"{row['key']}_interval"]
        span = f"{_word(low)} to {_word(high)}"
        told = verdict(row).replace("missed", "MISSED")
        lines.append(
            f"{row['key']:<32} {_word(row['value']):>9} {span:>16}  {row['target']}  {told}"
            + (f" ({row['beside']})" if "beside" in row else "")
        )
    return "\n".join(lines)


def oracle(traces: Traces) -> Sequence[Trace]:
    """Of the two who know the boxes, the one that finds more sooner."""
    until_ms = mean_ms(traces[PEER])
    known = [traces[name] for name in ("oracle", "oracle_tight") if name in traces]
    return max(known, key=lambda kept: area_under(kept, until_ms))


def _headlines(traces: Traces) -> Iterator[tuple[str, Callable[[Sequence[int]], float], int]]:
    """Key, the ratio as a function of some scenes, how many scenes there are."""
    for group in ("clustered8", "uniform8"):
        for peer, tail in ((PEER, ""), ("sahi512", "_sahi512"), ("sahi320", "_sahi320")):
            pair = [_of(traces[n], group) for n in ("ours", peer) if n in traces]
            if len(pair) == 2 and pair[0]:
                yield f"{group}_engine_ratio_at_95{tail}", _ratio(*pair), len(pair[0])
    ours, until_ms = traces["ours"], mean_ms(traces[PEER])

    def area(kept: Sequence[Trace]) -> float:
        return area_under(kept, until_ms)

    def small(kept: Sequence[Trace]) -> float:
        return recall(kept, small=True)

    pairs = [
        ("aurc_over_oracle", area, oracle(traces), False),
        ("recall4_over_random", lambda kept: recall_at(kept, 4), traces["random"], False),
        ("small_recall_over_sahi", small, traces[PEER], True),
        ("recall_over_sahi", recall, traces[PEER], False),
        ("aurc_over_hindsight", area, traces.get("hindsight"), False),
        ("small_recall_over_full", small, traces.get("full"), True),
    ]
    for key, measure, peer_traces, is_small in pairs:
        if peer_traces is not None:
            yield key, _over(measure, ours, peer_traces, is_small), len(ours)


def _ratio(ours: Sequence[Trace], peer: Sequence[Trace]) -> Callable[[Sequence[int]], float]:
    return lambda rows: ratio_at([ours[i] for i in rows], [peer[i] for i in rows])


def _over(
    measure: Callable[[Sequence[Trace]], float],
    ours: Sequence[Trace],
    peer: Sequence[Trace],
    is_small: bool,
) -> Callable[[Sequence[int]], float]:
    """A ratio of recalls, or of areas under them; a peer without a find counts half a thing."""

    def value(rows: Sequence[int]) -> float:
        theirs = [peer[i] for i in rows]
        below = max(measure(theirs), least_recall(theirs, is_small))
        return over(measure([ours[i] for i in rows]), below)

    return value


def _by_group(kept: Sequence[Trace], traces: Traces) -> dict[str, Any]:
    until_ms = mean_ms(traces[PEER])
    groups = ["all", *sorted({t.group for t in kept})]
    return {group: _summary(_of(kept, group), until_ms) for group in groups}


def _summary(kept: Sequence[Trace], until_ms: float) -> dict[str, Any]:
    def of(measure: Callable[[Sequence[Trace]], float]) -> tuple[float | None, float | None]:
        return interval(lambda rows: measure([kept[i] for i in rows]), len(kept))

    return {
        "scenes": len(kept),
        "things": sum(t.total for t in kept),
        "recall": recall(kept),
        "recall_interval": of(recall),
        "small_recall": finite(recall(kept, small=True)),
        "recall_at": {str(k): recall_at(kept, k) for k in AT},
        "looks": sum(len(t.found) - 1 for t in kept) / len(kept),
        "crops": sum(t.crops[-1] for t in kept) / len(kept),
        "engine_ms": mean_ms(kept),
        "engine_ms_interval": of(mean_ms),
        "wall_ms": _mean([t.wall_ms for t in kept]),
        "cpu_ms": _mean([t.cpu_ms for t in kept]),
        "aurc": area_under(kept, until_ms),
    }


def _of(traces: Sequence[Trace], group: str) -> list[Trace]:
    return [t for t in traces if group in ("all", t.group)]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return sum(known) / len(known) if known else None


def _reason(key: str, value: float, traces: Traces) -> str:
    """Why a number is missing; "" when it is there."""
    if math.isnan(value):
        return "no such things"
    if math.isfinite(value):
        return ""
    got = recall(_of(traces["ours"], key.split("_")[0]))
    return (
        f"not reached: ours found {got:.3f} with all its looks, {SHARE:g} of the peer's was asked"
    )


def _word(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
