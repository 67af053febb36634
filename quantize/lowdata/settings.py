"""What decides a low-data comparison and each of its runs, and the learning rates they have."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from quantize.errors import WorkshopError
from quantize.lowdata.views import MIDDLE, Preprocessing, Resize
from quantize.pictures.split_files import quota
from quantize.training.settings import help_of

Method = Literal["vanilla", "double_crop", "single_crop"]
METHODS: tuple[Method, ...] = ("vanilla", "double_crop", "single_crop")
STAIRS = (0.5, 0.75, 0.9, 0.95)  # of the steps: from there on a tenth of the learning rate
SINGLE_HEAD_RATIO = 10.0  # of 10 %: nobody published one for single pictures


class RunSettings(msgspec.Struct, frozen=True):
    """One run. The published one: 40,000 steps, side 224, batch 24."""

    method: Method
    split: str  # "10" (%), "1i" (pictures a class): decides how fast the head learns
    steps: int
    side: int  # px of all views
    batch: int = 24  # pictures a step; a run with crops shows each of them three times
    lr: float = 0.03  # at batch 24, of everything but the head; in proportion to the batch
    alpha: float = 0.1  # of the crops against the labels
    every: int = 200  # steps between looks at the held-out pictures, and between checkpoints
    middle: float = MIDDLE  # share of a picture's height and width that is looked at
    resize: Resize = "device"
    seed: int = 0

    @property
    def preprocessing(self) -> Preprocessing:
        """How this run's student must be shown a picture."""
        return Preprocessing(self.side, self.middle, self.resize)


def head_ratio(split: str) -> float:
    """How much faster the head learns: 10, 6.5, 3.5, 2, 1 for 10, 15, 30, 50, 100 %.

    As the published code has it, without an end: 20 for 5 %.
    """
    if split.endswith("i"):
        return SINGLE_HEAD_RATIO
    return round(100 / float(split) * 2) / 2


def lr_share(step: int, steps: int) -> float:
    """1 at first, a tenth of it from each stair on."""
    return float(0.1 ** sum(step >= stair * steps for stair in STAIRS))


class Comparison(msgspec.Struct, frozen=True):
    """Vanilla and one method on every split with every seed; a flag each."""

    student: Annotated[str, help_of("network, by name")] = "efficientnet_lite0"
    splits: Annotated[str, help_of("per cent of each class's pictures; 1i: one of each")] = "10,30"
    seeds: Annotated[str, help_of("a pair of runs each, on the same split")] = "0,1,2"
    method: Annotated[str, help_of("double_crop or single_crop")] = "double_crop"
    steps: Annotated[int, help_of("of a run; the published runs have 40000")] = 2000
    side: Annotated[int, help_of("px of every view, a multiple of 32")] = 224
    batch: Annotated[int, help_of("pictures a step, each shown three times with crops")] = 24
    lr: Annotated[float, help_of("at batch 24, in proportion to the batch")] = 0.03
    alpha: Annotated[float, help_of("weight of the crops against the labels")] = 0.1
    every: Annotated[int, help_of("steps between looks at the held-out pictures")] = 200
    held_out: Annotated[
        float, help_of("share of a split to choose the step by; 0: the last step's weights")
    ] = 0.2
    vanilla_middle: Annotated[
        float, help_of("share of height and width vanilla looks at; 0.9: the same as the method")
    ] = 1.0


def checked(wanted: Comparison) -> Comparison:
    """The same, or WorkshopError for a flag that no run can have."""
    if wanted.method not in METHODS[1:]:
        raise WorkshopError(
            "--method", repr(wanted.method), " or ".join(METHODS[1:]), "--method double_crop"
        )
    for split in wanted.splits.split(","):
        quota(split, 1)
    seeds = seeds_of(wanted)
    for flag, given in (("splits", wanted.splits.split(",")), ("seeds", seeds)):
        if len(set(given)) < len(given):  # a run that counts twice looks surer than it is
            once = ",".join(dict.fromkeys(map(str, given)))
            found = repr(getattr(wanted, flag))
            raise WorkshopError(f"--{flag}", found, "each once", f"--{flag} {once}")
    if wanted.side < 32 or wanted.side % 32:
        raise WorkshopError("--side", f"{wanted.side} px", "a multiple of 32 px", "--side 128")
    for flag, least, most in (
        ("steps", 1, 10**9),
        ("batch", 2, 10**6),
        ("every", 1, 10**9),
        ("held_out", 0, 0.9),
        ("vanilla_middle", 0.1, 1),
        ("lr", 1e-6, 1),
        ("alpha", 0, 1000),
    ):
        value = getattr(wanted, flag)
        if not least <= value <= most:
            name = f"--{flag.replace('_', '-')}"
            raise WorkshopError(name, str(value), f"{least} to {most}", f"{name} {least}")
    return wanted


def seeds_of(wanted: Comparison) -> list[int]:
    """The numbers of --seeds. Raises WorkshopError."""
    seeds = wanted.seeds.split(",")
    if not all(seed.isascii() and seed.isdecimal() for seed in seeds):
        raise WorkshopError("--seeds", repr(wanted.seeds), "numbers from 0", "--seeds 0,1,2")
    return [int(seed) for seed in seeds]


def run_settings(wanted: Comparison) -> list[RunSettings]:
    """Every run of a comparison: by split, by seed, vanilla first."""
    methods = {"vanilla": wanted.vanilla_middle, wanted.method: MIDDLE}
    return [
        RunSettings(
            method=msgspec.convert(method, Method),
            split=split,
            steps=wanted.steps,
            side=wanted.side,
            batch=wanted.batch,
            lr=wanted.lr,
            alpha=wanted.alpha,
            every=wanted.every,
            middle=middle,
            seed=seed,
        )
        for split in wanted.splits.split(",")
        for seed in seeds_of(wanted)
        for method, middle in methods.items()
    ]
