"""timm, imported so that it works beside a CPU build of torch and never reaches for the network."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

import torch

OPERATORS = ("nms", "qnms")  # that torchvision describes in Python, built or not
NMS = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def import_timm() -> Any:
    """The module. Raises ModuleNotFoundError when it, or a package it needs, is not here."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when its hub is imported
    try:
        import_module("torchvision")
    except RuntimeError:
        _name_operators()
    return import_module("timm")


def _name_operators() -> None:
    """Let torchvision 0.28 of PyPI import beside a CPU torch.

    It is a CUDA build: its compiled operators do not load, and describing them ends in
    RuntimeError. timm needs none of them; that they have names is enough.
    """
    for name in [n for n in sys.modules if n.split(".")[0] == "torchvision"]:
        del sys.modules[name]  # half imported
    for name in OPERATORS:
        torch.library.define(f"torchvision::{name}", NMS)
