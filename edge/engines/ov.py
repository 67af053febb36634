"""OpenVINO. An artifact is one ONNX file, or its own pair: XML first, then BIN."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import openvino as ov

from edge.engines import by_ones, check_artifact, checked, refuse_outside_weights
from edge.errors import BundleError, EngineError, InferenceError, ProviderUnavailable
from edge.records import F32, U8, TensorSpec

DTYPES = {"u8": "uint8", "f32": "float32"}


class OvEngine:
    """A compiled model and one request."""

    name = "openvino"

    def __init__(self, compiled: ov.CompiledModel, provider: str) -> None:
        self.provider = provider
        inputs = [_spec(port) for port in compiled.inputs]
        self.outputs = tuple(_spec(port) for port in compiled.outputs)
        check_artifact(self.name, inputs, self.outputs)
        self.input = inputs[0]
        self._request: ov.InferRequest | None = compiled.create_infer_request()

    def run(self, batch: U8) -> dict[str, F32]:
        pixels = checked(batch, self.input)
        return self._run(pixels) if self.input.shape[0] == -1 else by_ones(self._run, pixels)

    def _run(self, pixels: U8) -> dict[str, F32]:
        if self._request is None:
            raise ValueError("engine is closed")
        with translated("running", InferenceError):
            results = self._request.infer({0: pixels}, share_inputs=True, share_outputs=False)
        return {out.name: results[i] for i, out in enumerate(self.outputs)}

    def close(self) -> None:
        self._request = None


def _spec(port: ov.ConstOutput) -> TensorSpec:
    names = port.get_names()
    shape = tuple(d.get_length() if d.is_static else -1 for d in port.get_partial_shape())
    dtype = port.get_element_type().get_type_name()
    return TensorSpec(
        min(names) if names else port.get_node().get_friendly_name(),
        shape,
        DTYPES.get(dtype, dtype),
    )


@contextmanager
def translated(doing: str, ours: type[EngineError | BundleError]) -> Iterator[None]:
    """Turn OpenVINO's exceptions, which are all RuntimeErrors, into ours. Its message is kept."""
    try:
        yield
    except (RuntimeError, ValueError, TypeError) as e:
        raise ours(f"openvino: {doing}: {e}") from e


def load(files: Sequence[bytes], provider: str, threads: int) -> OvEngine:
    """(ONNX) or (XML, BIN).

    Raises ProviderUnavailable, BundleError when it is no model, EngineError.
    """
    if len(files) not in (1, 2):
        raise BundleError(
            f"openvino: artifact is {len(files)} files, expected ONNX, or XML and BIN"
        )
    core = ov.Core()
    _check_provider(core, provider)
    if len(files) == 1:
        refuse_outside_weights(files[0])
    with translated("reading the artifact", BundleError):
        model = core.read_model(model=files[0], weights=files[1] if len(files) == 2 else b"")
    with translated(f"compiling for {provider}", EngineError):
        compiled = core.compile_model(model, provider, _settings(provider, threads))
        got = compiled.get_property("EXECUTION_DEVICES")
    if [device.split(".")[0] for device in got] != [provider.split(".")[0]]:
        raise ProviderUnavailable(f"openvino was asked for {provider} and chose {', '.join(got)}")
    return OvEngine(compiled, provider)


def _check_provider(core: ov.Core, provider: str) -> None:
    """Raises ProviderUnavailable for AUTO, MULTI and HETERO too: they choose, and may change."""
    here = core.available_devices
    if provider not in here and provider not in {device.split(".")[0] for device in here}:
        raise ProviderUnavailable(
            f"openvino {ov.__version__} has no provider {provider} here, "
            f"expected one of {', '.join(here)}",
            fix="install the driver of that device, or use provider CPU",
        )


def _settings(provider: str, threads: int) -> dict[str, str | int]:
    settings: dict[str, str | int] = {"PERFORMANCE_HINT": "LATENCY"}
    if provider == "CPU":
        # bfloat16 is its default where the CPU has it: scores would depend on the CPU in the second
        # digit
        settings["INFERENCE_PRECISION_HINT"] = "f32"
        if threads:
            settings["INFERENCE_NUM_THREADS"] = threads
    return settings
