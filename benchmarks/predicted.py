"""How far predictions of time are off, drawn: `python -m benchmarks.predicted`.

Left, networks of this machine, each predicted from the others; right, figures that others published
of boards, each predicted from the other boards. On the line a prediction is right. Writes
benchmarks/results/predicted.png from devices/cost.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.command import finish
from benchmarks.machine import RESULTS
from edge.boards import profiles
from quantize.cost.refit import Refit, refit

COLOURS = ("#00798c", "#edae49", "#d1495b")
TICKS = (1, 2, 5, 10, 20, 50, 100)
Points = Sequence[tuple[float, float]]


def drawn(made: Refit, file: Path) -> None:
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for key, missed in made.missed.items():
        engine, precision = key.split("/")
        colour = COLOURS[sorted({k.split("/")[0] for k in made.missed}).index(engine)]
        _dots(left, [(m.ms, m.predicted_ms) for m in missed], key, colour, precision)
    boards = sorted({c.board for ones in made.compared.values() for c in ones})
    for precision, compared in made.compared.items():
        for board, colour in zip(boards, COLOURS[: len(boards)], strict=True):
            points = [(c.ms, c.predicted_ms) for c in compared if c.board == board]
            _dots(right, points, f"{board}, {precision}", colour, precision)
    _frame(left, "here: each network left out", "measured, ms")
    _frame(right, "boards of others: each board left out", "published, ms")
    figure.savefig(file, dpi=80)


def _dots(ax: Axes, points: Points, name: str, colour: str, precision: str) -> None:
    face = colour if precision == "int8" else "none"
    if points:
        xs, ys = zip(*points)
        ax.scatter(xs, ys, s=26, edgecolors=colour, facecolors=face, label=name)


def _frame(ax: Axes, title: str, across: str) -> None:
    ax.set(xscale="log", yscale="log", title=title, xlabel=across, ylabel="predicted, ms")
    low, high = min(ax.get_xlim()[0], ax.get_ylim()[0]), max(ax.get_xlim()[1], ax.get_ylim()[1])
    ax.plot([low, high], [low, high], color="#2b2d42", lw=1)
    ax.fill_between(
        [low, high], [low / 2, high / 2], [low * 2, high * 2], color="#eeeeee", zorder=0
    )
    ticks = [tick for tick in TICKS if low <= tick <= high]
    ax.set(xlim=(low, high), ylim=(low, high))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.set_ticks([], minor=True)
    ax.legend(fontsize=7, frameon=False)


def main() -> int:
    return finish(lambda: drawn(refit(profiles.folder() / "cost"), RESULTS / "predicted.png"))


if __name__ == "__main__":
    sys.exit(main())
