"""The glance at a whole frame: what moved since the one before is told first, then the heat map is
run and read as places where a closer look would pay.
"""
