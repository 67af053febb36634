"""What the stage `label` wrote, as probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge.heads.scores import sigmoid, softmax
from quantize.errors import WorkshopError
from quantize.labels import load, refuse_others
from quantize.pictures import Sample
from quantize.report.thresholds import TEACHER_SURE
from quantize.report.truth import Teacher


def read_teacher(folder: Path, samples: Sequence[Sample]) -> Teacher:
    """What was said of these pictures.

    Raises WorkshopError when `folder` is not what `label` wrote, or holds none of the pictures, or
    others of their names.
    """
    labels = load(folder, keys={sample.key for sample in samples})
    refuse_others(samples, labels, folder)
    if not labels.soft:
        raise WorkshopError(
            folder,
            "soft targets of other pictures",
            "of those to compare with",
            "run edge-quantize label on the same --images, or leave --labels out",
        )
    scores = softmax if labels.kind == "softmax" else sigmoid
    sure = labels.thresholds or TEACHER_SURE
    return Teacher(
        labels.tags,
        np.broadcast_to(np.asarray(sure, np.float32), (len(labels.tags),)),
        {key: scores(logits) for key, logits in labels.soft.items()},
    )
