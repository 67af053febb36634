"""Boards: their profiles, which one this is, what a network would take on one that is not here.

profiles   how to run on a board, and what it could do at best
snapshot   the files by which a machine is known
recognise  those files -> a profile
chosen     `--device NAME` or `auto` -> a profile
applied    a profile in the flags of a command
work       what a network has a device do
predict    how long that takes there
virtual    a device that is not here, for a tagger
clock      its clock
listing    `edge-tag devices`
"""
