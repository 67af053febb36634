"""What the low-data recipe gains over plain fine-tuning: numbers, a table, a drawing.

Both are trained on the same pictures from the same weights with the same seeds. A relative gain of
10 % takes 50 right answers in a hundred to 55. Shares are 0..1 in the records, per cent in print.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean, stdev

import msgspec

from quantize.lowdata.settings import RunSettings
from quantize.lowdata.train import Selection
from quantize.lowdata.views import Preprocessing
from quantize.pictures.split_files import Facts


class Result(msgspec.Struct, frozen=True):
    """One run and its one look at the test pictures."""

    settings: RunSettings
    preprocessing: Preprocessing  # what the weights need to be shown
    pictures: int  # learned from
    held_out: int  # chosen by
    kept: Selection
    test: float  # share of right answers
    seconds: float


class SplitFacts(msgspec.Struct, frozen=True):
    """A split: how many pictures, and of how many classes."""

    name: str
    facts: Facts


class LowDataReport(msgspec.Struct, frozen=True):
    """A comparison: `vanilla` and `method` on every split with every seed."""

    student: str
    start: str
    head: str
    method: str
    test_pictures: int
    test_classes: int
    splits: tuple[SplitFacts, ...]
    nesting: dict[str, int]  # "10 in 30" -> pictures of the smaller one that the larger has not
    runs: tuple[Result, ...]


class Score(msgspec.Struct, frozen=True):
    """Test accuracy over the seeds."""

    shares: tuple[float, ...]  # a seed each, in the order of the seeds
    mean: float
    spread: float | None  # standard deviation (n - 1); None: one seed


class Row(msgspec.Struct, frozen=True):
    """A split's comparison."""

    split: str
    learned_from: int
    held_out: int
    vanilla: Score
    method: Score
    gain_percent: float | None  # relative, of the means; None: vanilla was never right
    gains_percent: tuple[float | None, ...]  # a seed each


def rows_of(report: LowDataReport) -> list[Row]:
    """A row a split that has runs of both kinds, in the order of the splits."""
    return [_row(report, split.name) for split in report.splits]


def _row(report: LowDataReport, split: str) -> Row:
    runs: dict[tuple[str, int], Result] = {
        (run.settings.method, run.settings.seed): run
        for run in report.runs
        if run.settings.split == split
    }
    seeds = sorted({seed for _, seed in runs})
    plain, better = (
        _score([runs[method, seed].test for seed in seeds]) for method in ("vanilla", report.method)
    )
    first = runs["vanilla", seeds[0]]
    return Row(
        split,
        first.pictures,
        first.held_out,
        plain,
        better,
        relative_gain(plain.mean, better.mean),
        tuple(relative_gain(a, b) for a, b in zip(plain.shares, better.shares)),
    )


def _score(shares: Sequence[float]) -> Score:
    return Score(tuple(shares), mean(shares), stdev(shares) if len(shares) > 1 else None)


def relative_gain(before: float, after: float) -> float | None:
    """In per cent of `before`; None where that is 0."""
    return (after / before - 1) * 100 if before else None


def rule(report: LowDataReport) -> str:
    """How weights were chosen and what the test was used for, in a sentence for the reader."""
    held = sorted({run.held_out for run in report.runs})
    if held == [0]:
        chosen = "the last step's; nothing was chosen"
    elif held[0] == 0:
        chosen = (
            "the last step's where a split is too small to hold pictures out, else those of the "
        )
        chosen += "step that was best on pictures held out of the split"
    else:
        chosen = "those of the step that was best on pictures held out of the split"
    return (
        f"Weights kept: {chosen}. The {report.test_pictures} test pictures were used once a run, "
        "after it; published figures keep the step that was best on the test itself."
    )


def table(report: LowDataReport) -> str:
    """Markdown: a row a split, then a row a run, then the rule."""
    lines = [
        f"| split | pictures (learned from + chosen by) | vanilla % | {report.method} % "
        "| relative gain % | by seed |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows_of(report):
        pictures = f"{row.learned_from + row.held_out} ({row.learned_from} + {row.held_out})"
        gains = ", ".join(map(_gain, row.gains_percent))
        cells = [_named(row.split), pictures, _percent(row.vanilla), _percent(row.method)]
        lines.append(f"| {' | '.join([*cells, _gain(row.gain_percent), gains])} |")
    lines += ["", *_runs(report), "", rule(report), "", *_notes(report)]
    return "\n".join(lines)


def _runs(report: LowDataReport) -> list[str]:
    lines = [
        "| split | seed | run | validation % | kept step | test % |",
        "|---|---|---|---|---|---|",
    ]
    for run in report.runs:
        of = run.settings
        asked = "-" if run.kept.validation is None else f"{100 * run.kept.validation:.1f}"
        cells = [_named(of.split), str(of.seed), of.method, asked, f"{run.kept.step} of {of.steps}"]
        lines.append(f"| {' | '.join([*cells, f'{100 * run.test:.1f}'])} |")
    return lines


def _notes(report: LowDataReport) -> list[str]:
    shown = {run.settings.method: run.preprocessing for run in report.runs}
    views = [
        f"{method}: the middle {100 * how.middle:.0f} % of a picture, squashed to "
        f"{how.squashed} px, the middle {how.side} px of that"
        for method, how in shown.items()
    ]
    notes = [f"Student {report.student} from {report.start}.", *(f"Judged on {v}." for v in views)]
    for pair, outside in report.nesting.items():
        said = "nested" if not outside else f"NOT nested, {outside} pictures outside"
        notes.append(f"Splits {pair}: {said}.")
    notes.append(f"± is the standard deviation over the seeds; a test picture is "
                 f"{100 / report.test_pictures:.2f} points.")  # fmt: skip
    return notes


def _named(split: str) -> str:
    return f"{split[:-1]} a class" if split.endswith("i") else f"{split} %"


def _percent(score: Score) -> str:
    spread = "" if score.spread is None else f" ± {100 * score.spread:.1f}"
    return f"{100 * score.mean:.1f}{spread}"


def _gain(percent: float | None) -> str:
    return "-" if percent is None else f"{percent:+.1f}"
