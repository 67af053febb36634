"""Does memory grow? `python -m benchmarks.soak`: edge-tag at a camera for many frames, watched.

A process as a user runs it: a config file, every usual sink (JSON Lines and CSV with rotation,
events, snapshots with retention, MQTT to a real mosquitto), metrics read again and again. Now and
then the broker goes away and comes back, Home Assistant says that it was born, and the config is
read again. 200,000 frames of a clip with the null engine; 5,000 of a camera over HTTP with a real
one and the bundle that ships.

Writes benchmarks/results/soak.json and .svg. Exit code 6 when memory, files or threads grew, or the
run was too short to tell.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import msgspec
import numpy as np
from tqdm import tqdm

from benchmarks.brokers import MOSQUITTO, Broker, Listener, free_port
from benchmarks.machine import RESULTS, ROOT, load_average, machine, write_json
from benchmarks.soak_plot import plot
from benchmarks.soak_stream import camera, clip, encoded
from benchmarks.soak_watch import MOST_MB, WARM, Sample, warmed, watched
from edge.errors import CheckFailed
from edge.records import U8
from tests.tiny import PAINTS, write_glancing

FRAMES = {"null": 200_000, "real": 5_000}
SAMPLES = 400
FILES = {"*.jsonl*": 6, "*.csv*": 3, "pictures/*/*.jpg": 61}  # that may be there at the end

CONFIG = """
bundle = "{bundle}"
engine = "{engine}"
threads = 1
budget_ms = {budget_ms}
outbox = "{folder}/outbox.db"
[[cameras]]
name = "door"
url = "{url}"
privacy = [[[0, 0], [0.1, 0], [0.1, 0.1]]]
ignore = [[[0.9, 0.9], [1, 0.9], [1, 1]]]
[cameras.zones]
left = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]
[targets]
tags = "jsonl:{folder}/tags.jsonl#max-mb=1,keep=2"
rows = "csv:{folder}/tags.csv#max-mb=1,keep=2"
events = "events:{folder}/events.jsonl#max-mb=1,keep=2"
pictures = "snapshots:{folder}/pictures#files=60,of=both"
broker = "mqtt://127.0.0.1:{port}/soak"
"""


class Grown(msgspec.Struct, frozen=True):
    """What is there at the end more than after the warm-up: medians of a tenth of the samples."""

    rss_mb: float
    peak_mb: float  # the most after the warm-up, above what was there after it
    fds: float
    threads: float


def grown(samples: Sequence[Sample], warm: int) -> Grown | None:
    """None for a run that ended too soon to have both tenths after its warm-up.

    samples: in the order taken; warm: frames of the warm-up.
    """
    tenth, first = len(samples) // 10, warmed([sample.frames for sample in samples], warm)
    if not tenth or first + 2 * tenth > len(samples):
        return None
    begin, end = samples[first : first + tenth], samples[-tenth:]

    def more(of: Callable[[Sample], float]) -> float:
        return median(map(of, end)) - median(map(of, begin))

    base = median(s.rss_mb for s in begin)
    peak = max(s.rss_mb for s in samples[first:]) - base
    return Grown(more(lambda s: s.rss_mb), peak, more(lambda s: s.fds), more(lambda s: s.threads))


def faults(found: Grown | None, folder: Path) -> list[str]:
    """What grew that may not. folder: of the sinks' files."""
    if found is None:
        return ["the run is too short to tell what grew, expected twice a tenth of its samples "
                "after the warm-up"]  # fmt: skip
    grew = [("threads", found.threads), ("open files", found.fds)]
    told = [f"{what} grew by {by:g}, expected 1 at most" for what, by in grew if by > 1]
    if found.rss_mb >= MOST_MB:
        told.append(f"memory grew by {found.rss_mb:.2f} MB, expected less than {MOST_MB:g}")
    for pattern, most in FILES.items():
        count = len(list(folder.glob(pattern)))
        if not 0 < count <= most:
            told.append(f"{count} files {pattern}, expected 1 to {most}")
    return told


