"""The low-data comparison as a drawing (SVG): a dot a run, a line through the means."""

from __future__ import annotations

from html import escape

from quantize.lowdata.report import LowDataReport, Row, Score, rows_of

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BELOW = 480, 300, 50, 20, 30, 40  # px
COLOURS = {"vanilla": "#888888", "method": "#1565c0"}


def plot(report: LowDataReport) -> str:
    """Test accuracy by split, vanilla in grey."""
    rows = rows_of(report)
    shares = [s for row in rows for score in (row.vanilla, row.method) for s in score.shares]
    low, high = _range(shares)
    parts = [_grid(low, high), *(_name(rows, i) for i in range(len(rows)))]
    for kind, scores in (
        ("vanilla", [row.vanilla for row in rows]),
        ("method", [row.method for row in rows]),
    ):
        parts.append(_series(scores, COLOURS[kind], low, high))
    parts.append(_legend(report.method))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="11">{"".join(parts)}</svg>\n'
    )


def _range(shares: list[float]) -> tuple[float, float]:
    """Tenths around all shares."""
    low = int(min(shares) * 10) / 10
    return low, max(low + 0.1, -int(-max(shares) * 10 // 1) / 10)


def _y(share: float, low: float, high: float) -> float:
    return HEIGHT - BELOW - (share - low) / (high - low) * (HEIGHT - TOP - BELOW)


def _x(i: int, count: int) -> float:
    return LEFT + (i + 0.5) * (WIDTH - LEFT - RIGHT) / count


def _grid(low: float, high: float) -> str:
    lines = []
    for i in range(round((high - low) * 10) + 1):
        y = _y(low + i / 10, low, high)
        said = f"{10 * i + 100 * low:.0f} %"
        lines.append(
            f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{said}</text>'
        )
    return "".join(lines)


def _name(rows: list[Row], i: int) -> str:
    split = rows[i].split
    said = f"{split[:-1]} a class" if split.endswith("i") else f"{split} %"
    pictures = rows[i].learned_from + rows[i].held_out
    x = _x(i, len(rows))
    return (
        f'<text x="{x:.1f}" y="{HEIGHT - 22}" text-anchor="middle">{escape(said)}</text>'
        f'<text x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="middle" fill="#666">{pictures} pictures'
        "</text>"
    )


def _series(scores: list[Score], colour: str, low: float, high: float) -> str:
    dots = "".join(
        f'<circle cx="{_x(i, len(scores)):.1f}" cy="{_y(share, low, high):.1f}" r="3" '
        f'fill="{colour}" fill-opacity="0.6"/>'
        for i, score in enumerate(scores)
        for share in score.shares
    )
    means = [f"{_x(i, len(scores)):.1f} {_y(s.mean, low, high):.1f}" for i, s in enumerate(scores)]
    return f'<path d="M{"L".join(means)}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}'


def _legend(method: str) -> str:
    rows = (("vanilla", COLOURS["vanilla"]), (method, COLOURS["method"]))
    return "".join(
        f'<circle cx="{LEFT + 10 + 110 * i}" cy="14" r="4" fill="{colour}"/>'
        f'<text x="{LEFT + 20 + 110 * i}" y="18">{escape(name)}</text>'
        for i, (name, colour) in enumerate(rows)
    )
