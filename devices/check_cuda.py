"""Do networks answer on a GPU as on the CPU? For a machine that has one.

    python -m devices.check_cuda --out devices/results

The reference path (RAM, RAM++ and Tag2Text at a small width, weights drawn by seed) and students in
torch, and a student in ONNX Runtime with its CUDA provider, each against the CPU, in float32
without TF32: largest difference over the largest output, at most TOLERANCE. Writes cuda.json. Where
there is no GPU nothing is written, and the exit code is 5.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.machine import machine, write_json
from edge.engines import open_engine
from edge.errors import EdgeError, EngineError
from edge.records import F32
from quantize.export.deployed import Deployed, folded
from quantize.export.writers import to_onnx
from quantize.ram.configs import Kind, Swin, TaggerConfig
from quantize.ram.tagger import build
from quantize.students.student import Student

TOLERANCE = 1e-3
SIDE = 96  # px
TAGS = 17
KINDS: dict[Kind, int] = {"ram": 1, "ram++": 5, "tag2text": 1}  # -> label rows a tag
STUDENTS = ("mobilenet_v2", "efficientnet_lite0", "mobilenet_v4_small")


class Row(msgspec.Struct, frozen=True):
    """One network on both."""

    name: str
    difference: float  # the largest, over the largest output on the CPU
    is_alike: bool


def row(name: str, on_cpu: Mapping[str, F32], on_gpu: Mapping[str, F32]) -> Row:
    """Every output of one against the other's. What is no number is not alike."""
    off = [
        float(np.abs(on_gpu[key] - cpu).max() / max(1e-6, np.abs(cpu).max()))
        for key, cpu in on_cpu.items()
    ]
    worst = max(off) if np.isfinite(off).all() else float("inf")
    return Row(name, worst, worst <= TOLERANCE)


def torch_rows(device: str) -> Iterator[Row]:
    """Reference taggers and students in torch."""
    pictures = torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    for kind, rows in KINDS.items():
        swin = Swin(SIDE, 24, (2, 2, 2, 2), (3, 6, 12, 24), 3)
        projected = 0 if kind == "tag2text" else 32
        tagger = random_weights(build(TaggerConfig(kind, swin, projected, 64, 96), [rows] * TAGS))
        yield row(f"torch: {kind}", *(_answers(tagger, pictures, d) for d in ("cpu", device)))
    for name in STUDENTS:
        student = random_weights(Student({"kind": 5}, name))
        yield row(f"torch: {name}", *(_answers(student, pictures, d) for d in ("cpu", device)))


def engine_row(provider: str) -> Row:
    """A student in ONNX Runtime. Raises ProviderUnavailable: never a silent CPU."""
    pixels = np.random.default_rng(1).integers(0, 256, (2, SIDE, SIDE, 3), np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "student.onnx"
        to_onnx(Deployed(folded(random_weights(Student({"kind": 5})))), SIDE, file)
        model = file.read_bytes()
    found = []
    for where in ("CPU", provider):
        engine = open_engine("onnxruntime", [model], provider=where, threads=1)
        found.append(engine.run(pixels))
        engine.close()
    return row(f"onnxruntime/{provider}: {STUDENTS[0]}", *found)


def random_weights(network: nn.Module, seed: int = 3) -> nn.Module:
    """Weights by seed, small enough that outputs stay numbers; in evaluation mode."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in network.parameters():
            noise = torch.randn(weight.shape, generator=draw)
            fan_in = max(1, weight[0].numel()) if weight.dim() > 1 else 1
            weight.copy_(noise / fan_in**0.5 if weight.dim() > 1 else 1 + 0.1 * noise)
    return network.eval()


@torch.no_grad()
def _answers(network: nn.Module, pictures: Tensor, device: str) -> dict[str, F32]:
    found = network.to(device)(pictures.to(device))
    named = found if isinstance(found, dict) else dict(zip(("logits", "embedding"), found))
    return {name: out.float().cpu().numpy() for name, out in named.items()}


def run(out: Path) -> bool:
    """Check, write, and say what came of it. Raises EngineError where there is no GPU."""
    if not torch.cuda.is_available():
        raise EngineError(
            f"check_cuda: skipped: torch {torch.__version__} sees no GPU, expected one",
            fix="run it on a machine with an NVIDIA GPU, with a CUDA build of torch",
        )
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    rows = [*torch_rows("cuda"), engine_row("CUDA")]
    for each in rows:
        verdict = "alike" if each.is_alike else "NOT ALIKE"
        sys.stdout.write(f"{each.name:<40}{each.difference:>12.2e}  {verdict}\n")
    found = {"check": "CUDA against CPU, float32", "machine": machine(), "tolerance": TOLERANCE}
    gpu = {"gpu": torch.cuda.get_device_name(), "torch": torch.__version__}
    write_json(out / "cuda.json", found | gpu | {"rows": [msgspec.structs.asdict(r) for r in rows]})
    return all(each.is_alike for each in rows)


def main(argv: Sequence[str] | None = None) -> int:
    """0: alike; 5: no GPU, or no CUDA provider; 6: not alike."""
    made = argparse.ArgumentParser(prog="python -m devices.check_cuda")
    folder = Path(__file__).parent / "results"
    made.add_argument("--out", type=Path, default=folder, help="default devices/results")
    try:
        return 0 if run(made.parse_args(argv).out) else 6
    except EdgeError as e:
        sys.stderr.write(f"{e}\n" + (f"fix: {e.fix}\n" if e.fix else ""))
        return e.exit_code


if __name__ == "__main__":
    sys.exit(main())
