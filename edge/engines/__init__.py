"""Engines: the libraries that run an artifact, behind one small contract.

To add one: a module with `load(files, provider, threads) -> Engine`, a row here, an extra in
pyproject.toml. The contract tests pick it up. Naming an engine imports nothing.

Two of them report what is run to their makers, unless they are told not to before they are
imported, and keep an id of the device in the user's folder: ONNX Runtime's wheels from 1.29 on
(microsoft/onnxruntime 27379), and OpenVINO through a package that comes with it. Here nothing
leaves the device, and nothing is kept to leave it later.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from operator import index
from typing import Protocol

import numpy as np

from edge.errors import (
    COPY_OR_OTHER,
    PACK_AGAIN,
    BundleError,
    EngineError,
    EngineMissing,
    InferenceError,
    UsageError,
)
from edge.records import F32, U8, TensorSpec
from edge.spelling import nearest

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # whatever was there
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment] # as if it were not installed

# name -> (our module, the package it imports, pip extra), best first; no bundle that ships has null
ENGINES: dict[str, tuple[str, str, str]] = {
    "onnxruntime": ("edge.engines.ort", "onnxruntime", "onnx"),
    "openvino": ("edge.engines.ov", "openvino", "openvino"),
    "tflite": ("edge.engines.tfl", "ai_edge_litert", "tflite"),
    "null": ("edge.engines.null", "numpy", ""),
}

BYTE = np.dtype(np.uint8)

CROWDED = 4  # threads a core: thousands stop the machine, and nothing ends them but SIGKILL

STAND_INS = {"tflite": "tflite_runtime"}  # older packages with the same interface


class Engine(Protocol):
    """A loaded artifact. Not thread-safe: one thread owns an engine.

    Every engine refuses a provider it cannot give and reports the one it got; refuses a wrong dtype
    or shape; returns fresh float32 arrays; gives the same output for the same input on the CPU;
    raises only `EdgeError`s.
    """

    name: str
    provider: str  # the provider in use ("CPU", "CUDA", "NPU"...), not the one asked for
    input: TensorSpec  # (-1 or N, H, W, 3) uint8
    outputs: tuple[TensorSpec, ...]  # float32, (-1 or N, size)

    def run(self, batch: U8) -> dict[str, F32]:
        """(N, H, W, 3) uint8 -> output name -> (N, size) float32, for any N >= 1."""
        ...

    def close(self) -> None: ...


Loader = Callable[[Sequence[bytes], str, int], Engine]


def installed() -> list[str]:
    """Engines whose package is here, best first.

    Nothing is imported; null, which is always here, is not listed.
    """
    names = {
        name: (package, STAND_INS.get(name, package)) for name, (_, package, _) in ENGINES.items()
    }
    return [
        name for name, packages in names.items() if name != "null" and any(map(find_spec, packages))
    ]


def pip_line(name: str) -> str:
    """The command that installs engine `name`."""
    return f"pip install 'edge-tag[{ENGINES[name][2]}]'"


def open_engine(
    name: str, files: Sequence[bytes], *, provider: str = "CPU", threads: int = 0
) -> Engine:
    """Load an artifact from its bytes, so that what runs is what was hashed.

    `files` are the artifact's, in its order. `provider` in any case. `threads` 0 lets the engine
    choose. Raises UsageError for an unknown name or too many threads, EngineMissing when its
    package is not here or does not load, ProviderUnavailable when the provider is not here,
    BundleError when the bytes are no artifact.
    """
    check_name(name)
    threads = index(threads)  # numpy's is one too; what is none is no fault of the bundle
    if threads < 0:
        raise ValueError(f"threads is {threads}, expected 0 (the engine decides) or more")
    cores = os.cpu_count() or 1
    if threads > (most := CROWDED * cores):
        raise UsageError(
            f"threads is {threads}, expected {most} or less on this machine",
            fix=f"--threads {cores}, or leave it out",
        )
    return _loader(name)(files, provider.upper(), threads)


def check_name(name: str) -> None:
    """Raises UsageError where there is no such engine."""
    if name not in ENGINES:
        raise UsageError(
            f"engine {name!r} is unknown, expected one of {', '.join(ENGINES)}",
            fix=nearest(name, ENGINES) or "--engine auto takes the fastest that is here",
        )


def _loader(name: str) -> Loader:
    module, package, _ = ENGINES[name]
    try:
        load: Loader = import_module(module).load
    except ModuleNotFoundError as e:
        if e.name is None or e.name.split(".")[0] == "edge":
            raise  # our own mistake, not a missing package
        missing = e.name.split(".")[0]
        missing = package if missing in STAND_INS.values() else missing
        raise EngineMissing(
            f"engine {name!r} needs the package {missing!r}, which is not installed",
            fix=pip_line(name),
        ) from e
    except ImportError as e:  # installed, but a shared library will not load on this board
        raise EngineMissing(
            f"engine {name!r} is installed but does not load: {e}",
            fix="install the build of its package for this board and this Python",
        ) from e
    return load


# What follows is shared by the engines' own modules.


def one_file(files: Sequence[bytes], engine: str) -> bytes:
    """The only file of an artifact. Raises BundleError when there are more or none."""
    if len(files) != 1:
        raise BundleError(f"{engine}: artifact is {len(files)} files, expected 1", fix=PACK_AGAIN)
    return files[0]


def refuse_outside_weights(onnx: bytes) -> None:
    """An ONNX file may name other files that hold its weights; nobody hashed those.

    Both engines that read ONNX would look for them in the working directory. Raises BundleError.
    """
    if b"\n\x08location" in onnx:  # protobuf: the key of TensorProto.external_data
        raise BundleError(
            "ONNX artifact keeps weights in another file, expected all of them inside",
            fix="save it again without external data",
        )


def check_artifact(
    engine: str, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]
) -> None:
    """One picture batch in, rows of float32 out. Raises BundleError for anything else."""
    if len(inputs) != 1:
        raise BundleError(
            f"{engine}: artifact has {len(inputs)} inputs, expected 1", fix=PACK_AGAIN
        )
    spec = inputs[0]
    fits = len(spec.shape) == 4 and spec.shape[0] in (-1, 1) and spec.shape[3] == 3
    if not fits or spec.dtype != "uint8" or min(spec.shape[1:3]) < 1:
        raise BundleError(
            f"{engine}: input {spec.name!r} is {spec.dtype} {spec.shape}, "
            "expected uint8 (-1 or 1, H, W, 3)",
            fix=PACK_AGAIN,
        )
    for out in outputs:
        if out.dtype != "float32" or len(out.shape) != 2:
            raise BundleError(
                f"{engine}: output {out.name!r} is {out.dtype} {out.shape}, "
                "expected float32 (N, size)",
                fix=PACK_AGAIN,
            )


def checked(batch: U8, spec: TensorSpec) -> U8:
    """`batch`, contiguous.

    Raises InferenceError when it is not what `spec` takes: OpenVINO would not.
    """
    shape = batch.shape
    if batch.dtype != BYTE or shape[1:] != spec.shape[1:] or len(shape) != 4 or not shape[0]:
        wanted = (-1, *spec.shape[1:])
        raise InferenceError(
            f"input {spec.name!r} is {batch.dtype.name} {shape}, expected uint8 {wanted}",
            fix="let edge.open_tagger prepare pictures",
        )
    return batch if batch.flags.c_contiguous else np.ascontiguousarray(batch)


@contextmanager
def translated(engine: str, doing: str, ours: type[EngineError | BundleError]) -> Iterator[None]:
    """Turn the plain errors that OpenVINO and LiteRT raise into `ours`. Their message is kept."""
    try:
        yield
    except (RuntimeError, ValueError, TypeError) as e:
        raise ours(f"{engine}: {doing}: {e}", fix=fix_of(ours)) from e


def fix_of(ours: type[EngineError | BundleError]) -> str:
    """What helps, where a library of the engine's raised something."""
    return COPY_OR_OTHER if ours is BundleError else "use another engine or another provider"


def by_ones(run: Callable[[U8], dict[str, F32]], batch: U8) -> dict[str, F32]:
    """Run an artifact whose batch is fixed at 1 over N pictures. Returns fresh (N, size) arrays."""
    if len(batch) == 1:
        return run(batch)
    rows = [run(batch[i : i + 1]) for i in range(len(batch))]
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
