"""Medians and ratios of what processes measured of themselves."""

from __future__ import annotations

from benchmarks.allocator import Measured, summary


def test_ratios_are_of_medians_kept_over_handed_back() -> None:
    rates = {"kept": (90.0, 120.0, 100.0), "handed back": (50.0, 40.0, 10.0)}
    seen = [(kind, Measured(r, r / 2, r * 10)) for kind, all_of in rates.items() for r in all_of]
    found = summary(seen)
    assert found["kept"] == {"answers": 100.0, "lessons": 50.0, "mb": 1000.0}
    assert found["ratios"] == {"answers": 2.5, "lessons": 2.5, "mb": 2.5}
