"""The work shared out by Ray Data: over the cores and GPUs of this machine, or of a cluster.

A row is the number of a shard; an actor opens the teacher once and makes the shards it is given.
On a cluster the pictures and the folder must be on storage that all machines see.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import numpy as np
import ray
import ray.data

from edge.errors import EdgeError
from quantize.errors import WorkshopError
from quantize.labels.job import Job
from quantize.labels.processes import refused
from quantize.labels.work import work
from quantize.teachers import Description, open_teacher

Rows = dict[str, np.ndarray[Any, Any]]


def fitting(device: str, threads: int) -> int:
    """How many actors Ray's cluster has room for, at a GPU or `threads` each."""
    _join()
    has = ray.cluster_resources()
    return int(has.get("GPU", 0)) if device == "cuda" else int(has.get("CPU", 0)) // threads


def by_ray(
    job: Job, numbers: Iterable[int], count: int, tell: Callable[[int], object]
) -> Description | None:
    """Make these shards with up to `count` actors; the teacher's description.

    Raises WorkshopError as `work` does, and when the cluster has no room; what is written stays.
    """
    device, threads = job.request.device, job.request.threads
    room = fitting(device, threads)
    if not room:
        found = f"Ray has {ray.cluster_resources()}"
        expected = "a GPU" if device == "cuda" else f"{threads} CPUs, one a thread"
        raise WorkshopError("--ray", found, expected, "--device cpu, or fewer --threads")
    rows = [{"shard": number} for number in numbers]
    is_cuda = device == "cuda"
    needs = {"num_gpus": 1} if is_cuda else {"num_cpus": job.request.threads}
    done = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
        Labeller,
        fn_constructor_args=(job,),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=min(count, room, len(rows))),
        **needs,
    )
    about = None
    for row in done.iter_rows():
        if row["error"]:
            raise refused(row["error"], row["fix"], int(row["exit_code"]))
        about = about or msgspec.json.decode(row["about"], type=Description)
        tell(int(row["pictures"]))
    return about


class Labeller:
    """An actor: one open teacher."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._teacher: Any = None

    def __call__(self, batch: Rows) -> Rows:
        """(1,) shard -> (1,) pictures seen, the teacher's description, an error and its fix."""
        number, about = int(batch["shard"][0]), b"null"
        try:
            self._teacher = self._teacher or open_teacher(self._job.request)
            about = msgspec.json.encode(self._teacher.about)
            work(self._job, [number], self._teacher, lambda _: None)
        except EdgeError as e:  # as a row: Ray would wrap it, and try again
            return _row(number, 0, about, e)
        return _row(number, len(self._job.of(number)), about)


def _row(number: int, pictures: int, about: bytes, error: EdgeError | None = None) -> Rows:
    values = {
        "shard": number,
        "pictures": pictures,
        "about": about.decode(),
        "error": str(error or ""),
        "fix": error.fix if error else "",
        "exit_code": error.exit_code if error else 0,
    }
    return {key: np.array([value]) for key, value in values.items()}


def _join() -> None:
    """The cluster that RAY_ADDRESS names or that runs here, or one of our own."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report to its makers
    if not ray.is_initialized():
        ray.init(include_dashboard=False, log_to_driver=False, logging_level="error")
    ray.data.DataContext.get_current().enable_progress_bars = False
