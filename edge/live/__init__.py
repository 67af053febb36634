"""The live page: what a run sees, as people like to look at it, and what can be done there."""
