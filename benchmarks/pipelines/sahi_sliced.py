"""SAHI's `get_sliced_prediction` with its defaults, slices of 640 px with overlap 0.2 only.

`usual` feeds the network as SAHI's own models do: float, planes. `straight` gives it the bytes, so
what is left is what SAHI itself costs. Package obss/sahi (MIT).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2

from benchmarks.peers import missing
from benchmarks.pipelines import NAMES, Done, Job, Kit
from edge.records import U8

try:
    from sahi.models.base import DetectionModel
    from sahi.predict import get_sliced_prediction
    from sahi.prediction import ObjectPrediction
except ImportError as e:
    raise missing("sahi") from e


class Model(DetectionModel):
    """Runs the network on each slice and says the results that are given for it."""

    def __init__(self, infer: Callable[[U8], None], job: Job) -> None:
        self._infer, self._job, self._slice = infer, job, -1
        super().__init__(load_at_init=False, device="cpu", confidence_threshold=0.25)

    def perform_inference(self, image: U8) -> None:
        self._slice += 1
        self._infer(image)

    def _create_object_prediction_list_from_original_predictions(
        self, shift_amount_list: Any = None, full_shape_list: Any = None
    ) -> None:
        raw = self._job.raw[self._slice]
        rows = zip(raw.boxes.tolist(), raw.scores.tolist(), raw.classes.tolist())
        self._object_prediction_list_per_image = [
            [
                ObjectPrediction(
                    bbox=box,
                    category_id=n,
                    category_name=NAMES[n],
                    score=score,
                    shift_amount=shift_amount_list[0],
                    full_shape=full_shape_list[0],
                )
                for box, score, n in rows
            ]
        ]


def usual(kit: Kit, job: Job) -> Done:
    return _run(kit, job, kit.usual)


def straight(kit: Kit, job: Job) -> Done:
    return _run(kit, job, kit.straight)


def _run(kit: Kit, job: Job, infer: Callable[[U8], None]) -> Done:
    rgb = cv2.cvtColor(job.i420, cv2.COLOR_YUV2RGB_I420)
    side = job.tiles[0].x1 - job.tiles[0].x0
    found = get_sliced_prediction(
        rgb,
        Model(infer, job),
        slice_height=side,
        slice_width=side,
        overlap_height_ratio=0.2,
        overlap_width_ratio=0.2,
        perform_standard_pred=False,
        verbose=0,
    )
    return Done(kit.taken_ms(), len(found.object_prediction_list))
