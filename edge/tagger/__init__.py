"""An open engine with its bundle: regions of a picture in, scores of every head out.

tagger    the class that holds engine and bundle open
answers   what an engine gives, made sense of: embedding, scores by head
turns     of threads that share one
opened    which artifact on which engine, and both of them opened
"""

from edge.tagger.answers import Looks
from edge.tagger.opened import open_tagger
from edge.tagger.tagger import BATCH, Tagger

__all__ = ["BATCH", "Looks", "Tagger", "open_tagger"]
