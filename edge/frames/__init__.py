"""The way of one frame: gate, glance, schedule, focus, fuse.

begun         a frame, and what it is looked at with
frame         from the glance to what is known
closer_looks  at what is worth one, the best first, until the budget is spent
measuring     fish, and their lengths
launches      what all of these ask of the engine, timed
budgets       what a frame must cost to be of use
"""

from edge.frames.budgets import too_tight, useful_ms
from edge.frames.frame import tag_frame

__all__ = ["tag_frame", "too_tight", "useful_ms"]
