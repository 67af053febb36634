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

WARM_UP = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("engine")
    parser.add_argument("launches", type=int)
    args = parser.parse_args()
    with open_bundle(DEFAULT) as bundle:
        files = [bundle.read(file) for file in bundle.artifact(args.engine).files]
        spec = bundle.manifest.input
    engine = open_engine(args.engine, files, threads=1)
    batch = np.random.default_rng(0).integers(0, 256, (1, spec.height, spec.width, 3), np.uint8)
    taken = []
    for _ in range(WARM_UP + args.launches):
        begin = perf_counter()
        engine.run(batch)
        taken.append((perf_counter() - begin) * 1e3)
    least, p5, median = np.percentile(taken[WARM_UP:], (0, 5, 50)).tolist()
    sys.stdout.buffer.write(msgspec.json.encode({"least": least, "p5": p5, "median": median}))


if __name__ == "__main__":
    main()
