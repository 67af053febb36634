"""The page: whole, safe, and true to the report; nothing in it comes from the network."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from edge.markup.svg import WIDTH, clipped, element, round_up, text, ticks
from quantize.int8.gate import Row as Line
from quantize.report import plots
from quantize.report.numbers import figure, largest_loss, points, when
from quantize.report.page import page
from quantize.report.records import Answer, Difference, HeadScore, LeftOut, Report, Share
from tests.workshop.report.made import report, share

EVIL = """<script>alert("x")</script> & 'quoted' "><img src=http://evil.example/x onerror=x>"""
PIXEL = "data:image/jpeg;base64,/9j/"
DIFFERENT = Difference(
    "/shop/IMG_1.jpg", None, "fruit", "gala", Answer("gala", 0.8), Answer("lime", 0.6), 0.5
)
VOID = {"meta", "img", "link", "br"}


class Elements(HTMLParser):
    """What a browser would build: elements with attributes; complains of what does not nest."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(source)
        assert self.open == [], "left open"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def spoiled() -> Report:
    """Every word that a user can choose is EVIL."""
    made = report()
    score = msgspec.structs.replace(
        made.rows[-1].heads["fruit"],
        by_tag={EVIL: share(1, 2), "lime": share(2, 2)},
        confused=(msgspec.structs.replace(made.rows[0].heads["fruit"].confused[0], label=EVIL),),
    )
    rows = tuple(msgspec.structs.replace(row, heads={EVIL: score}) for row in made.rows)
    return report(
        title=EVIL,
        facts={EVIL: EVIL},
        versions={EVIL: EVIL},
        heads={EVIL: made.heads["fruit"]},
        rows=rows,
        verdicts=(Line(EVIL, EVIL, EVIL, 1, 1, 0, 1, 0, False),),
        differences=(
            Difference(EVIL, (0, 0, 1, 1), EVIL, EVIL, Answer(EVIL, 1), Answer(EVIL, 0), 1.0),
        ),
        left_out=(LeftOut(EVIL, EVIL),),
        notes=(EVIL,),
        machine=msgspec.structs.replace(made.machine, name=EVIL),
    )


@pytest.mark.parametrize("shown", [PIXEL, ""])
def test_what_a_user_wrote_stays_words(shown: str) -> None:
    made = page(spoiled(), [shown])
    built = Elements(made)
    tags = {tag for tag, _ in built.found}
    assert "script" not in tags
    assert not any(key.startswith("on") for _, attributes in built.found for key in attributes)
    images = [attributes["src"] for tag, attributes in built.found if tag == "img"]
    assert images == [shown] * bool(shown)
    assert any(EVIL in words for words in built.words)


def test_the_page_loads_nothing() -> None:
    made = page(report(differences=(DIFFERENT,)), [PIXEL])
    ours = made.replace("http://www.w3.org/2000/svg", "").replace(PIXEL, "")
    assert "://" not in ours
    assert "//" not in ours.replace("</", "<")
    built = Elements(made)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in built.found}
    assert "url(" not in made
    assert "@import" not in made
    [policy] = [a["content"] for tag, a in built.found if a.get("http-equiv")]
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_the_page_is_made_for_phones_and_for_the_dark() -> None:
    made = page(report(), [])
    assert 'name="viewport" content="width=device-width' in made
    assert "prefers-color-scheme: dark" in made


def test_every_section_that_has_something_to_say_is_there() -> None:
    refused = Line("tflite", "tags", "F1", 9, 0.5, 0.4, 0.1, 0.005, False)
    full = report(
        differences=(DIFFERENT,), left_out=(LeftOut("a.jpg", "cut short"),), verdicts=(refused,)
    )
    headings = re.findall("<h2>(.*?)</h2>", page(full, [PIXEL]))
    assert headings == [
        "The gate", "Accuracy", "Float against int8", "Time and size", "Accuracy by tag",
        "Do scores mean what they say?", "What is taken for what", "Where they differ most",
        "Pictures left out", "How it was made",
    ]  # fmt: skip
    assert "refused by the gate" in page(full, [PIXEL])


def test_a_report_without_labels_has_no_accuracy() -> None:
    made = report()
    rows = tuple(
        msgspec.structs.replace(row, heads={"fruit": HeadScore(agreement=share(19, 20))})
        for row in made.rows
    )
    facts = {"fruit": msgspec.structs.replace(made.heads["fruit"], judge="nobody")}
    headings = re.findall("<h2>(.*?)</h2>", page(report(rows=rows, heads=facts), []))
    assert headings == ["Float against int8", "Time and size", "How it was made"]


def test_a_picture_says_what_both_answered() -> None:
    made = page(report(differences=(DIFFERENT,)), [PIXEL])
    [shown] = re.findall("<figure.*?</figure>", made, re.DOTALL)
    words = [w for w in Elements(shown).words if w.strip()]
    assert words == ["gala", "float", "gala", "80 %", "int8", "lime", "60 %", "fruit · IMG_1.jpg"]
    assert '<span class="good">gala' in shown
    assert '<span class="bad">lime' in shown
    assert "not readable any more" in page(report(differences=(DIFFERENT,)), [""])


PLOTS = {
    "accuracy": lambda: plots.accuracy_bars(report(), "fruit"),
    "groups": lambda: plots.accuracy_bars(report(), "fruit", groups=True),
    "latency": lambda: plots.latency_bars(report()),
    "size": lambda: plots.size_bars(report()),
    "tags": lambda: plots.tag_dots([(EVIL, share(0, 3), share(3, 3))], EVIL),
    "reliability": lambda: plots.reliability_plot(
        EVIL, report().rows[0].heads["fruit"].calibration
    ),
}


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_is_whole_says_what_it_shows_and_stays_in_its_frame(name: str) -> None:
    root = ElementTree.fromstring(PLOTS[name]())
    assert root.get("role") == "img"
    assert root.get("aria-label")
    _, _, width, height = map(float, str(root.get("viewBox")).split())
    for part in root.iter():
        for key, most in (
            ("x", width),
            ("x1", width),
            ("x2", width),
            ("cx", width),
            ("y", height),
            ("y1", height),
            ("y2", height),
            ("cy", height),
        ):
            value = part.get(key)
            assert value is None or -1e-6 <= float(value) <= most + 1e-6  # fmt: skip


def bars_of(drawing: str, kind: str) -> list[float]:
    root = ElementTree.fromstring(drawing)
    return [float(part.get("width", 0)) for part in root.iter() if part.get("class") == kind]


def test_bars_are_as_long_as_what_they_mean() -> None:
    full = WIDTH - plots.LEFT - plots.RIGHT
    made = plots.accuracy_bars(report(), "fruit")
    assert bars_of(made, "float") == pytest.approx([full * 0.9] * 2, abs=0.01)
    assert bars_of(made, "int8") == pytest.approx([full * 0.85] * 2, abs=0.01)


def test_a_stall_does_not_flatten_the_other_bars() -> None:
    made = report()
    stalled = msgspec.structs.replace(made.rows[0].ms, p90=9_000.0)
    rows = (msgspec.structs.replace(made.rows[0], ms=stalled), *made.rows[1:])
    full = WIDTH - plots.LEFT - plots.RIGHT
    assert max(bars_of(plots.latency_bars(report(rows=rows)), "float")) > full / 4


def test_whiskers_are_the_interval() -> None:
    bar = plots.Bar("a", "float", 50.0, 40.0, 70.0, "50 %")
    root = ElementTree.fromstring(plots.bars([bar], 100.0, "x"))
    ends = [(float(p.get("x1", 0)), float(p.get("x2", 0))) for p in root.iter()
            if p.get("class") == "whisker"]  # fmt: skip
    full = WIDTH - plots.LEFT - plots.RIGHT
    assert ends[0] == (
        pytest.approx(plots.LEFT + 0.4 * full, abs=0.01),
        pytest.approx(plots.LEFT + 0.7 * full, abs=0.01),
    )


@given(st.floats(1e-3, 1e6))
def test_ticks_are_few_round_and_reach_the_top(top: float) -> None:
    marks = ticks(top)
    assert marks[0] == 0
    assert 2 <= len(marks) <= 6
    assert marks[-1] <= top * (1 + 1e-6)
    assert np.allclose(np.diff(marks), marks[1])
    assert float(f"{marks[1]:.2g}") == pytest.approx(marks[1])
    assert top * (1 - 1e-6) <= round_up(top) <= 2 * top


@given(st.text(min_size=1, max_size=40))
def test_any_words_survive_a_drawing(words: str) -> None:
    clean = "".join(c for c in words if c.isprintable())
    root = ElementTree.fromstring(element("g", text(0, 0, clean), title_=clean))
    assert (root[0].text or "") == clean
    assert len(clipped(clean, 10)) <= 10


def test_numbers_as_they_are_read() -> None:
    assert [points(v) for v in (0.012, -0.004, 0.0001)] == ["+1.2", "\N{MINUS SIGN}0.4", "0.0"]
    assert figure(-0.00512345) == "\N{MINUS SIGN}0.005123"
    assert when("2026-03-07T14:05:00+00:00") == "7 March 2026, 14:05 UTC"


def test_the_headline_names_the_largest_loss() -> None:
    assert largest_loss(report()) == ("5.0", "points lost at most: fruit, tflite")
    assert isinstance(share(1, 2), Share)
