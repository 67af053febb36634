"""How precisely a network learns and is judged: bfloat16 where the machine multiplies it."""

from __future__ import annotations

from functools import cache

import torch

WIDE = ("AVX512", "SVE")  # processors whose bfloat16 is no emulation


def quick(device: torch.device | str) -> torch.autocast:
    """A context in which matrices are bfloat16 where that is quicker, and single precision
    elsewhere: a processor that has to emulate it is ten times slower with it.
    """
    kind = torch.device(device).type
    return torch.autocast(kind, torch.bfloat16, enabled=_multiplies(kind))


@cache
def _multiplies(kind: str) -> bool:
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.backends.cpu.get_cpu_capability().startswith(WIDE)
