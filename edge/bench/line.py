"""A line of `devices/results/*.jsonl`: what one benchmark found, whether measured or predicted."""

from __future__ import annotations

from typing import Literal

import msgspec

from edge.health.power import Power

SCHEMA = "edge-tag/bench/1"
Label = Literal["measured", "predicted"]
STAGES = ("cut", "engine", "heads", "plan", "rest")  # of a frame, in the order drawn


class Quantiles(msgspec.Struct, frozen=True):
    """Of many durations, ms."""

    p50: float
    p90: float | None = None
    p99: float | None = None  # None: too few to tell
    least: float | None = None
    count: int = 0


class Machine(msgspec.Struct, frozen=True):
    """What a number was measured on."""

    processor: str
    flags: tuple[str, ...]  # instructions that matter to int8
    cores: int  # that we may use
    cores_of: int  # that there are
    memory_mib: int | None
    system: str
    governor: str | None
    load: float | None  # processes that want a core, over the last minute, before the run


class FrameCost(msgspec.Struct, frozen=True):
    """A whole frame, from its pixels to its tags."""

    ms: Quantiles  # the next crop is cut while the engine runs
    stages_ms: dict[str, float]  # STAGES, medians, one after the other: nothing overlaps
    launches: int  # of the engine
    size: tuple[int, int]  # px


class Roof(msgspec.Struct, frozen=True):
    """The least that a launch could take, by the profile's roofline."""

    least_ms: float
    share: float  # of what is possible, 0..1: least over measured
    bound: Literal["compute", "bandwidth"]


class Energy(msgspec.Struct, frozen=True):
    """While the engine worked; what the board needs at rest is in it."""

    source: str  # which counter
    watts: float
    joules_per_launch: float


class Proof(msgspec.Struct, frozen=True):
    """The bundle's golden pictures, answered by the engine that was timed."""

    pictures: int
    largest_difference: float  # of a score, from the one it was packed with


class Line(msgspec.Struct, frozen=True):
    """Only the first six are in every line: a prediction has no machine."""

    label: Label
    board: str  # for people
    engine: str
    precision: str
    engine_ms: Quantiles | None  # one launch with one picture; None: nothing could be timed
    schema: str = SCHEMA
    provider: str = "CPU"  # the one in use
    threads: int | None = None  # None: the engine decided
    verdict: Literal["VALID", "INVALID"] = "VALID"
    reasons: tuple[str, ...] = ()  # why it is INVALID
    basis: str = ""  # of a prediction: what it rests on
    time: str = ""  # ISO 8601, UTC
    seconds: float = 0.0  # that the engine was timed for
    cpu_ms: float | None = None  # of all threads, for a launch: what others do is not in it
    seed: int = 0
    profile: str | None = None  # the device profile asked for
    machine: Machine | None = None
    versions: dict[str, str] = {}
    bundle: str = ""  # name@counter
    artifact: str = ""  # SHA-256 of its first file
    frame: FrameCost | None = None
    batch_ms: dict[str, float] = {}  # batch -> ms a picture, medians
    spread: float | None = None  # of the medians of ten parts of the run, over the whole one's
    others: float | None = None  # share of our cores that others took meanwhile
    roof: Roof | None = None
    energy: Energy | None = None
    power: tuple[Power, Power] | None = None  # before, after
    golden: Proof | None = None
    top1: dict[str, float] = {}  # head -> on the evaluation set, as the manifest says
    notes: dict[str, str] = {}  # what could not be measured -> why
