"""Several GPUs or hosts: `torchrun --nproc-per-node 4 -m quantize -- distill ...`.

Every process holds the whole student, sees its part of each batch, and averages gradients with the
others (data parallel, PyTorch's DDP): gloo on CPUs, nccl on GPUs. A batch is as large as it is
without torchrun, and its parts together are that batch, so learning rate and result stay. Batch
norms are shared too. Only the first process writes; on several hosts `--out` is a folder that all
of them see.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import msgspec
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from quantize.errors import WorkshopError
from quantize.training.shared_norm import mean_of, share_norms

T = TypeVar("T")
TORCHRUN = ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
PATIENCE = timedelta(hours=2)  # the others wait while the first one judges and writes


class Group(msgspec.Struct, frozen=True):
    """The processes that train one student together, and which of them this is."""

    device: str = "cpu"
    rank: int = 0
    world: int = 1

    @property
    def is_first(self) -> bool:
        """The one that writes, judges and speaks."""
        return self.rank == 0

    @property
    def quiet(self) -> bool | None:
        """For tqdm's `disable`: one bar for all, and none where nobody watches."""
        return None if self.is_first else True

    def part(self, batch: T) -> T:
        """This process's rows of a batch: an array, a tensor, a list, or a record or dict of them.

        The parts of all processes, one after the other, are the batch. Raises WorkshopError when
        it cannot be divided.
        """
        if batch is None or self.world == 1:
            return batch
        if isinstance(batch, msgspec.Struct):
            return type(batch)(
                **{k: self.part(v) for k, v in msgspec.structs.asdict(batch).items()}
            )
        if isinstance(batch, dict):
            return {k: self.part(v) for k, v in batch.items()}  # type: ignore[return-value]
        rows: Any = batch
        _check_divides(len(rows), self.world)
        count = len(rows) // self.world
        return rows[self.rank * count : (self.rank + 1) * count]  # type: ignore[no-any-return]

    def once(self, work: Callable[[], T]) -> T:
        """Do `work` in the first process while the others wait; all get what it returned."""
        if self.world == 1:
            return work()
        said = [work() if self.is_first else None]
        dist.broadcast_object_list(said, src=0)
        return said[0]  # type: ignore[return-value]

    def wait(self) -> None:
        """Until all are here."""
        if self.world > 1:
            dist.barrier()

    def agree(self, where: object, found: int) -> None:
        """Raises WorkshopError in every process when not all of them found the same number."""
        if self.world == 1:
            return
        every: list[Any] = [None] * self.world
        dist.all_gather_object(every, found)
        if len(set(every)) > 1:
            raise WorkshopError(
                where,
                f"processes see {' and '.join(map(str, sorted(set(every))))}",
                "the same in all of them",
                "give a folder that all hosts share",
            )

    def wrap(self, step: nn.Module) -> nn.Module:
        """`step` (a batch in, the loss out) such that its backward pass averages the gradients.

        The weights of the first process go to all. Alone, `step` itself.
        """
        if self.world == 1:
            return step
        share_norms(step)
        # Static: the same weights are used in every step, though perhaps not all of them.
        return DistributedDataParallel(step, static_graph=True)

    def mean(self, value: Tensor) -> float:
        """Of all processes' values of one number."""
        value = value.detach().double()
        return float(mean_of(value) if self.world > 1 else value)


ALONE = Group()


class Step(nn.Module):
    """A model and its loss as one module: what happens in a step is one forward pass, so the loss
    may call the model as often and in as many ways as it likes."""

    def __init__(self, model: nn.Module, loss: Callable[[Any, Any], Tensor]) -> None:
        super().__init__()
        self.model, self.loss = model, loss

    def forward(self, batch: Any) -> Tensor:
        return self.loss(self.model, batch)


@contextmanager
def process_group(device: str = "auto") -> Iterator[Group]:
    """The group that torchrun started this process in, or a group of one. `auto`: cuda when there.

    Raises WorkshopError when the device is not there, or half of torchrun's environment is.
    """
    asked = device_of(device)
    if "WORLD_SIZE" not in os.environ:
        yield Group(asked)
        return
    _check_environment()
    kind = asked.split(":")[0]
    mine = f"cuda:{os.environ['LOCAL_RANK']}" if kind == "cuda" else kind
    if kind == "cuda":
        torch.cuda.set_device(mine)
        dist.init_process_group("nccl", timeout=PATIENCE, device_id=torch.device(mine))
    else:
        dist.init_process_group("gloo", timeout=PATIENCE)
    try:
        yield Group(mine, dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


def device_of(asked: str) -> str:
    """`auto`: cuda when there is one. Raises WorkshopError for a device that is not there."""
    there = torch.cuda.is_available()
    device = ("cuda" if there else "cpu") if asked == "auto" else asked
    kind = device.split(":")[0]
    if kind not in ("cpu", "cuda"):
        raise WorkshopError("--device", repr(device), "auto, cpu, cuda or cuda:1", "--device auto")
    count = torch.cuda.device_count() if there else 0
    number = device.partition(":")[2] or "0"
    if kind == "cuda" and (not number.isdecimal() or int(number) >= count):
        raise WorkshopError(
            "--device", f"{device}, and torch sees {count} GPUs", "one of them", "--device auto"
        )
    return device


def _check_environment() -> None:
    missing = [name for name in TORCHRUN if name not in os.environ]
    if missing:
        raise WorkshopError(
            "environment",
            f"WORLD_SIZE without {', '.join(missing)}",
            "all that torchrun sets, or nothing of it",
            "start with torchrun, or unset WORLD_SIZE",
        )


def _check_divides(rows: int, world: int) -> None:
    if rows % world:
        raise WorkshopError(
            "--batch",
            f"{rows} pictures for {world} processes",
            f"a multiple of {world}",
            f"--batch {max(world, rows - rows % world)}",
        )
