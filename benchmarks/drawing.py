"""Plots of the benchmarks, as PNG files small enough to keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

Lines = Mapping[str, Sequence[tuple[float, float]]]  # name -> points (x, y)
COLOURS = {
    "ours": "#d1495b",
    "oracle": "#2b2d42",
    "hindsight": "#8d99ae",
    "sahi640": "#00798c",
    "sahi512": "#30a5b7",
    "sahi320": "#8ccfd9",
    "tiling": "#00798c",
    "supervision": "#edae49",
    "random": "#9a9a9a",
    "frigate": "#7a9e3e",
    "full": "#6b4e9b",
}
SPARE = ("#1b998b", "#e36414", "#5f0f40", "#577590", "#b5838d", "#3a5a40")


def colour_of(name: str) -> str:
    """The same everywhere for the same name."""
    if name.startswith("ours"):
        return COLOURS["ours"]
    return COLOURS.get(name) or SPARE[sum(name.encode()) % len(SPARE)]


def line_panels(file: Path, plots: Mapping[str, Lines], across: str, up: str) -> None:
    """Several plots of lines, two a row, each ending in a dot, with one legend."""
    figure, axes = _sheet(len(plots))
    for ax, (title, lines) in zip(axes, plots.items()):
        _label(ax, title, across, up)
        for name, points in lines.items():
            xs, ys = [p[0] for p in points], [p[1] for p in points]
            style = {"lw": 2.4, "zorder": 3} if name.startswith("ours") else {"lw": 1.4}
            ax.plot(
                xs, ys, color=colour_of(name), label=name, marker="o", markevery=[-1], ms=4, **style
            )
    _save(figure, axes, file)


def bar_panels(file: Path, plots: Mapping[str, Mapping[str, float | None]], across: str) -> None:
    """Several plots of one bar a name, two a row; a name without a number gets none."""
    figure, axes = _sheet(len(plots))
    for ax, (title, values) in zip(axes, plots.items()):
        known = {name: value for name, value in values.items() if value is not None}
        _label(ax, title, across, "")
        ax.barh(list(known), list(known.values()), color=[colour_of(name) for name in known])
        for row, value in enumerate(known.values()):
            ax.text(value, row, f" {value:.3g}", va="center", fontsize=8)
        ax.invert_yaxis()
        ax.margins(x=0.15)
    _save(figure, (), file)


def ratio_rows(
    file: Path, rows: Mapping[str, tuple[float, Sequence[float]]], limit: float, across: str
) -> None:
    """A dot a name with the line between its quartiles; dashed: what is wanted at most."""
    figure = Figure(figsize=(8, 0.5 * len(rows) + 1.2), layout="constrained")
    ax = figure.add_subplot()
    _label(ax, "", across, "")
    for row, (ratio, (low, high)) in enumerate(rows.values()):
        ax.plot([low, high], [row, row], color=COLOURS["ours"], lw=2)
        ax.plot([ratio], [row], "o", color=COLOURS["ours"], ms=6)
        ax.annotate(f"{ratio:.3f}", (ratio, row), (0, 7), textcoords="offset points",
                    ha="center", fontsize=8)  # fmt: skip
    ax.axvline(1.0, color="#2b2d42", lw=1)
    ax.axvline(limit, color="#2b2d42", lw=1, ls="--")
    ax.set_yticks(range(len(rows)), list(rows))
    ax.set_ylim(len(rows) - 0.5, -0.7)
    _save(figure, (), file)


def _sheet(count: int) -> tuple[Figure, list[Axes]]:
    rows = -(-count // 2)
    figure = Figure(figsize=(10, 3.1 * rows + 0.4), layout="constrained")
    axes = [figure.add_subplot(rows, 2, n + 1) for n in range(count)]
    return figure, axes


def _label(ax: Axes, title: str, across: str, up: str) -> None:
    ax.set_title(title, fontsize=10)
    ax.set_xlabel(across, fontsize=8)
    ax.set_ylabel(up, fontsize=8)
    ax.tick_params(labelsize=8)
    ax.grid(color="#e3e3e3")
    ax.set_axisbelow(True)


def _save(figure: Figure, axes: Sequence[Axes], file: Path) -> None:
    if axes:
        handles, names = axes[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=6, fontsize=8)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=90)
