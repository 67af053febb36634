"""The live page: what a run sees, as people like to look at it, and what can be done there.

opened   the page of a run
window   what there is to see: the pipeline writes, pages read
shots    the newest frame of a source
stills   pictures that stand still for somebody
shown    records -> JSON for the page
stream   what happens, as server-sent events
actions  what can be done on the page
jobs     work that waits for the moment between two frames
posts    a POST: its body, and the answer
access   who may look, and who may change something
server   all of that over HTTP
files    the files of the page
"""
