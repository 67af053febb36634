"""The sections of the page that are words and plots; "" where there is nothing to say."""

from __future__ import annotations

from html import escape
from pathlib import PurePath

from edge.markup.html import card, grid, key, section, terms, unfold
from quantize.report import plots
from quantize.report.numbers import (
    largest_file,
    largest_loss,
    least_agreement,
    pair_of,
    quickest,
    when,
)
from quantize.report.records import HeadFacts, Report

HARDEST = 20  # tags drawn at once; the others unfold
JUDGES = {"labels": "judged by labels", "teacher": "judged by the teacher", "nobody": "not judged"}
SIDES = (("float", "float"), ("int8", "int8"))


def header(report: Report, title: str) -> str:
    """What it is, of when, of which machine, and what the gate said."""
    pill = ""
    if report.verdicts:
        passed = all(v.passed for v in report.verdicts)
        word, kind = ("passed the gate", "good") if passed else ("refused by the gate", "bad")
        pill = f'<p class="pill {kind}">{word}</p>\n'
    about = escape(f"{when(report.made)} · {report.machine} · one thread")
    return f'<header>\n{pill}<h1>{escape(title)}</h1>\n<p class="under">{about}</p>\n</header>'


def headline(report: Report) -> str:
    """Four numbers that say most."""
    found = (largest_loss(report), least_agreement(report), largest_file(report), quickest(report))
    cards = "\n".join(
        f'<div class="card fact"><b>{escape(number)}</b><span>{escape(words)}</span></div>'
        for number, words in (f for f in found if f)
    )
    return f'<div class="grid facts">\n{cards}\n</div>'


def notes(report: Report) -> str:
    lines = "".join(f"<li>{escape(note)}</li>" for note in report.notes)
    return f'<ul class="notes">{lines}</ul>' if lines else ""


def accuracy(report: Report) -> str:
    """A card a head, and one more where it has groups."""
    cards = []
    for head, facts in report.heads.items():
        if facts.judge == "nobody":
            continue
        cards.append(card(head, _about(facts), plots.accuracy_bars(report, head)))
        if any(row.heads[head].group for row in report.rows):
            under = f"{facts.groups} groups, by the summed score of their tags"
            drawn = plots.accuracy_bars(report, head, groups=True)
            cards.append(card(f"{head}, groups", under, drawn))
    if not cards:
        return ""
    under = "How often the best tag is right, in per cent. Whiskers: 95 % intervals (Wilson)."
    return section("Accuracy", under, key(*SIDES) + grid(cards))


def _about(facts: HeadFacts) -> str:
    return f"{facts.pictures:,} pictures, {facts.tags:,} tags, {JUDGES[facts.judge]}"


def cost(report: Report) -> str:
    """Milliseconds and megabytes."""
    cards = [
        card("Milliseconds a picture", "median, whiskers p10 to p90", plots.latency_bars(report)),
        card("Size of the artifact", "megabytes", plots.size_bars(report)),
    ]
    under = "One picture at a time on one thread, all artifacts in turn, forwards and backwards."
    return section("Time and size", under, key(*SIDES) + grid(cards))


def by_tag(report: Report) -> str:
    """The hardest tags of each head; the others unfold."""
    before, after = pair_of(report)
    cards = []
    for head in report.heads:
        shares = [
            (tag, before[head].by_tag[tag], share) for tag, share in after[head].by_tag.items()
        ]
        shares.sort(key=lambda found: (found[2].value, -found[2].count, found[0]))
        if len(shares) < 2:
            continue
        says = f"accuracy of each tag of {head}, float and int8"
        drawn = plots.tag_dots(shares[:HARDEST], says)
        if rest := shares[HARDEST:]:
            drawn += unfold(f"{len(rest)} more", plots.tag_dots(rest, says))
        cards.append(card(head, "per cent right, number of pictures", drawn))
    if not cards:
        return ""
    sides = key(("ring", "float"), ("dot", "int8"))
    return section("Accuracy by tag", f"Hardest first, on {report.engine}.", sides + grid(cards))


def calibration(report: Report) -> str:
    """A reliability diagram a head, of int8."""
    cards = []
    for head, score in pair_of(report)[1].items():
        if (found := score.calibration) is None:
            continue
        said = f"error {found.before:.3f}, too few pictures to fit a temperature"
        if found.after is not None:
            said = f"error {found.before:.3f}, {found.after:.3f} at temperature "
            said += f"{found.temperature:.2f}"
        cards.append(card(head, said, plots.reliability_plot(head, found)))
    if not cards:
        return ""
    under = (
        f"Int8 on {report.engine}. On the diagonal a score of 80 % is right 80 % of the time. "
        "Error: ECE over 15 bins; the larger a dot, the more pictures."
    )
    sides = key(("before", "before"), ("after", "after the temperature"))
    return section("Do scores mean what they say?", under, sides + grid(cards))


def left_out(report: Report) -> str:
    """Pictures that could not be read."""
    if not report.left_out:
        return ""
    lines = [(PurePath(missing.file).name, missing.reason) for missing in report.left_out]
    under = "They could not be read, and are not counted."
    return section("Pictures left out", under, terms(lines))


def recipe(report: Report) -> str:
    """How the artifacts were made, and what measured them."""
    lines = list((report.facts | report.versions).items())
    return section("How it was made", "", terms(lines)) if lines else ""
