"""What the stage `label` wrote, as probabilities."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from edge.heads.scores import sigmoid, softmax
from quantize.errors import WorkshopError
from quantize.labels import load
from quantize.report.thresholds import TEACHER_SURE
from quantize.report.truth import Teacher


def read_teacher(folder: Path, keys: Collection[str] | None = None) -> Teacher:
    """`keys`: of the pictures to be judged; None: all that were labelled.

    Raises WorkshopError when `folder` is not what `label` wrote, or holds none of the pictures.
    """
    labels = load(folder, keys=keys)
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
