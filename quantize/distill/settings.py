"""Everything that decides what distillation gives; saved with it, and a flag each."""

from __future__ import annotations

from typing import Annotated

import msgspec

from quantize.errors import WorkshopError
from quantize.training.settings import check_between, check_least, check_multiples, help_of


class Settings(msgspec.Struct, frozen=True):
    """One run of `distill`."""

    student: Annotated[str, help_of("network, by name, or timm:NAME")] = "efficientnet_lite0_slim"
    start: Annotated[
        str, help_of('"published", "random", a TFLite MobileNetV2, an earlier student, or a file '
                     "of published weights of the network")
    ] = "published"  # fmt: skip
    losses: Annotated[
        str, help_of("by commas: bce, asl, softmax of the tags; l1, cosine, kl of the embedding; "
                   "with =WEIGHT where it is not 1; auto: what suits the teacher")
    ] = "auto"  # fmt: skip
    temperature: Annotated[float, help_of("of the loss softmax")] = 1.0
    epochs: Annotated[int, help_of("times through the pictures")] = 30
    batch: Annotated[int, help_of("pictures a step, of all processes together")] = 64
    side: Annotated[int, help_of("px the student sees, a multiple of 32")] = 224
    lr: Annotated[float, help_of("AdamW, highest value, after warm-up")] = 1e-3
    weight_decay: Annotated[float, help_of("AdamW")] = 0.02
    warm_up: Annotated[int, help_of("steps; a tenth of all at most")] = 500
    ema: Annotated[float, help_of("how much of the averaged weights a step keeps")] = 0.999
    dropout: Annotated[float, help_of("share of the embedding that a step hides from the tags")] = (
        0.0
    )
    judged: Annotated[int, help_of("held-out pictures that judge every epoch, at most")] = 2000
    seed: Annotated[int, help_of("of the order, the views and new weights")] = 0


def check(settings: Settings) -> None:
    """Raises WorkshopError naming the first flag that cannot be meant."""
    check_multiples(settings, 32, "side")
    check_least(settings, {"epochs": 1, "batch": 1, "judged": 0, "warm_up": 0,
                           "weight_decay": 0, "seed": 0})  # fmt: skip
    if not 0 <= settings.dropout < 1:
        raise WorkshopError("--dropout", str(settings.dropout), "0 to less than 1", "--dropout 0")
    check_between(settings, "lr", "ema")
