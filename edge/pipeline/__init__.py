"""source -> tag_frame -> sinks: files one after the other, live sources side by side with them.

Three things go on at once, each in a thread that lives as long as its source or its tagger: a
source reads (a live one into its mailbox, files one frame ahead), the tagger's engine runs, and the
next crop is cut while it does. The tagger takes live sources in turn, on one budget, and files as
one more of them.

running   from the first frame to the last, each told to everybody who is to know
turns     whose frame is next, and what it may cost
tagged    one frame, and its line among the results
"""

from edge.pipeline.running import BROKEN, COLLECTED, Explain, Totals, run

__all__ = ["BROKEN", "COLLECTED", "Explain", "Totals", "run"]
