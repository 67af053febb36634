"""One benchmark: open, warm up, measure, judge. What comes of it is a line, whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime, timezone
from time import perf_counter, process_time
from typing import Any

import msgspec

from edge.bench import host
from edge.bench.energy import Used, find_meter
from edge.bench.line import Energy, Line, Proof, Roof
from edge.bench.measuring import WARM_UP, by_batch, engine_alone, frames, go_on
from edge.bench.roofline import roof, work
from edge.bench.samples import quantiles, spread
from edge.bench.scene import SEED, scene
from edge.bench.verdict import reasons
from edge.boards.profiles import Roofline
from edge.bundle.golden import largest_difference
from edge.errors import NotReproduced
from edge.health.power import read_power
from edge.tagger import Tagger, open_tagger

BYTES = {"int8": 1, "float": 4}  # of an activation
NOTES = {  # what may be missing in a line -> why
    "batch_ms": "fixed batch 1: the artifact takes one picture at a time",
    "energy": "no energy counter that we may read (RAPL, INA hwmon)",
    "others": "nobody counts here what others take of the cores",
    "roof": "no profile with a roofline for this precision was named (--device)",
    "work": "the bundle does not say how much work its network is",
}

Stop = Callable[[], bool]
Found = dict[str, Any]  # fields of a line


class BenchSettings(msgspec.Struct, frozen=True):
    """What is to be measured."""

    bundle: str | None = None  # None: the one in use
    engine: str | None = None
    provider: str | None = None
    threads: int | None = None
    precision: str | None = None
    seconds: float = 10.0  # at least, for the engine; as long again for frames and batches
    batches: Sequence[int] = (1, 2, 4, 8)
    seed: int = SEED
    profile: str | None = None
    roofline: Roofline | None = None


def bench(settings: BenchSettings, is_stopped: Stop = lambda: False) -> Line:
    """Measure. An artifact that does not reproduce gives an INVALID line without times.

    Raises what opening a tagger raises, but for that; InferenceError; CheckFailed when stopped.
    """
    line = Line(
        label="measured",
        board=host.board(),
        engine=settings.engine or "",
        precision=settings.precision or "",
        engine_ms=None,
        time=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        seed=settings.seed,
        threads=settings.threads,
        profile=settings.profile,
        machine=host.machine(),
        versions=host.versions(),
    )
    try:
        tagger = open_tagger(
            settings.bundle,
            settings.engine,
            settings.provider,
            settings.threads,
            settings.precision,
        )
    except NotReproduced as e:
        return msgspec.structs.replace(line, verdict="INVALID", reasons=(f"golden: {e}",))
    with tagger:
        go_on(is_stopped)
        found = _about(tagger) | _times(tagger, settings, is_stopped)
    found |= _roof(settings.roofline, found, found.pop("work"))
    missing = (key for key in ("batch_ms", "energy", "others") if found[key] in (None, {}))
    notes = {key: NOTES[key] for key in missing}
    return msgspec.structs.replace(line, **found | {"notes": notes | found["notes"]})


def _about(tagger: Tagger) -> Found:
    """What runs, and whether it is right."""
    artifact, bundle = tagger.artifact, tagger.bundle
    key = f"{artifact.engine}/{artifact.precision}"
    counted = work(bundle.manifest.recipe)
    weights = sum(file.size_bytes for file in artifact.files)
    return {
        "engine": artifact.engine,
        "precision": artifact.precision,
        "provider": tagger.engine.partition("/")[2],
        "bundle": bundle.id,
        "artifact": artifact.files[0].sha256,
        "golden": Proof(*largest_difference(bundle, artifact, tagger.score)),
        "top1": {h.name: h.accuracy[key].top1 for h in tagger.heads if key in h.accuracy},
        "work": counted and (counted[0], weights + BYTES[artifact.precision] * counted[1]),
    }


def _times(tagger: Tagger, settings: BenchSettings, is_stopped: Stop) -> Found:
    """Times, and what the machine did meanwhile."""
    frame = scene(tagger.bundle, settings.seed)
    before, others, meter = read_power(), host.Others(), find_meter()
    with ExitStack() as stack:
        used = None if meter is None else stack.enter_context(Used(meter))
        begin, own = perf_counter(), process_time()
        taken = engine_alone(tagger, frame, settings.seconds, is_stopped)
        seconds, cpu_s = perf_counter() - begin, process_time() - own
    go_on(is_stopped)
    shown = frames(tagger, frame, settings.seconds / 2, is_stopped)
    batches = settings.batches if tagger.takes_batches else ()
    by = by_batch(tagger, frame, batches, settings.seconds / 2, is_stopped)
    share, after = others.share(), read_power()
    go_on(is_stopped)
    engine_ms, wandered = quantiles(taken), spread(taken)
    why = tuple(reasons(engine_ms, seconds, wandered, share, before, after))
    return {
        "engine_ms": engine_ms,
        "seconds": round(seconds, 2),
        "cpu_ms": round(cpu_s * 1e3 / (len(taken) + WARM_UP), 4),
        "frame": shown,
        "batch_ms": by,
        "spread": round(wandered, 4),
        "others": None if share is None else round(share, 4),
        "energy": None if used is None else _energy(used, len(taken) + WARM_UP),
        "power": (before, after),
        "verdict": "INVALID" if why else "VALID",
        "reasons": why,
    }


def _energy(used: Used, launches: int) -> Energy | None:
    if used.joules is None or used.watts is None:
        return None
    return Energy(used.source, round(used.watts, 3), round(used.joules / launches, 6))


def _roof(roofline: Roofline | None, found: Found, counted: tuple[int, int] | None) -> Found:
    peak = None if roofline is None else roofline.gmac_s(found["precision"])
    if roofline is None or peak is None:
        return {"notes": {"roof": NOTES["roof"]}}
    if counted is None:
        return {"notes": {"roof": NOTES["work"]}}
    ms = found["engine_ms"].p50
    share: Roof = roof(*counted, peak, roofline.memory_gb_s, ms)
    return {"roof": share, "notes": {}}
