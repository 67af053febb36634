"""Everything that decides what a training run gives; saved with it, and a flag each."""

from __future__ import annotations

import argparse
from typing import Annotated, TypeVar, get_args, get_type_hints

import msgspec
from msgspec import Meta

S = TypeVar("S", bound=msgspec.Struct)


def about(text: str) -> Meta:
    """What --help says of a setting."""
    return Meta(description=text)


class Settings(msgspec.Struct, frozen=True):
    """One run of `finetune`. Sides are px and multiples of 32."""

    student: Annotated[str, about("network, by name")] = "efficientnet_lite0_slim"
    start: Annotated[
        str, about('"published", "random", a TFLite MobileNetV2, or an earlier student')
    ] = "published"
    epochs: Annotated[int, about("times through the pictures")] = 16
    batch: Annotated[int, about("pictures a step; more than 32 leave the caches of a CPU")] = 32
    first_side: Annotated[int, about("px in the first epochs: small ones teach cheaply")] = 128
    side: Annotated[int, about("px in the last epochs; parts look larger than whole things")] = 192
    final_side: Annotated[int, about("px the artifacts are made for")] = 224
    lr: Annotated[float, about("AdamW, highest value, after warm-up")] = 6e-4
    weight_decay: Annotated[float, about("AdamW")] = 0.02
    warm_up: Annotated[int, about("steps")] = 300
    ema: Annotated[float, about("how much of the averaged weights a step keeps")] = 0.999
    frozen: Annotated[int, about("first layers that stay: edges are edges, and cost most")] = 6
    smoothing: Annotated[float, about("of the labels")] = 0.1
    none_weight: Annotated[float, about('of "none of these" against a label')] = 0.25
    soft_weight: Annotated[float, about("of the teacher against the labels")] = 0.5
    teacher_weight: Annotated[float, about("of --teachers against the labels")] = 0.7
    mixed: Annotated[float, about("share of the batches that are blended or pasted")] = 0.5
    seed: Annotated[int, about("of the order and of the views")] = 0


def add_flags(parser: argparse.ArgumentParser, kind: type[msgspec.Struct]) -> None:
    """A flag for every field of a settings record, with its default and what it is about."""
    hints = get_type_hints(kind, include_extras=True)
    for field in msgspec.structs.fields(kind):
        plain, meta = get_args(hints[field.name])
        flag = f"--{field.encode_name.replace('_', '-')}"
        parser.add_argument(flag, type=plain, default=field.default, help=meta.description)


def from_flags(args: argparse.Namespace, kind: type[S]) -> S:
    """The record that the flags describe."""
    return kind(**{name: getattr(args, name) for name in kind.__struct_fields__})
