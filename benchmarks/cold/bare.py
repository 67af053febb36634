"""The least that gives a first tag: an engine, OpenCV, a picture. It knows nothing of edge-tag.

    python benchmarks/cold/bare.py ENGINE PICTURE FRAMES THREADS PEER MODEL...

PEER is a package that is imported first, as who uses it must; "-" for none. Prints the place of the
largest output of each head, a line a frame.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

Run = Callable[[Any], list[Any]]


def onnxruntime(files: list[str], threads: int) -> tuple[Run, int]:
    import onnxruntime as rt

    options = rt.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 4
    session = rt.InferenceSession(files[0], options, providers=["CPUExecutionProvider"])
    [spec] = session.get_inputs()
    return lambda pixels: session.run(None, {spec.name: pixels}), spec.shape[1]


def openvino(files: list[str], threads: int) -> tuple[Run, int]:
    import openvino as ov

    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
    model = ov.Core().compile_model(files[0], "CPU", settings)
    request = model.create_infer_request()
    side = model.input(0).partial_shape[1].get_length()
    return lambda pixels: list(request.infer({0: pixels}).values()), side


def tflite(files: list[str], threads: int) -> tuple[Run, int]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=files[0], num_threads=threads)
    interpreter.allocate_tensors()
    [spec] = interpreter.get_input_details()
    outputs = interpreter.get_output_details()

    def run(pixels: Any) -> list[Any]:
        ready = pixels if spec["dtype"].__name__ == "uint8" else (pixels ^ 0x80).view("int8")
        interpreter.set_tensor(spec["index"], ready)
        interpreter.invoke()
        return [interpreter.get_tensor(output["index"]) for output in outputs]

    return run, int(spec["shape"][1])


def main(engine: str, picture: str, frames: str, threads: str, peer: str, *files: str) -> None:
    import cv2
    import numpy as np

    cv2.setNumThreads(int(threads))
    if peer != "-":
        import_module(peer)
    run, side = globals()[engine](list(files), int(threads))
    for _ in range(int(frames)):
        bgr = cv2.imdecode(np.fromfile(picture, np.uint8), cv2.IMREAD_COLOR)
        small = cv2.resize(bgr, (side, side), interpolation=cv2.INTER_AREA)
        outputs = run(cv2.cvtColor(small, cv2.COLOR_BGR2RGB)[None])
        print(*(int(row.argmax()) for row in outputs), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
