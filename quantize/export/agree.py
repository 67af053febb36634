"""Does a file compute what the student does? At batch 1, 2 and 3: each can be silently wrong.

Exporters have baked a batch of 1, or of the example's 2, into a reshape: right at that size, wrong
at the others, and nothing raised.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from edge.engines import open_engine
from edge.errors import EdgeError
from edge.records import F32, U8
from quantize.errors import WorkshopError
from quantize.export.deployed import Deployed

BATCHES = (1, 2, 3)
TOLERANCE = 1e-3  # of an output's largest value, or of 1; exporters were seen within 1e-5


def differences(
    model: Deployed, engine: str, files: Sequence[bytes], pictures: U8
) -> dict[int, float]:
    """Batch -> largest difference of any output, in shares of that output's largest (at least 1).

    pictures: (3 or more, H, W, 3). inf where the engine raises, or gives another shape or no
    number. Raises EdgeError when the files do not open.
    """
    opened = open_engine(engine, files, threads=1)
    with torch.no_grad():
        outputs = model.eval()(torch.from_numpy(pictures[: max(BATCHES)]))
    wanted = dict(zip(model.names, (t.numpy() for t in outputs)))
    found = {}
    for n in BATCHES:
        try:
            rows = opened.run(pictures[:n])
        except EdgeError:
            found[n] = math.inf
            continue
        got = dict(zip(model.names, (rows[o.name] for o in opened.outputs)))
        found[n] = _largest(got, {name: rows[:n] for name, rows in wanted.items()})
    opened.close()
    return found


def _largest(got: Mapping[str, F32], wanted: Mapping[str, F32]) -> float:
    worst = 0.0
    for name, exact in wanted.items():
        if name not in got or got[name].shape != exact.shape or not np.isfinite(got[name]).all():
            return math.inf
        scale = max(1.0, float(np.abs(exact).max()))
        worst = max(worst, float(np.abs(got[name] - exact).max()) / scale)
    return worst


def check(
    model: Deployed, engine: str, files: Sequence[bytes], pictures: U8, where: object
) -> dict[int, float]:
    """`differences`, refused where one is over TOLERANCE.

    Raises WorkshopError that names the engine, the batch and the difference.
    """
    try:
        found = differences(model, engine, files, pictures)
    except EdgeError as e:
        raise WorkshopError(
            where, f"{engine} does not open it ({e})", "a float artifact", "export again"
        ) from e
    for n, difference in found.items():
        if not difference <= TOLERANCE:
            raise WorkshopError(
                where,
                f"{engine} at batch {n} computes something else than the student: "
                + (f"off by {difference:.2g}" if math.isfinite(difference) else "it does not run"),
                f"at most {TOLERANCE} of the largest output",
                "export again; at another batch alone, look for a size fixed in a reshape",
            )
    return found
