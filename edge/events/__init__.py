"""What happened, told once: a thing came, changed, went. From results, frame by frame, to events
with a before and an after.
"""
