"""`edge-tag devices`: the profiles; and all that one of them says, with what it predicts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from edge.boards import profiles
from edge.boards.predict import Costs, Prediction, networks, predicted, read_costs
from edge.boards.profiles import Profile
from edge.boards.virtual import PRECISION
from edge.schedule.cooling import Thermal

OURS = "edge-tag-default"  # the networks that predictions are shown for
HEADINGS = ("profile", "engine", "provider", "threads", "budget", "crop, predicted", "device")


def table() -> list[tuple[str, ...]]:
    """A row a profile. Raises ConfigError and BundleError."""
    costs = read_costs()
    rows: list[tuple[str, ...]] = [HEADINGS]
    for path in profiles.files():
        p = profiles.read(path)
        budget = "-" if p.budget_ms is None else f"{p.budget_ms:g} ms"
        cells = (p.name, p.engine or "any", p.provider or "-", str(p.threads or "any"), budget)
        rows.append((*cells, _crop(p, costs), p.title))
    return rows


def as_json(name: str | None) -> Any:
    """Every profile, or one, with its predictions; plain objects. Raises as `table` does."""
    costs = read_costs()
    named = [profiles.find(name)] if name else [profiles.read(path) for path in profiles.files()]
    rows = [
        {**msgspec.to_builtins(p), "predictions": msgspec.to_builtins(predictions(p, costs))}
        for p in named
    ]
    return rows[0] if name else rows


def predictions(profile: Profile, costs: Costs) -> list[Prediction]:
    """Of the networks that ship; none for a profile without a roofline."""
    if profile.roofline is None:
        return []
    ours = (network for network in networks() if network.name.startswith(OURS))
    return [predicted(network, profile, costs, PRECISION) for network in ours]


def lines(name: str) -> Iterator[str]:
    """All of one profile, for people. Raises as `table` does."""
    p = profiles.find(name)
    yield f"{p.name}: {p.title}"
    for key in ("engine", "provider", "precision", "threads", "input_px", "budget_ms", "thermal"):
        value = getattr(p, key)
        if value not in (None, ()):
            yield f"  {key:10} {_shown(value)}"
    yield from _paragraph("note", (p.note,) if p.note else ())
    yield from _paragraph("install", p.install)
    yield from _paragraph("camera", (p.camera,) if p.camera else ())
    if p.roofline is None:
        return
    roof = p.roofline
    yield "at best:"
    yield f"  {roof.processor}"
    moved = "all on the chip" if roof.memory_gb_s is None else f"{roof.memory_gb_s:g} GB/s"
    yield f"  {roof.int8_gmac_s:,g} GMAC/s at int8 ({roof.int8_gmac_s / 500:,g} TOPS), {moved}"
    yield from (f"  - {s.says} ({s.title}{': ' if s.url else ''}{s.url})" for s in roof.sources)
    yield "predicted, not measured:"
    for one in predictions(p, read_costs()):
        curve = ", ".join(f"{ms:.3g} ms for {n}" for n, ms in one.batch_ms.items())
        yield f"  {one.network} {one.precision}: {curve}; within a factor of {one.within:g}"


def _crop(profile: Profile, costs: Costs) -> str:
    """What one crop takes, by the shipped student; its precision where the profile runs another."""
    found = predictions(profile, costs)
    if not found:
        return "-"
    as_int8 = "" if profile.precision in (None, PRECISION) else f", {PRECISION}"
    return f"{found[0].batch_ms[1]:.3g} ms (x{found[0].within:g}){as_int8}"


def _shown(value: object) -> str:
    if isinstance(value, Thermal):
        return f"the budget shrinks from {value.warm_c:g} C on, to a quarter at {value.hot_c:g} C"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _paragraph(heading: str, texts: tuple[str, ...]) -> Iterator[str]:
    if texts:
        yield f"{heading}:"
        yield from (f"  {text}" for text in texts)
