"""Torch as every teacher that needs it uses it: one device, one precision, the same each time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from quantize.allocator import keep_freed
from quantize.errors import WorkshopError
from quantize.teachers import Request

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def prepared(request: Request) -> tuple[torch.device, torch.dtype]:
    """Device and type of a teacher's weights. Raises WorkshopError when there is no such device."""
    device = torch.device(request.device)
    if device.type == "cuda" and (device.index or 0) >= count_cuda():
        raise WorkshopError(
            "--device", f"{request.device}, and {count_cuda()} GPUs", "one that is here", CPU
        )
    if device.type == "cpu":
        torch.set_num_threads(request.threads)
        keep_freed()  # in processes that others start, too
    torch.backends.cudnn.benchmark = False  # picks kernels by the clock
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.allow_tf32 = False  # 10 bits, and called fp32
    return device, DTYPES[request.precision]


CPU = "--device cpu"


def count_cuda() -> int:
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


@contextmanager
def inference(device: torch.device, dtype: torch.dtype) -> Iterator[None]:
    """No gradients, and matrices in `dtype`; what needs fp32 stays in it."""
    with (
        torch.inference_mode(),
        torch.autocast(device.type, dtype, enabled=dtype != torch.float32),
    ):
        yield
