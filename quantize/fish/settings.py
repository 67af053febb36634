"""Everything that decides what an outline is; saved with it, and a flag each."""

from __future__ import annotations

from typing import Annotated

import msgspec

from quantize.training.settings import help_of


class OutlineSettings(msgspec.Struct, frozen=True):
    """One run of the stage `outline`."""

    side: Annotated[int, help_of("px of the crop, a multiple of 16")] = 160
    crops: Annotated[int, help_of("rendered crops to learn from")] = 12000
    judged: Annotated[int, help_of("others, for the judge")] = 200
    epochs: Annotated[int, help_of("times through them")] = 10
    batch: Annotated[int, help_of("crops a step")] = 16
    lr: Annotated[float, help_of("AdamW, highest value")] = 1e-3
    weight_decay: Annotated[float, help_of("AdamW")] = 0.01
    seed: Annotated[int, help_of("of the crops and of their order")] = 0
