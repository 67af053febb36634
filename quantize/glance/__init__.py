"""The glance: where in a frame a closer look would pay, from a student's own early features."""
