"""ONNX Runtime. An artifact is one ONNX file with everything inside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import onnxruntime as rt
from onnxruntime.capi import onnxruntime_pybind11_state as raw

from edge.engines import by_ones, check_artifact, checked, fix_of, one_file, refuse_outside_weights
from edge.engines.processor import has_vnni
from edge.errors import BundleError, EngineError, InferenceError, ProviderUnavailable
from edge.records import F32, U8, TensorSpec

PROVIDERS = {  # our word -> ONNX Runtime's
    "CPU": "CPUExecutionProvider",
    "CUDA": "CUDAExecutionProvider",
    "TENSORRT": "TensorrtExecutionProvider",
    "OPENVINO": "OpenVINOExecutionProvider",
    "DML": "DmlExecutionProvider",
    "MIGRAPHX": "MIGraphXExecutionProvider",
    "QNN": "QNNExecutionProvider",
    "COREML": "CoreMLExecutionProvider",
    "XNNPACK": "XnnpackExecutionProvider",
    "ACL": "ACLExecutionProvider",
}

BESIDE = {"TENSORRT": ("CUDAExecutionProvider",)}  # runs the nodes that the first does not know

NOT_A_MODEL = (
    "InvalidProtobuf",
    "InvalidGraph",
    "NoModel",
    "InvalidArgument",
    "Fail",
    "NotImplemented",
)

DTYPES = {"tensor(uint8)": "uint8", "tensor(float)": "float32"}


class OrtEngine:
    """An open session."""

    name = "onnxruntime"

    def __init__(self, session: rt.InferenceSession, provider: str) -> None:
        self.provider = provider
        inputs = [_spec(node) for node in session.get_inputs()]
        self.outputs = tuple(_spec(node) for node in session.get_outputs())
        check_artifact(self.name, inputs, self.outputs)
        self.input = inputs[0]
        self._names = [out.name for out in self.outputs]
        self._session: rt.InferenceSession | None = session

    def run(self, batch: U8) -> dict[str, F32]:
        pixels = checked(batch, self.input)
        return self._run(pixels) if self.input.shape[0] == -1 else by_ones(self._run, pixels)

    def _run(self, pixels: U8) -> dict[str, F32]:
        if self._session is None:
            raise ValueError("engine is closed")
        try:  # numpy in, numpy out, on every provider
            arrays = self._session.run(self._names, {self.input.name: pixels})
        except Exception as e:
            with translated("running", InferenceError):  # here: entering it costs each launch
                raise e from None
        return dict(zip(self._names, arrays))

    def close(self) -> None:
        self._session = None


def _spec(node: rt.NodeArg) -> TensorSpec:
    # A name is an open size.
    shape = tuple(size if isinstance(size, int) else -1 for size in node.shape)
    return TensorSpec(node.name, shape, DTYPES.get(node.type, node.type))


@contextmanager
def translated(doing: str, ours: type[EngineError | BundleError]) -> Iterator[None]:
    """Turn ONNX Runtime's own exceptions into ours. Its message is kept."""
    try:
        yield
    except Exception as e:
        theirs = type(e).__module__ == raw.__name__ or isinstance(e, (RuntimeError, ValueError))
        if not theirs:
            raise
        # while loading, a device that fails (EPFail, RuntimeException) does not make the bundle bad
        if ours is BundleError and not isinstance(e, _types(NOT_A_MODEL)):
            ours = EngineError
        raise ours(f"onnxruntime: {doing}: {e}", fix=fix_of(ours)) from e


def _types(names: Sequence[str]) -> tuple[type[Exception], ...]:
    """Those of ONNX Runtime's exceptions that this version has."""
    return tuple(getattr(raw, name) for name in names if hasattr(raw, name))


def load(files: Sequence[bytes], provider: str, threads: int) -> OrtEngine:
    """One ONNX file. Raises ProviderUnavailable, BundleError when it is no model, EngineError."""
    wanted = PROVIDERS.get(provider, provider)
    here = rt.get_available_providers()
    if wanted not in here:
        ours = [word for word, theirs in PROVIDERS.items() if theirs in here]
        raise ProviderUnavailable(
            f"onnxruntime {rt.__version__} has no provider {provider} here, "
            f"expected one of {', '.join(ours)}",
            fix="install the onnxruntime build for this board, or use provider CPU",
        )
    model = one_file(files, "onnxruntime")
    refuse_outside_weights(model)
    providers = [wanted, *(p for p in BESIDE.get(provider, ()) if p in here)]
    with translated("loading the artifact", BundleError):
        # without enable_fallback=0 it prints to stdout and goes on with the CPU
        # (microsoft/onnxruntime 17801)
        session = rt.InferenceSession(
            model, session_options(threads), providers=providers, enable_fallback=0
        )
    got = session.get_providers()[0]
    if got != wanted:  # a listed provider whose library does not load is dropped silently
        raise ProviderUnavailable(
            f"onnxruntime was asked for {wanted} and chose {got}",
            fix="install the libraries that provider needs, or use provider CPU",
        )
    return OrtEngine(session, provider)


def session_options(threads: int) -> rt.SessionOptions:
    """As every session here is opened."""
    options = rt.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = rt.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 4  # fatal: what matters also arrives as an exception
    # Threads that wait for work must not burn a core: between the frames of a camera it belongs to
    # others, and on a busy one a launch of two spinning threads takes twice as long.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # A processor without VNNI adds two products in 16 bits, which overflow: the embedding is off by
    # 18 % instead of 5. In unsigned bytes it adds them rightly, in 9 % more time. One with VNNI is
    # always right, and would take twice the time: onnxruntime leaves out VNNI for unsigned bytes.
    options.add_session_config_entry("session.x64quantprecision", "0" if has_vnni() else "1")
    return options
