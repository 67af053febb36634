"""What it saves the workshop to keep the memory that torch frees: `python -m benchmarks.allocator`.

A student answers batches of pictures and learns from them, in turns by a process that keeps its
memory (`quantize.allocator`) and one that does not. Pictures a second, their ratio and the largest
size go into benchmarks/results/allocator.json.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any

import msgspec
from tqdm import tqdm

from benchmarks.machine import RESULTS, about, write_json

STUDENT = "mobilenet_v2"
SIDE = 224  # px
KINDS = ("kept", "handed back")


class Measured(msgspec.Struct, frozen=True):
    """One process."""

    answers: float  # pictures a second
    lessons: float  # pictures a second, forward and backward
    mb: float  # at its largest


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=64, help="pictures (default 64)")
    parser.add_argument("--repeats", type=int, default=3, help="processes of a kind (default 3)")
    parser.add_argument("--as", dest="kind", choices=KINDS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.kind:
        sys.stdout.buffer.write(msgspec.json.encode(measured(args.kind == KINDS[0], args.batch)))
        return
    found = about("memory that torch frees", None)
    turns = tqdm([kind for _ in range(args.repeats) for kind in KINDS], disable=None)
    seen = [(kind, _elsewhere(kind, args.batch)) for kind in turns]
    found |= {"student": STUDENT, "side_px": SIDE, "batch": args.batch} | summary(seen)
    write_json(RESULTS / "allocator.json", found)
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(found["ratios"])).decode() + "\n")


def summary(seen: list[tuple[str, Measured]]) -> dict[str, Any]:
    """Medians by kind, and kept / handed back."""
    middle = {
        kind: {
            name: round(statistics.median(getattr(one, name) for k, one in seen if k == kind), 1)
            for name in Measured.__struct_fields__
        }
        for kind in KINDS
    }
    kept, back = (middle[kind] for kind in KINDS)
    return {**middle, "ratios": {name: round(kept[name] / back[name], 2) for name in kept}}


def measured(is_kept: bool, batch: int) -> Measured:
    """In this process."""
    import torch

    from quantize.allocator import keep_freed
    from quantize.students import Student

    if is_kept and not keep_freed():
        raise SystemExit("this C library has no such options: glibc has")
    student = Student({"products": 100}, STUDENT).to(memory_format=torch.channels_last)
    pictures = torch.randn(batch, 3, SIDE, SIDE).contiguous(memory_format=torch.channels_last)

    def answer() -> None:
        with torch.inference_mode():
            student.eval()(pictures)

    def learn() -> None:
        student.train()(pictures)["products"].logsumexp(1).mean().backward()
        student.zero_grad()

    rates = [batch / _seconds(step) for step in (answer, learn)]
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Measured(*rates, largest)


def _seconds(step: Callable[[], None], times: int = 4) -> float:
    """The median of some, after one that is not counted."""
    step()
    taken = []
    for _ in range(times):
        start = perf_counter()
        step()
        taken.append(perf_counter() - start)
    return statistics.median(taken)


def _elsewhere(kind: str, batch: int) -> Measured:
    words = [sys.executable, "-m", "benchmarks.allocator", "--batch", str(batch), "--as", kind]
    done = subprocess.run(words, check=True, capture_output=True)
    return msgspec.json.decode(done.stdout, type=Measured)


if __name__ == "__main__":
    main()
