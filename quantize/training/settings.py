"""Everything that decides what a training run gives; saved with it, and a flag each."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Annotated, TypeVar, get_args, get_type_hints

import msgspec
from msgspec import Meta

from quantize.errors import WorkshopError

S = TypeVar("S", bound=msgspec.Struct)


def help_of(text: str) -> Meta:
    """What --help says of a setting."""
    return Meta(description=text)


class Settings(msgspec.Struct, frozen=True):
    """One run of `finetune`. Sides are px and multiples of 32."""

    student: Annotated[str, help_of("network, by name")] = "efficientnet_lite0_slim"
    start: Annotated[
        str, help_of('"published", "random", a TFLite MobileNetV2, or an earlier student')
    ] = "published"
    epochs: Annotated[int, help_of("times through the pictures")] = 16
    batch: Annotated[int, help_of("pictures a step; more than 32 leave the caches of a CPU")] = 32
    first_side: Annotated[int, help_of("px in the first epochs: small ones teach cheaply")] = 128
    side: Annotated[int, help_of("px in the last epochs; parts look larger than whole things")] = (
        192
    )
    final_side: Annotated[int, help_of("px the artifacts are made for")] = 224
    lr: Annotated[float, help_of("AdamW, highest value, after warm-up")] = 6e-4
    weight_decay: Annotated[float, help_of("AdamW")] = 0.02
    warm_up: Annotated[int, help_of("steps")] = 300
    ema: Annotated[float, help_of("how much of the averaged weights a step keeps")] = 0.999
    frozen: Annotated[int, help_of("first layers that stay: edges are edges, and cost most")] = 6
    smoothing: Annotated[float, help_of("of the labels")] = 0.1
    none_weight: Annotated[float, help_of('of "none of these" against a label')] = 0.25
    soft_weight: Annotated[float, help_of("of the teacher against the labels")] = 0.5
    teacher_weight: Annotated[float, help_of("of --teachers against the labels")] = 0.7
    group_weight: Annotated[float, help_of("of a tag's group in tags.json against the tag")] = 0.0
    mixed: Annotated[float, help_of("share of the batches that are blended or pasted")] = 0.5
    light: Annotated[
        float, help_of("how warm or cold half of the views are: spread of log red against blue")
    ] = 0.0
    seed: Annotated[int, help_of("of the order and of the views")] = 0


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


def check(settings: Settings) -> None:
    """Raises WorkshopError naming the first flag of `finetune` that cannot be meant."""
    check_multiples(settings, 32, "first_side", "side", "final_side")
    check_least(settings, {"epochs": 1, "batch": 1, "warm_up": 0, "frozen": 0, "none_weight": 0,
                           "soft_weight": 0, "side": settings.first_side, "weight_decay": 0,
                           "seed": 0, "group_weight": 0})  # fmt: skip
    check_shares(settings, "smoothing", "teacher_weight", "mixed", "light")
    check_between(settings, "lr", "ema")


def check_least(given: object, least_of: Mapping[str, float]) -> None:
    """`given.name` for each name: None, or its least or more. Raises WorkshopError."""
    for name, least in least_of.items():
        found = getattr(given, name)
        if found is not None and not found >= least:  # nor is nan
            flag = _flag(name)
            raise WorkshopError(flag, str(found), f"{least} or more", f"{flag} {least}")


def check_multiples(given: object, step: int, *names: str) -> None:
    """px, each a multiple of `step`. Raises WorkshopError."""
    for name in names:
        found = getattr(given, name)
        if found < step or found % step:
            near = max(step, round(found / step) * step)
            flag = _flag(name)
            raise WorkshopError(flag, str(found), f"a multiple of {step}", f"{flag} {near}")


def check_between(given: object, *names: str) -> None:
    """Each above 0 and below 1. Raises WorkshopError."""
    for name in names:
        if not 0 < getattr(given, name) < 1:
            found = str(getattr(given, name))
            raise WorkshopError(_flag(name), found, "between 0 and 1", "leave it out")


def check_shares(given: object, *names: str) -> None:
    """Each from 0 to 1. Raises WorkshopError."""
    for name in names:
        if not 0 <= getattr(given, name) <= 1:
            found = str(getattr(given, name))
            raise WorkshopError(_flag(name), found, "0 to 1", "leave it out")


def check_batch(where: object, pictures: int, batch: int) -> None:
    """Raises WorkshopError when there are not enough for one step."""
    if pictures < batch:
        raise WorkshopError(
            where, f"{pictures} pictures to learn from", f"a batch of {batch}",
            f"--batch {pictures}" if pictures else "give more pictures",
        )  # fmt: skip


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
