"""Length of fish in a frame: masks, midlines, a camera plane, and what is known over many looks.

ruler          the head `length`: all of it, for one source
pieces         what in a frame may be a fish
ground         what lies behind the fish
outline        the network that says which pixels are fish
packed         that network, out of a bundle
mask           one piece from near: how much of each pixel is the fish
colours        the same, by colours alone
midline        the line along the middle of a mask
ends           where the body begins and ends on it
measure        one look at one fish: its length, and how sure that is
regressor      a length from the shape of a mask
choose         which looks at a frame are told
follow         fish over many frames, and what their looks say together
tags           the tags of measured fish
plane          from pixels to mm
plane_file     the file of a plane
calibrating    `edge-tag calibrate`: pictures of a checkerboard -> that file
board          boards found, and the plane fitted to them
board_picture  the boards drawn, for people
"""
