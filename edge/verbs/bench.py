"""`edge-tag bench`: how fast is it here, and may that be trusted?"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from edge.errors import CheckFailed, SourceError, UsageError
from edge.opening.defaults import with_defaults
from edge.process import Stop, print_table, say, write_line
from edge.store import make_folder, write_whole
from edge.verbs.flags import add_engine, at_least_1, new_parser, seconds, whole_number

if TYPE_CHECKING:
    from edge.bench.line import Line
    from edge.bench.running import BenchSettings

OUT = "devices/results"
MIN_SECONDS = 10.0
BATCHES = (1, 2, 4, 8)


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """The flags. Raises UsageError."""
    parser = new_parser(
        "edge-tag bench",
        "How fast a bundle is on this machine: launches, frames by stage, batches; whether the\n"
        "result is VALID, or why not (exit code 6). `edge-tag bench report` measures nothing, and\n"
        "draws all results.",
    )
    add = parser.add_argument
    add("action", nargs="?", choices=("run", "report"), default="run", help="default: run")
    add("--precision", choices=("int8", "float"), help="default: int8 where the bundle has it")
    text = "time the engine for at least so long, frames and batches again (default %(default)g)"
    add("--min-seconds", type=seconds, default=MIN_SECONDS, metavar="S", help=text)
    text = "pictures a launch to try, where the artifact takes several (default 1 2 4 8)"
    add("--batch", type=at_least_1, nargs="+", default=BATCHES, metavar="N", help=text)
    add("--seed", type=whole_number, metavar="N", help="of the frame that is looked at")
    add("--json", action="store_true", help="the line of the result in place of a table")
    text = "append the result to DIR/BOARD.jsonl; report reads all there (default %(default)s)"
    add("--out", default=OUT, metavar="DIR", help=text)
    text = "write a page that compares all results (report: default report.html in --out)"
    add("--html", metavar="FILE", help=text)
    add_engine(parser)
    # a device profile may have them
    parser.set_defaults(budget_ms=None, thermal=None, roofline=None)
    return parser.parse_args(words)


def main(flags: argparse.Namespace, out: BinaryIO, stop: Stop) -> int:
    """Raises CheckFailed, after everything was written, when the result is INVALID."""
    folder = Path(flags.out)
    if flags.action == "report":
        html = Path(flags.html or folder / "report.html")
        _draw(folder, html)
        write_line(out, f"report: {html}")
        return 0
    from edge.bench import files
    from edge.bench.running import bench

    flags = with_defaults(flags)
    if flags.virtual is not None:
        raise UsageError(
            "--engine virtual takes the time that is predicted: there is nothing to measure",
            fix="edge-tag devices NAME: what is predicted of it",
        )
    line = bench(_settings(flags), stop)
    file = files.append(folder, line)
    _say(line, file, out, is_json=flags.json)
    if flags.html:
        _draw(folder, Path(flags.html))
        say(f"report: {flags.html}")
    if line.verdict == "INVALID":
        raise CheckFailed(f"bench: INVALID: {'; '.join(line.reasons)}", fix=_fix(line))
    return 0


def _settings(flags: argparse.Namespace) -> BenchSettings:
    from edge.bench.running import BenchSettings
    from edge.bench.scene import SEED

    return BenchSettings(
        flags.bundle,
        flags.engine,
        flags.provider,
        flags.threads,
        flags.precision,
        flags.min_seconds,
        tuple(dict.fromkeys(flags.batch)),
        SEED if flags.seed is None else flags.seed,
        flags.device,
        flags.roofline,
    )


def _say(line: Line, file: Path, out: BinaryIO, *, is_json: bool) -> None:
    import msgspec

    from edge.bench.table import rows

    if is_json:
        write_line(out, msgspec.json.encode(line).decode())
    else:
        print_table(out, [*rows(line), ("kept in", str(file))])


def _draw(folder: Path, html: Path) -> None:
    from edge.bench import files
    from edge.bench.report import page

    lines = files.read([folder])
    if not lines:
        raise SourceError(f"{folder}: has no results, expected *.jsonl", fix="edge-tag bench")
    make_folder(html.parent)
    write_whole(html, page(lines).encode())


def _fix(line: Line) -> str:
    if any(reason.startswith("golden") for reason in line.reasons):
        return "edge-tag check"
    return "a quiet, cool machine, and --min-seconds 30"
