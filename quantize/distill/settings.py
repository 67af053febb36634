"""Everything that decides what distillation gives; saved with it, and a flag each."""

from __future__ import annotations

from typing import Annotated

import msgspec

from quantize.errors import WorkshopError
from quantize.training.settings import about, check_between, check_least, check_multiples


class Settings(msgspec.Struct, frozen=True):
    """One run of `distill`."""

    student: Annotated[str, about("network, by name, or timm:NAME")] = "efficientnet_lite0_slim"
    start: Annotated[
        str, about('"published", "random", a TFLite MobileNetV2, an earlier student, or a file of '
                   "published weights of the network")
    ] = "published"  # fmt: skip
    losses: Annotated[
        str, about("by commas: bce, asl, softmax of the tags; l1, cosine, kl of the embedding; "
                   "with =WEIGHT where it is not 1; auto: what suits the teacher")
    ] = "auto"  # fmt: skip
    temperature: Annotated[float, about("of the loss softmax")] = 1.0
    epochs: Annotated[int, about("times through the pictures")] = 30
    batch: Annotated[int, about("pictures a step, of all processes together")] = 64
    side: Annotated[int, about("px the student sees, a multiple of 32")] = 224
    lr: Annotated[float, about("AdamW, highest value, after warm-up")] = 1e-3
    weight_decay: Annotated[float, about("AdamW")] = 0.02
    warm_up: Annotated[int, about("steps; a tenth of all at most")] = 500
    ema: Annotated[float, about("how much of the averaged weights a step keeps")] = 0.999
    dropout: Annotated[float, about("share of the embedding that a step hides from the tags")] = 0.0
    judged: Annotated[int, about("held-out pictures that judge every epoch, at most")] = 2000
    seed: Annotated[int, about("of the order, the views and new weights")] = 0


def check(settings: Settings) -> None:
    """Raises WorkshopError naming the first flag that cannot be meant."""
    check_multiples(settings, 32, "side")
    check_least(settings, {"epochs": 1, "batch": 1, "judged": 0, "warm_up": 0,
                           "weight_decay": 0, "seed": 0})  # fmt: skip
    if not 0 <= settings.dropout < 1:
        raise WorkshopError("--dropout", str(settings.dropout), "0 to less than 1", "--dropout 0")
    check_between(settings, "lr", "ema")
