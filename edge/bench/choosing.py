"""`--engine auto`: every installed engine is measured, the fastest that gives the golden answers is
kept, and remembered for this machine, these versions, this bundle.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from statistics import median
from time import perf_counter

import msgspec
import numpy as np

from edge.bench import host
from edge.bundle.read import open_bundle
from edge.engines import installed, pip_line
from edge.errors import EdgeError, EngineMissing, SinkError
from edge.homes import own_folder
from edge.store import make_folder, write_whole
from edge.strict import NOT_JSON, decoded
from edge.tagger import Tagger, open_tagger

log = logging.getLogger(__name__)

ROUNDS, WARM_UP = 40, 3  # launches of each engine, in turns
LONGEST_S = 10.0  # of measuring: a slow board makes fewer rounds
KEPT = 32  # choices, the latest
MOST_BYTES = 1 << 20
FILE = "engines.json"


class EngineChoice(msgspec.Struct, frozen=True):
    """What was chosen, and between what."""

    engine: str
    ms: dict[str, float]  # engine -> median of a launch
    refused: dict[str, str] = {}  # engine -> why it was not measured


class TaggerOptions(msgspec.Struct, frozen=True):
    """What the engines are to run."""

    bundle: str | None = None
    provider: str | None = None
    threads: int | None = None
    precision: str | None = None


def choose(options: TaggerOptions, cache: Path | None = None) -> str:
    """The name of the fastest engine. Says on the log what it chose, and why.

    cache: the folder where choices are remembered; None: the user's. Raises BundleError, and
    EngineMissing when none gives the golden answers.
    """
    file = (cache or own_folder("cache")) / FILE
    key, known = key_of(options), read_choices(file)
    choice = known.get(key)
    if choice is not None and choice.engine in installed():
        log.warning("engine %s", sentence(choice, "as measured before"))
        return choice.engine
    choice, how = measure(options), "measured now"
    with suppress(SinkError):  # then it is measured again the next time
        make_folder(file.parent)
        kept = [*known.items()][1 - KEPT :]
        write_whole(file, msgspec.json.encode({**dict(kept), key: choice}))
        how = f"measured now, remembered in {file}"
    log.warning("engine %s", sentence(choice, how))
    return choice.engine


def measure(options: TaggerOptions) -> EngineChoice:
    """Open every engine that is installed and in the bundle, and let them take turns."""
    with open_bundle(options.bundle) as bundle:
        offered = {artifact.engine for artifact in bundle.manifest.artifacts}
    with ExitStack() as stack:
        tried = {name: _opened(name, options) for name in installed() if name in offered}
        refused = {name: found for name, found in tried.items() if isinstance(found, str)}
        opened = {name: found for name, found in tried.items() if isinstance(found, Tagger)}
        for tagger in opened.values():
            stack.enter_context(tagger)
        if not opened:
            why = "; ".join(f"{name}: {reason}" for name, reason in refused.items())
            raise EngineMissing(
                f"--engine auto: no engine gives the golden answers ({why or 'none is installed'})",
                fix="edge-tag check" if refused else pip_line("onnxruntime"),
            )
        ms = _turns(opened, perf_counter)
    return EngineChoice(min(ms, key=ms.__getitem__), ms, refused)


def _opened(engine: str, options: TaggerOptions) -> Tagger | str:
    """The tagger, or why there is none."""
    try:
        return open_tagger(
            options.bundle, engine, options.provider, options.threads, options.precision
        )
    except EdgeError as e:
        return str(e)


def _turns(opened: dict[str, Tagger], clock: Callable[[], float]) -> dict[str, float]:
    taken: dict[str, list[float]] = {name: [] for name in opened}
    begin, names = clock(), list(opened)
    for turn in range(WARM_UP + ROUNDS):
        for name in names if turn % 2 else reversed(names):
            spec = opened[name].bundle.manifest.input
            batch = np.zeros((1, spec.height, spec.width, 3), np.uint8)
            taken[name].append(opened[name].launch(batch)[1])
        if turn > WARM_UP and clock() - begin > LONGEST_S:
            break
    return {name: round(median(ms[WARM_UP:]), 4) for name, ms in taken.items()}


def key_of(options: TaggerOptions) -> str:
    """Of everything that may change which is the fastest."""
    with open_bundle(options.bundle) as bundle:
        artifacts = [file.sha256 for a in bundle.manifest.artifacts for file in a.files]
    machine = host.machine()
    found = {
        "board": host.board(),
        "processor": [machine.processor, machine.flags, machine.cores],
        "versions": host.versions(),
        "bundle": artifacts,
        "asked": [options.provider, options.threads, options.precision],
    }
    return hashlib.sha256(msgspec.json.encode(found)).hexdigest()


def read_choices(file: Path) -> dict[str, EngineChoice]:
    """By key. Empty where the file is missing, too large, or none of ours: it only saves time."""
    try:
        with file.open("rb") as opened:
            return decoded(opened.read(MOST_BYTES), dict[str, EngineChoice])
    except (OSError, *NOT_JSON):
        return {}


def sentence(choice: EngineChoice, how: str) -> str:
    """`openvino: 2.3 ms a launch; onnxruntime 3.8 ms, tflite 4.3 ms (measured now)`."""
    others = [f"{name} {ms:.2f} ms" for name, ms in choice.ms.items() if name != choice.engine]
    others += [f"{name} refused: {why}" for name, why in choice.refused.items()]
    beside = f"; {', '.join(others)}" if others else "; no other is here"
    return f"{choice.engine}: {choice.ms[choice.engine]:.2f} ms a launch{beside} ({how})"
