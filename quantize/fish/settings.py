"""Everything that decides what an outline is; saved with it, and a flag each."""

from __future__ import annotations

from typing import Annotated

import msgspec

from quantize.training.settings import about


class OutlineSettings(msgspec.Struct, frozen=True):
    """One run of the stage `outline`."""

    side: Annotated[int, about("px of the crop, a multiple of 16")] = 160
    crops: Annotated[int, about("rendered crops to learn from")] = 12000
    judged: Annotated[int, about("others, for the judge")] = 200
    epochs: Annotated[int, about("times through them")] = 10
    batch: Annotated[int, about("crops a step")] = 16
    lr: Annotated[float, about("AdamW, highest value")] = 1e-3
    weight_decay: Annotated[float, about("AdamW")] = 0.01
    seed: Annotated[int, about("of the crops and of their order")] = 0
