"""What a frame must cost to be of use, and whether a budget is enough for that."""

from __future__ import annotations

from edge.seen import Looker, View, is_limited

USEFUL = 3  # closer looks of a frame that is of use: two things, and something that moved


def useful_ms(tagger: Looker, view: View) -> float:
    """What a frame costs that is of use: the tags of all of it, a glance, and some closer looks.

    0 without a budget: nobody asks.
    """
    if not is_limited(view):
        return 0.0
    pace = tagger.pace
    pace.measure(tagger)
    glance_ms = pace.stopped_ms("glance") if tagger.has_glance else 0.0
    return (1 + USEFUL) * pace.stopped_ms("focus") + glance_ms


def too_tight(tagger: Looker, view: View) -> str:
    """Why no frame has a closer look beside the one at all of it; "" where there is time for it."""
    if view.whole or not is_limited(view):
        return ""
    tagger.pace.measure(tagger)
    look_ms, budget_ms = tagger.pace.stopped_ms("focus"), view.budget.frame_ms
    if 2 * look_ms <= budget_ms:
        return ""
    return (
        f"a look takes up to {look_ms:.3g} ms here: beside the one at the whole frame, "
        f"{budget_ms:g} ms leave no time for a closer one (fix: a larger --budget-ms, or --whole)"
    )