def soak(
    kind: str,
    frames: int,
    folder: Path,
    command: Sequence[str] = (sys.executable, "-m", "edge"),
    count: int = SAMPLES,
) -> Iterator[Sample]:
    """About `count` samples of a run. kind: of `FRAMES`; folder: empty."""
    broker, health = Broker(folder), f"127.0.0.1:{free_port()}"
    try:
        broker.start()
        with (_null if kind == "null" else _real)(folder, frames) as given:
            file = folder / "edge.toml"
            file.write_text(CONFIG.format(folder=folder, port=broker.port, **given), "utf-8")
            words = [*command, "run", "--config", str(file), "--health", health, "-q"]
            every = max(1, frames // count)
            yield from watched(words, health, frames, every, _Happenings(broker))
    finally:
        broker.stop()


class _Happenings:
    """What happens to a service within a year, every few samples."""

    def __init__(self, broker: Broker) -> None:
        self._broker, self._count = broker, 0

    def __call__(self, sample: Sample, process: subprocess.Popen[bytes]) -> None:
        self._count += 1
        turn = self._count % 20
        if turn == 5:
            process.send_signal(signal.SIGHUP)  # the config is read again
        elif turn == 10:
            with closing(Listener(self._broker.port, "nothing")) as home:
                home.say("homeassistant/status", b"online")
        elif turn == 15:
            self._broker.stop()
        elif turn == 16:
            self._broker.start()


@contextmanager
def _null(folder: Path, frames: int) -> Iterator[dict[str, object]]:
    """A clip of coloured things that come, move and go, longer than it takes."""
    packets = encoded(list(coloured(np.random.default_rng(7))))
    file = clip(folder / "clip.mp4", packets, frames + 20_000)
    bundle = write_glancing(folder / "bundle")
    yield {"bundle": bundle, "engine": "null", "budget_ms": 2, "url": file}


def coloured(rng: np.random.Generator) -> Iterator[U8]:
    for _ in range(12):
        things = [
            (rng.choice(["red", "green", "blue"]), *rng.integers(0, 40, 2), rng.integers(-1, 2))
            for _ in range(rng.integers(0, 4))
        ]
        for n in range(50):
            frame = np.full((64, 96, 3), 90, np.uint8)
            for colour, x, y, speed in things:
                at = int(x + speed * n // 2)
                cv2.rectangle(frame, (at, int(y)), (at + 30, int(y) + 24), PAINTS[colour], -1)
            yield frame


@contextmanager
def _real(folder: Path, frames: int) -> Iterator[dict[str, object]]:
    """A camera over a belt, and the bundle that ships."""
    scenes = []
    belt = cv2.VideoCapture(str(ROOT / "calib_data" / "demo" / "belt.mp4"))
    while (read := belt.read())[0]:
        small = cv2.resize(read[1], (480, 270), interpolation=cv2.INTER_AREA)
        scenes.append(np.ascontiguousarray(small[..., ::-1]))
    belt.release()
    with camera(encoded(scenes), 25.0) as url:
        bundle = ROOT / "edge" / "bundles" / "default"
        yield {"bundle": bundle, "engine": "onnxruntime", "budget_ms": 60, "url": url}


def _run(kind: str, frames: int) -> list[str]:
    """What grew. Ctrl-C ends it, and what was seen so far is kept, however it ends."""
    said, samples = machine(), list[Sample]()
    with TemporaryDirectory(prefix="edge-tag-soak-") as name:
        try:
            with suppress(KeyboardInterrupt), tqdm(total=frames, unit=" frames") as bar:
                for sample in soak(kind, frames, Path(name)):
                    samples.append(sample)
                    bar.update(sample.frames - bar.n)
        finally:
            if samples:
                _keep(kind, result := _seen(said, frames, samples))
        told = faults(found := grown(samples, WARM[kind]), Path(name))
    if samples:
        _keep(kind, result | {"grown": msgspec.to_builtins(found), "faults": told})
    return told


def _seen(said: dict[str, Any], frames: int, samples: Sequence[Sample]) -> dict[str, Any]:
    """Of a run, not judged yet."""
    return {
        "machine": said,
        "load at the end": load_average(),
        "frames": samples[-1].frames,
        "frames wanted": frames,
        "seconds": samples[-1].at_s,
        "grown": None,
        "most_mb": MOST_MB,
        "faults": [],
        "samples": msgspec.to_builtins(samples),
    }


def _keep(kind: str, result: dict[str, Any]) -> None:
    """Beside the run of the other kind."""
    file = RESULTS / "soak.json"
    runs = (msgspec.json.decode(file.read_bytes()) if file.exists() else {}) | {kind: result}
    write_json(file, {name: runs[name] for name in FRAMES if name in runs})
    (RESULTS / "soak.svg").write_text(plot(runs), "utf-8")


def main(argv: Sequence[str] | None = None) -> int:
    """Both soaks, or the one that is named; gives the exit code."""
    parser = argparse.ArgumentParser(description="Does memory grow?")
    parser.add_argument("kinds", nargs="*", metavar="KIND", help="null, real (default: both)")
    parser.add_argument("--frames", type=int, metavar="N", help="instead of the usual number")
    flags = parser.parse_args(argv)
    if unknown := sorted({*flags.kinds} - {*FRAMES}):
        parser.error(f"KIND {', '.join(unknown)} is unknown, expected some of {', '.join(FRAMES)}")
    if flags.frames is not None and flags.frames < 1:
        parser.error("--frames must be 1 or more")
    if MOSQUITTO is None:
        raise SystemExit("needs mosquitto: apt-get install mosquitto")
    told = [
        f"{kind}: {fault}"
        for kind in flags.kinds or FRAMES
        for fault in _run(kind, flags.frames or FRAMES[kind])
    ]
    for fault in told:
        sys.stderr.write(f"soak: {fault}\n")
    return CheckFailed.exit_code if told else 0


if __name__ == "__main__":
    sys.exit(main())
