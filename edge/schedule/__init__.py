"""Which looks a frame gets: a camera has its share, places become candidates, each has its cost,
and the plan takes what gains most a millisecond.

candidates  where a look could go, and what it may settle
plan        which of them are made, in which order: one pure function
cost        how long a launch takes: measured, then corrected
pace        that measurement, on the device that is here
spending    what a frame has spent, and whether another launch fits
steady      looks that can wait, spread over frames
shares      several cameras on one budget
cooling     a hot device gets less to do
"""
