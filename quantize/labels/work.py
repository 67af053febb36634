"""The work: read pictures ahead, let the teacher look, write a shard when it is full."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import msgspec
import numpy as np

from edge.errors import SourceError
from edge.records import F32, U8
from quantize.contents import size_bytes
from quantize.errors import WorkshopError
from quantize.labels.job import Job
from quantize.labels.manifest import LeftOut
from quantize.labels.shards import Shard, write_shard
from quantize.pictures import Sample
from quantize.teachers import Teacher

AHEAD = 2  # batches read beyond the one that is looked at


class Read(msgspec.Struct, frozen=True, eq=False):
    """A batch from disk."""

    number: int  # of its shard
    is_last: bool  # in its shard
    keys: list[str]
    pictures: list[U8]  # fitted
    left_out: list[LeftOut]
    sizes: dict[str, int]  # key -> bytes of the file


def work(job: Job, numbers: Iterable[int], teacher: Teacher, tell: Callable[[int], object]) -> None:
    """Make these shards. `tell` hears how many pictures are done, a batch at a time.

    Raises DiskError when the disk is full, WorkshopError when the pictures' folder is gone or the
    teacher gives numbers that are none.
    """
    soft: dict[str, F32] = {}
    embedding: dict[str, F32] = {}
    left_out: list[LeftOut] = []
    sizes: dict[str, int] = {}
    for batch in _read_ahead(job, numbers, teacher):
        left_out += batch.left_out
        sizes |= batch.sizes
        if batch.pictures:
            logits, embedded = _looked(teacher, batch)
            soft |= zip(batch.keys, logits)
            embedding |= zip(batch.keys, embedded) if embedded is not None else {}
        if batch.is_last:
            write_shard(Shard(soft, embedding, left_out, sizes), job.out, batch.number)
            soft, embedding, left_out, sizes = {}, {}, [], {}
        tell(len(batch.pictures) + len(batch.left_out))


def _read_ahead(job: Job, numbers: Iterable[int], teacher: Teacher) -> Iterator[Read]:
    """Batches in order, read in threads while the teacher looks: OpenCV lets go of Python."""
    waiting: deque[Future[Read]] = deque()
    with ThreadPoolExecutor(AHEAD) as readers:
        for number, is_last, samples in _batches(job, numbers):
            waiting.append(readers.submit(_read, job, number, is_last, samples, teacher))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _batches(job: Job, numbers: Iterable[int]) -> Iterator[tuple[int, bool, tuple[Sample, ...]]]:
    for number in numbers:
        samples = job.of(number)
        for start in range(0, len(samples), job.batch):
            end = start + job.batch
            yield number, end >= len(samples), samples[start:end]


def _read(
    job: Job, number: int, is_last: bool, samples: tuple[Sample, ...], teacher: Teacher
) -> Read:
    done = Read(number, is_last, [], [], [], {})
    for sample in samples:
        found = _fitted(job, sample, teacher)
        if isinstance(found, LeftOut):
            done.left_out.append(found)
        else:
            done.keys.append(sample.key)
            done.pictures.append(found)
            done.sizes[sample.key] = size_bytes(sample.file) or 0
    return done


def _fitted(job: Job, sample: Sample, teacher: Teacher) -> U8 | LeftOut:
    try:
        return teacher.fit(teacher.read(sample))
    except SourceError as e:
        return LeftOut(sample.key, str(e))
    except FileNotFoundError:
        return LeftOut(sample.key, _gone(job, sample))
    except OSError as e:  # a disk or a network that fails now, and may not tomorrow
        raise WorkshopError(
            sample.file, f"cannot be read ({e.strerror})", "a picture", "run it again"
        ) from e


def _gone(job: Job, sample: Sample) -> str:
    if not job.images.is_dir():
        raise WorkshopError(
            job.images, "the folder is gone", "it to stay while it is labelled", "mount it again"
        )
    return f"{sample.file}: file is missing"


def _looked(teacher: Teacher, batch: Read) -> tuple[F32, F32 | None]:
    logits, embedding = teacher.look(batch.pictures)
    for what in (logits, embedding):
        if what is not None and not np.isfinite(what).all():
            bad = int(np.argmax(~np.isfinite(what).all(1)))
            raise WorkshopError(
                batch.keys[bad],
                "the teacher gives numbers that are none (overflow)",
                "finite logits",
                "--precision bf16 or fp32",
            )
    return logits, embedding
