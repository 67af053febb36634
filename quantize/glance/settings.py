"""Everything that decides what a glance is; saved with it, and a flag each."""

from __future__ import annotations

from typing import Annotated

import msgspec

from quantize.training.settings import help_of


class GlanceSettings(msgspec.Struct, frozen=True):
    """One run of the stage `glance`."""

    side: Annotated[int, help_of("px of the input, a multiple of 32: 384 costs some two crops")] = (
        384
    )
    frames: Annotated[int, help_of("composed frames to learn from")] = 3600
    judged: Annotated[
        int, help_of("frames of things nobody trained on: calibration, and the judge")
    ] = 300
    marks: Annotated[int, help_of("made-up brand marks among the things; 0: none")] = 300
    epochs: Annotated[int, help_of("times through the frames")] = 24
    batch: Annotated[int, help_of("frames a step")] = 16
    lr: Annotated[float, help_of("AdamW, highest value")] = 2e-3
    tune: Annotated[
        int,
        help_of("then so many times with the student's layers learning too: an hour, not minutes"),
    ] = 0
    tune_lr: Annotated[float, help_of("AdamW, highest value, of those")] = 5e-4
    weight_decay: Annotated[float, help_of("AdamW")] = 0.01
    seed: Annotated[int, help_of("of the frames and of their order")] = 0
