"""RAM, RAM++ and Tag2Text's tagger in PyTorch: the reference path, written from the papers.

`open_tagger(checkpoint, image_size, device, dtype, tag_list, thresholds)` opens a published file;
`OpenTagger.look(pictures)` gives logits, scores and the embedding. Of Tag2Text the tagger is here,
the captioner is not.
"""

from quantize.checkpoints.report import LoadReport
from quantize.ram.checkpoint import load
from quantize.ram.cost import Cost, cost
from quantize.ram.export import Exported, to_onnx
from quantize.ram.labels import LabelRows, read_labels, write_labels
from quantize.ram.opened import OpenTagger, Outputs, open_tagger
from quantize.ram.tagger import Tagger, build
from quantize.ram.vocabulary import Tag, Vocabulary, read_tags, read_thresholds, tags_of

__all__ = [
    "Cost",
    "Exported",
    "LabelRows",
    "LoadReport",
    "OpenTagger",
    "Outputs",
    "Tag",
    "Tagger",
    "Vocabulary",
    "build",
    "cost",
    "load",
    "open_tagger",
    "read_labels",
    "read_tags",
    "read_thresholds",
    "tags_of",
    "to_onnx",
    "write_labels",
]
