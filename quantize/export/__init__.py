"""A student as float ONNX, OpenVINO IR, TFLite: uint8 NHWC in, normalisation in the graph."""

from quantize.export.agree import TOLERANCE, check, differences
from quantize.export.deployed import Deployed, folded
from quantize.export.files import FILES, artifact, missing, usable
from quantize.export.writers import to_onnx, to_openvino, to_tflite, write

__all__ = [
    "FILES",
    "TOLERANCE",
    "Deployed",
    "artifact",
    "check",
    "differences",
    "folded",
    "missing",
    "to_onnx",
    "to_openvino",
    "to_tflite",
    "usable",
    "write",
]
