"""Everything that decides what a glance is; saved with it, and a flag each."""

from __future__ import annotations

from typing import Annotated

import msgspec

from quantize.training.settings import about


class GlanceSettings(msgspec.Struct, frozen=True):
    """One run of the stage `glance`."""

    side: Annotated[int, about("px of the input, a multiple of 32: 384 costs some two crops")] = 384
    frames: Annotated[int, about("composed frames to learn from")] = 3600
    judged: Annotated[
        int, about("frames of things nobody trained on: calibration, and the judge")
    ] = 300
    marks: Annotated[int, about("made-up brand marks among the things; 0: none")] = 300
    epochs: Annotated[int, about("times through the frames")] = 24
    batch: Annotated[int, about("frames a step")] = 16
    lr: Annotated[float, about("AdamW, highest value")] = 2e-3
    tune: Annotated[
        int,
        about("then so many times with the student's layers learning too: an hour, not minutes"),
    ] = 0
    tune_lr: Annotated[float, about("AdamW, highest value, of those")] = 5e-4
    weight_decay: Annotated[float, about("AdamW")] = 0.01
    seed: Annotated[int, about("of the frames and of their order")] = 0
