"""Why a frame has its tags, drawn: the map on the left, the panel of words and bars beside it, and
the crops and keys that make it one picture.
"""
