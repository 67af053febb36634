"""A tagger as ONNX: float pictures in, logits and embedding out, any batch.

What does not depend on the picture is folded before (RAM's queries and their first projection), and
RAM++'s label matrix is stored once. Constant folding by an optimiser is left out on purpose: it
would store position biases and a transposed label matrix beside what they are made from.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import msgspec
import onnx
import torch

from quantize.errors import WorkshopError
from quantize.ram.tagger import Tagger, relabelled

LARGEST = 2_000_000_000  # bytes of weights; protobuf ends at 2^31, with the rest of the model


class Exported(msgspec.Struct, frozen=True):
    """What a file is, for whoever has to run it."""

    opset: int  # of ONNX's own operators; no others are used
    bytes: int  # with the weights beside it, where there are any


def to_onnx(tagger: Tagger, side: int, file: Path) -> Exported:
    """Input `image` (batch, 3, side, side) float32; outputs `logits` (batch, T), `embedding`.

    Traced at batch 2, since 1 is special to the exporter; test every file at 1, 2 and 3. Where the
    weights are larger than one file may be, they go beside it as `FILE.data`. Returns the opset and
    the size.
    """
    if side != tagger.config.swin.side:
        raise WorkshopError(
            file, f"{side} px", f"{tagger.config.swin.side} px, the tagger's", "load it so"
        )
    tagger = _ready(tagger)
    example = torch.zeros(2, 3, side, side)
    batch = torch.export.Dim("batch", min=1, max=1024)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            tagger, (example,), dynamo=True, input_names=["image"],
            output_names=["logits", "embedding"], dynamic_shapes={"image": {0: batch}},
            optimize=True, verbose=False,
        )  # fmt: skip
    assert program is not None  # only the old exporter gives None
    return _write(program.model_proto, file, 4 * sum(p.numel() for p in tagger.parameters()))


def _ready(tagger: Tagger) -> Tagger:
    """Another on the CPU in single precision, folded; it shares the weights that are so already."""
    ready = relabelled(tagger, {}, tagger.counts).to("cpu", torch.float32)
    ready.fold()
    return ready


def _write(model: onnx.ModelProto, file: Path, weight_bytes: int) -> Exported:
    for node in model.graph.node:
        del node.metadata_props[:]  # call stacks, with the paths of this machine
    beside = file.with_name(f"{file.name}.data")
    beside.unlink(missing_ok=True)  # onnx would append to it
    if weight_bytes < LARGEST:
        onnx.save(model, file)
    else:
        onnx.save(model, file, save_as_external_data=True, location=beside.name)
    [opset] = [row.version for row in model.opset_import if row.domain in ("", "ai.onnx")]
    return Exported(opset, sum(f.stat().st_size for f in (file, beside) if f.exists()))
