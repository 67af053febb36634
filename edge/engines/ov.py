"""OpenVINO. An artifact is one ONNX file, or its own pair: XML first, then BIN."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np
import openvino as ov

from edge.engines import by_ones, check_artifact, checked, refuse_outside_weights, translated
from edge.engines.processor import lacks_vnni
from edge.errors import PACK_AGAIN, BundleError, EngineError, InferenceError, ProviderUnavailable
from edge.records import F32, U8, TensorSpec

# Rounds as int8 does, and multiplies in float: in bytes, without VNNI, two products overflow and
# the embedding is off by 14 % instead of 5, in the same time.
EXACT = {"LP_TRANSFORMS_MODE": "NO"}
DRIVER = "install the driver of that device, or use provider CPU"
DTYPES = {"u8": "uint8", "f32": "float32"}


class OvEngine:
    """A request for one picture, and one for any number once more are asked for.

    A model whose batch is open takes a tenth longer for one picture than one compiled for one does.
    """

    name = "openvino"

    def __init__(
        self, model: ov.Model, provider: str, compiled: Callable[[ov.Model], ov.CompiledModel]
    ) -> None:
        self.provider = provider
        inputs = [_spec(port) for port in model.inputs]
        self.outputs = tuple(_spec(port) for port in model.outputs)
        check_artifact(self.name, inputs, self.outputs)
        self.input = inputs[0]
        self._names = [out.name for out in self.outputs]
        self._model: ov.Model | None = model
        self._compiled = compiled
        self._one: ov.InferRequest | None = compiled(_with_batch(model, 1)).create_infer_request()
        # its own memory: with an array of somebody else's in it a launch takes 2 % longer, and to
        # copy a picture into it takes a tenth of that
        self._into = self._one.get_input_tensor(0).data
        self._any: ov.InferRequest | None = None

    def run(self, batch: U8) -> dict[str, F32]:
        pixels = checked(batch, self.input)
        if len(pixels) == 1:
            return self._run_one(pixels)
        if self.input.shape[0] == 1:
            return by_ones(self._run_one, pixels)
        if self._any is None and self._model is not None:
            self._any = self._compiled(_with_batch(self._model, -1)).create_infer_request()
        return self._run(self._any, {0: pixels})

    def _run_one(self, pixels: U8) -> dict[str, F32]:
        if self._one is not None:
            np.copyto(self._into, pixels)
        return self._run(self._one, {})

    def _run(self, request: ov.InferRequest | None, inputs: dict[int, U8]) -> dict[str, F32]:
        if request is None:
            raise ValueError("engine is closed")
        try:
            results = request.infer(inputs, share_inputs=True, share_outputs=False)
        except Exception as e:
            with translated(self.name, "running", InferenceError):  # entering it costs time
                raise e from None
        return dict(zip(self._names, results.to_tuple()))

    def close(self) -> None:
        self._into = np.empty(0, np.uint8)  # it lies in the request's memory
        self._model = self._one = self._any = None


def _with_batch(model: ov.Model, size: int) -> ov.Model:
    """The same for so many pictures at once; -1: any number. `Model.reshape` would take ten times
    as long: it looks for reshapes with the batch in them, and folds what is constant.
    """
    [taken] = model.get_parameters()
    _, *rest = taken.get_partial_shape()
    with translated("openvino", "reading the artifact", BundleError):
        taken.set_partial_shape(ov.PartialShape([size, *rest]))
        model.validate_nodes_and_infer_types()
    return model


def _spec(port: ov.ConstOutput) -> TensorSpec:
    names = port.get_names()
    shape = tuple(d.get_length() if d.is_static else -1 for d in port.get_partial_shape())
    dtype = port.get_element_type().get_type_name()
    return TensorSpec(
        min(names) if names else port.get_node().get_friendly_name(),
        shape,
        DTYPES.get(dtype, dtype),
    )


def load(files: Sequence[bytes], provider: str, threads: int) -> OvEngine:
    """(ONNX) or (XML, BIN).

    Raises ProviderUnavailable, BundleError when it is no model, EngineError.
    """
    if len(files) not in (1, 2):
        raise BundleError(
            f"openvino: artifact is {len(files)} files, expected ONNX, or XML and BIN",
            fix=PACK_AGAIN,
        )
    core = ov.Core()
    _check_provider(core, provider)
    if provider == "CPU" and lacks_vnni():
        with suppress(RuntimeError):  # a release that does not know it
            core.set_property(provider, EXACT)
    if len(files) == 1:
        refuse_outside_weights(files[0])
    with translated("openvino", "reading the artifact", BundleError):
        model = core.read_model(model=files[0], weights=files[1] if len(files) == 2 else b"")

    def compiled(part: ov.Model) -> ov.CompiledModel:
        with translated("openvino", f"compiling for {provider}", EngineError):
            made = core.compile_model(part, provider, _settings(provider, threads))
            got = made.get_property("EXECUTION_DEVICES")
        if [device.split(".")[0] for device in got] != [provider.split(".")[0]]:
            raise ProviderUnavailable(
                f"openvino was asked for {provider} and chose {', '.join(got)}", fix=DRIVER
            )
        return made

    return OvEngine(model, provider, compiled)


def _check_provider(core: ov.Core, provider: str) -> None:
    """Raises ProviderUnavailable for AUTO, MULTI and HETERO too: they choose, and may change.

    One device is asked for: `available_devices` loads the plugins and drivers of all, which takes
    as long as compiling for one.
    """
    name, _, number = provider.partition(".")
    try:
        here = core.get_property(name, "AVAILABLE_DEVICES")  # numbers of those of that name
    except RuntimeError:  # none of that name, or one that chooses
        here = []
    if not here or (number and number not in here):
        raise ProviderUnavailable(
            f"openvino {ov.__version__} has no provider {provider} here, "
            f"expected one of {', '.join(core.available_devices)}",
            fix=DRIVER,
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
