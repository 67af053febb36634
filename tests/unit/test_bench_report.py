"""Results that were kept: read again, one of each kind chosen, drawn."""

from __future__ import annotations

import re

import msgspec
import pytest

from edge.bench import files
from edge.bench.line import FrameCost, Line, Quantiles
from edge.bench.report import chosen, page
from edge.errors import SourceError


def line(ms: float | None = 4.0, **changes: object) -> Line:
    timed = None if ms is None else Quantiles(ms, 1.1 * ms, None, 0.9 * ms, 100)
    about = {"label": "measured", "board": "Pi", "engine": "tflite", "precision": "int8"}
    return Line(**about | {"engine_ms": timed, "time": "2026-01-01T00:00:00"} | changes)


STAGED = FrameCost(
    Quantiles(50.0),
    {"cut": 5.0, "engine": 40.0, "heads": 2.0, "plan": 1.0, "rest": 2.0},
    12,
    (9, 9),
)
PREDICTED = line(6.0, label="predicted", board="Hailo", basis="a cost model")


def test_lines_are_appended_and_read_again(tmp_path):
    one, two = line(), line(board="N100 / Intel")
    assert files.append(tmp_path / "results", one).name == "pi.jsonl"
    files.append(tmp_path / "results", one)
    assert files.append(tmp_path / "results", two).name == "n100-intel.jsonl"
    assert files.read([tmp_path / "results"]) == [two, one, one]
    assert files.read([tmp_path / "results" / "pi.jsonl"]) == [one, one]


@pytest.mark.parametrize(
    "damage", [b"{", b'{"label": "guessed"}', b'{"board": "\xff"}', b"[" * 5000]
)
def test_a_damaged_line_is_named(tmp_path, damage):
    file = files.append(tmp_path, line())
    file.write_bytes(file.read_bytes() + b"\n" + damage)
    with pytest.raises(SourceError, match=r"pi\.jsonl: line 3: "):
        files.read([tmp_path])


def test_a_later_line_may_say_more(tmp_path):
    made = msgspec.to_builtins(line()) | {"humidity": 0.4}
    (tmp_path / "x.jsonl").write_bytes(msgspec.json.encode(made))
    assert files.read([tmp_path]) == [line()]


def test_the_latest_valid_one_of_each_kind_is_shown():
    old, new = line(4.0), line(5.0)
    bad = line(3.0, verdict="INVALID", reasons=("too noisy",))
    assert chosen([old, new, bad]) == [new]
    assert chosen([bad, old]) == [old]
    worse = line(9.0, verdict="INVALID")
    assert chosen([bad, worse]) == [worse]
    assert len(chosen([old, line(4.0, threads=2), line(4.0, precision="float")])) == 3


def test_quick_boards_come_first_and_predictions_last():
    slow, quick = line(9.0, board="A"), line(2.0, board="B")
    assert chosen([slow, PREDICTED, quick]) == [quick, slow, PREDICTED]


def test_what_was_predicted_is_never_drawn_like_what_was_measured():
    made = page([line(), PREDICTED])
    bars = re.findall(r'<rect[^>]*class="bar ([^"]*)"', made)
    assert sorted(bars) == ["tflite int8", "tflite int8 predicted"]
    assert "~6.00 ms" in made
    assert "a cost model" in made
    assert '<td class="word predicted">predicted</td>' in made


def test_an_invalid_result_is_pale_and_says_why():
    made = page(
        [
            line(verdict="INVALID", reasons=("too noisy: 40 %",)),
            line(None, verdict="INVALID", threads=3),
        ]
    )
    assert 'class="bar tflite int8 invalid"' in made
    assert "too noisy: 40 %" in made
    assert "4.00 ms *" in made
    assert "0 of 2" in made


def test_an_invalid_bar_does_not_flatten_the_others():
    made = page([line(4.0), line(400.0, threads=2, verdict="INVALID", reasons=("loaded",))])
    widths = [float(w) for w in re.findall(r'<rect[^>]*width="([\d.]+)"[^>]*class="bar', made)]
    assert max(widths) < 3 * min(widths)


def test_a_page_with_everything_in_it_loads_nothing():
    made = page([line(frame=STAGED, batch_ms={"1": 4.0, "8": 2.0}, threads=1), PREDICTED])
    headings = re.findall("<h2>(.*?)</h2>", made)
    assert headings[:4] == ["A launch", "A frame", "Batches", "All of them"]
    ours = made.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"<script|https?:|src=|@import|url\(", ours)
    assert "prefers-color-scheme: dark" in made


def test_names_are_escaped():
    made = page([line(board="<u>&", engine="<i>", frame=STAGED, batch_ms={"1": 4.0, "2": 3.0})])
    assert "<u>" not in made
    assert "<i>" not in made
    assert "&lt;u&gt;&amp;" in made
