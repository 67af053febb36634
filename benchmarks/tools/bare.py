"""Each engine as its own documentation shows it, with our settings and nothing around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edge.engines.processor import has_vnni
from edge.records import U8

Run = Callable[[], object]


def onnxruntime(files: Sequence[bytes], batch: U8) -> Run:
    """`session.run`: what onnxruntime_perf_test times; that is no part of the Python package."""
    import onnxruntime as rt

    options = rt.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors
    exact = "0" if has_vnni() else "1"
    options.add_session_config_entry("session.x64quantprecision", exact)
    session = rt.InferenceSession(files[0], options, providers=["CPUExecutionProvider"])
    feeds = {session.get_inputs()[0].name: batch}
    return lambda: session.run(None, feeds)


def openvino(files: Sequence[bytes], batch: U8) -> Run:
    """`request.infer` on a model for one picture, outputs read where they lie."""
    import openvino as ov

    core = ov.Core()
    model = core.read_model(model=files[0], weights=files[1])
    model.reshape({0: list(batch.shape)})
    settings = {
        "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": 1,
    }  # fmt: skip
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    return lambda: request.infer({0: batch}, share_inputs=True, share_outputs=True)


def tflite(files: Sequence[bytes], batch: U8) -> Run:
    """A picture as the artifact takes it, `set_tensor`, `invoke`, `get_tensor` of every output.

    Every picture is bytes, and this artifact takes int8: that is inside the loop, as it is in the
    example of integer models in LiteRT's documentation. Outputs stay as they come.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=files[0], num_threads=1)
    interpreter.allocate_tensors()
    [taken] = interpreter.get_input_details()
    outputs = [detail["index"] for detail in interpreter.get_output_details()]
    as_bytes = {"uint8": lambda: batch, "int8": lambda: (batch ^ 0x80).view("int8")}
    as_taken = as_bytes.get(taken["dtype"].__name__, lambda: batch.astype(taken["dtype"]))

    def run() -> object:
        interpreter.set_tensor(taken["index"], as_taken())
        interpreter.invoke()
        return [interpreter.get_tensor(index) for index in outputs]

    return run


LOOPS: dict[str, Callable[[Sequence[bytes], U8], Run]] = {
    "onnxruntime": onnxruntime,
    "openvino": openvino,
    "tflite": tflite,
}
