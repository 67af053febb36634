"""What is known of a camera: looks at things and places become evidence, and that becomes
the frame's tags.

known       `Memory`, all of it for one camera
things      its things: where each is, and what another look could bring
faint       spots of glances that are hardly warm
tracks      how things are followed from glance to glance
views       what a new view of a thing does to what is known of it
evidence    what many looks at one thing say together
appearance  whether a thing looks different from before
tags        the tags of a thing
motion      what moves, and since when
sweep       exploration: which tiles are looked at next
cells       the grid of places: when each was looked at, what was found
parts       parts of a large frame that a glance could go to
places      what looks at places that overlap say together
place_tags  what was said of places and of the frame, joined with its things
fuse        tags of many looks -> tags of the frame
"""
