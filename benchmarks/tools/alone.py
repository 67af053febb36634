"""Our engine and nothing else, as a process beside a peer's own tool.

`python -m benchmarks.tools.alone ENGINE N` prints JSON: what `edge-tag bench` takes for the time of
a launch, N times, after a warm-up.
"""

from __future__ import annotations

import argparse
import sys
from time import perf_counter

import msgspec
import numpy as np

from edge.bundle import DEFAULT, open_bundle
from edge.engines import open_engine
from edge.records import U8

WARM_UP = 5


def given(engine: str) -> tuple[list[bytes], U8]:
    """The artifact of the bundle that ships, and a picture of noise as it takes it."""
    with open_bundle(DEFAULT) as bundle:
        files = [bundle.read(file) for file in bundle.artifact(engine).files]
        spec = bundle.manifest.input
    draw = np.random.default_rng(0)
    return files, draw.integers(0, 256, (1, spec.height, spec.width, 3), np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("engine")
    parser.add_argument("launches", type=int)
    args = parser.parse_args()
    files, batch = given(args.engine)
    engine = open_engine(args.engine, files, threads=1)
    taken = []
    for _ in range(WARM_UP + args.launches):
        begin = perf_counter()
        engine.run(batch)
        taken.append((perf_counter() - begin) * 1e3)
    least, p5 = np.percentile(taken[WARM_UP:], (0, 5)).tolist()
    sys.stdout.buffer.write(msgspec.json.encode({"least": least, "p5": p5}))


if __name__ == "__main__":
    main()
