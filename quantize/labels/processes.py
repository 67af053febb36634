"""The work shared out over processes of this machine: process r makes the shards r, r + n, ..."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

import msgspec

from edge.errors import EdgeError
from quantize.errors import DiskError, WorkshopError
from quantize.labels.job import Job, missing
from quantize.labels.work import work
from quantize.teachers import Description, open_teacher
from quantize.teachers.torch_device import count_cuda


class News(msgspec.Struct, frozen=True):
    """What a process tells its parent."""

    seen: int = 0  # pictures
    about: Description | None = None
    error: tuple[str, str, int] | None = None  # message, fix and exit code
    crash: str = ""  # a traceback: our mistake


def by_processes(job: Job, count: int, tell: Callable[[int], object]) -> Description | None:
    """Make what is missing with `count` processes; the teacher's description if one opened it.

    Raises WorkshopError as `work` does, and when a process is killed; what is written stays.
    """
    context = multiprocessing.get_context("spawn")  # CUDA does not survive a fork
    pipes, processes = [], []
    for rank in range(count):
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=_process, args=(job, rank, count, there), daemon=True)
        process.start()
        there.close()  # else the pipe would never end
        pipes.append(here)
        processes.append(process)
    try:
        return _listen(pipes, processes, tell)
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _listen(
    pipes: list[Connection], processes: list[SpawnProcess], tell: Callable[[int], object]
) -> Description | None:
    about, open_pipes = None, list(pipes)
    while open_pipes:
        for pipe in wait(open_pipes):
            assert isinstance(pipe, Connection)
            try:
                news: News = pipe.recv()
            except EOFError:
                open_pipes.remove(pipe)
                _check_end(processes[pipes.index(pipe)], pipes.index(pipe))
                continue
            _raise_error(news)
            about = news.about or about
            tell(news.seen)
    return about


def _raise_error(news: News) -> None:
    if news.error:
        raise refused(*news.error)
    if news.crash:
        raise RuntimeError(f"a labelling process failed:\n{news.crash}")


def refused(message: str, fix: str, exit_code: int) -> EdgeError:
    """An error of another process: its words are put together already."""
    if exit_code == DiskError.exit_code:
        return DiskError(message, fix=fix)
    error = WorkshopError.__new__(WorkshopError)
    EdgeError.__init__(error, message, fix=fix)
    return error


def _check_end(process: SpawnProcess, rank: int) -> None:
    process.join()
    if process.exitcode:
        raise WorkshopError(
            f"labelling process {rank}",
            f"ended with {process.exitcode} (-9: killed, often for want of memory)",
            "0",
            "fewer --workers or a smaller --batch; the same command goes on where it was stopped",
        )


def _process(job: Job, rank: int, world: int, pipe: Connection) -> None:
    """What a process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent ends the rest
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        if todo := missing(job, rank, world):
            teacher = open_teacher(on_own_device(job, rank).request)
            pipe.send(News(about=teacher.about))
            work(job, todo, teacher, lambda count: pipe.send(News(seen=count)))
    except EdgeError as e:
        pipe.send(News(error=(str(e), e.fix, e.exit_code)))
    except Exception:
        pipe.send(News(crash=traceback.format_exc()))


def on_own_device(job: Job, rank: int) -> Job:
    """The job for one process of many: GPUs are shared out in turn."""
    if job.request.device != "cuda":
        return job
    device = f"cuda:{rank % max(1, count_cuda())}"
    return msgspec.structs.replace(job, request=msgspec.structs.replace(job.request, device=device))


def _end_with_parent() -> None:
    """A parent that is killed cannot end its children; they would work on beside the next run."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
