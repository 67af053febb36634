"""Soft targets: what a teacher said of every picture, as files, and how they are made."""

from quantize.labels.manifest import LabelManifest, LeftOut
from quantize.labels.reader import Labels, load, refuse_others, shrink, told_of

__all__ = ["LabelManifest", "Labels", "LeftOut", "load", "refuse_others", "shrink", "told_of"]
