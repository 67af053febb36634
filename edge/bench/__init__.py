"""How fast a bundle is on this machine, how sure that is, and what the machine did meanwhile.

running    one benchmark, from opening to its line
measuring  the loops that are timed
staged     where the time of a frame goes
scene      the frame that is looked at
samples    durations -> quantiles
verdict    may the result be trusted?
host       the machine, its versions, who else works on it
energy     what it takes, where a counter says so
roofline   the least that a launch can take
line       the record of a result
files      results on the disk
table      a result for the terminal
report     all results as a page
plots      its plots
choosing   `--engine auto`: which engine is the fastest here
"""
