"""A labelling job: which pictures, which teacher, in which shards.

A shard is the unit of work: its pictures are looked at in the same batches whoever does it, so one
process, many, and a run that was killed and begun again all write the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from quantize.contents import SIZES, sizes_digest
from quantize.labels.shards import is_whole
from quantize.pictures import Sample, by_key
from quantize.teachers import Request


class Job(msgspec.Struct, frozen=True):
    """What is to be done; the same in every process that helps."""

    request: Request
    images: Path  # the folder: when it is gone, pictures are not "left out"
    samples: tuple[Sample, ...]  # in the order of their keys
    out: Path
    batch: int  # pictures a look
    shard: int  # pictures a shard

    @property
    def shards(self) -> int:
        return -(-len(self.samples) // self.shard)

    def of(self, number: int) -> tuple[Sample, ...]:
        """The pictures of a shard."""
        return self.samples[number * self.shard : (number + 1) * self.shard]


def in_order(samples: Sequence[Sample]) -> tuple[Sample, ...]:
    """Sorted by key; what stands in two splits is looked at once.

    Raises WorkshopError when two pictures have one key.
    """
    found = by_key(samples)
    return tuple(found[key] for key in sorted(found))


def missing(job: Job, rank: int = 0, world: int = 1) -> list[int]:
    """The shards that process `rank` of `world` has to make: those that are not there yet."""
    return [
        number
        for number in range(rank, job.shards, world)
        if not is_whole(job.out, number, [s.key for s in job.of(number)])
    ]


def digest_of(samples: Sequence[Sample]) -> str:
    """SHA-256 of the keys, and that of the files' sizes: other pictures are another job."""
    found = hashlib.sha256()
    for sample in samples:
        found.update(sample.key.encode() + b"\n")
    sizes = sizes_digest(("", file) for file in dict.fromkeys(s.file for s in samples))
    return f"{found.hexdigest()}{SIZES}{sizes}"
