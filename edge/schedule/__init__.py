"""Which looks a frame gets: a camera has its share, places become candidates, each has its cost,
and the plan takes what gains most a millisecond.
"""
