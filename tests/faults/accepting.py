"""A process that accepts events until it is killed, and says on fd 1 what it tried and accepted.

    python -m tests.faults.accepting OUTBOX ROUND

Lines are a letter and a number: `t` so many were tried, `a` accepted under this number, `x` about
to acknowledge up to this number, `d` did so.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

from edge.outbox.box import Outbox
from edge.outbox.ledger import Limits
from tests.happenings import event

KINDS = ("new", "update", "end")


def accept_for_ever(path: Path, round_: int) -> None:
    """Events are named by the round and a count: what was never tried is told apart."""
    rng = random.Random(round_)
    outbox = Outbox(path, ("a",), Limits())
    count = 0
    while True:
        batch = [event(round_ * 10**6 + count + n, rng.choice(KINDS)) for n in range(3)]
        count += len(batch)
        say("t", count)
        for seq in outbox.accept(batch):
            say("a", seq)
        if rng.random() < 0.3 and (owed := outbox.owed("a", rng.randint(1, 5))):
            say("x", owed[-1].seq)
            outbox.acknowledge("a", owed[-1].seq)
            say("d", owed[-1].seq)


def say(what: str, number: int) -> None:
    os.write(1, f"{what} {number}\n".encode())


if __name__ == "__main__":
    accept_for_ever(Path(sys.argv[1]), int(sys.argv[2]))
