"""What a model file does not say of itself: flags, or a small JSON file beside it.

model.onnx or model.tflite may have a model.json next to it:

    {"mean": [123.675, 116.28, 103.53], "scale": [58.395, 57.12, 57.375], "colour": "rgb",
     "side": 224, "ends": "softmax", "kind": "softmax", "output": "probs", "embedding": "pool"}

Every key may be left out; a flag of the command beats it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from quantize.errors import WorkshopError
from quantize.teachers import Kind, Request, needed_checkpoint

Ends = Literal["logits", "softmax", "sigmoid"]
Triple = tuple[float, float, float]


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """None: found in the file, or refused where it is not there."""

    mean: Triple | None = None  # of pixel values 0..255, red green blue
    scale: Triple | None = None  # what the network sees: (pixel - mean) / scale
    colour: Literal["rgb", "bgr"] = "rgb"  # the order of the network's channels
    layout: Literal["nchw", "nhwc"] | None = None
    side: int | None = None  # px, where the file leaves it open
    ends: Ends | None = None  # what the output holds
    kind: Kind | None = None
    output: str | None = None  # which output, where there are several
    embedding: str | None = None  # which tensor


FLAGS = ("mean", "scale", "colour", "side", "ends", "kind")  # of Request, same names


def card_file(request: Request) -> Path | None:
    """The JSON beside the model file, where there is one."""
    file = request.checkpoint.with_suffix(".json") if request.checkpoint else None
    return file if file and file.is_file() else None


def read_card(request: Request) -> Card:
    """The JSON beside the model, with the flags on top. Raises WorkshopError."""
    file = card_file(request)
    try:
        card = msgspec.json.decode(file.read_bytes(), type=Card) if file else Card()
    except msgspec.DecodeError as e:
        raise WorkshopError(
            file, str(e), f"keys of {', '.join(Card.__struct_fields__)}", "mend it"
        ) from e
    flags = {key: getattr(request, key) for key in FLAGS if getattr(request, key) is not None}
    card = msgspec.structs.replace(card, **flags)
    if card.scale and 0 in card.scale:
        raise WorkshopError("--scale", f"{card.scale}", "no zero", "give what to divide by")
    return card


def needed_normalisation(card: Card, request: Request) -> tuple[Triple, Triple]:
    """Mean and scale. Raises WorkshopError when they are not said: a guess would go unnoticed."""
    if card.mean is None or card.scale is None:
        raise WorkshopError(
            needed_checkpoint(request),
            "input is float and nobody says how pixels are normalised",
            "mean and scale of 0..255",
            "--mean 123.675,116.28,103.53 --scale 58.395,57.12,57.375 for most PyTorch networks, "
            "--mean 127.5 --scale 127.5 for most of TensorFlow, --mean 0 --scale 1 for raw pixels",
        )
    return card.mean, card.scale
