"""Any network of timm, with weights from a file or from its own cache; nothing is downloaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from edge.bundle.manifest import InputSpec
from edge.pictures import pixels
from edge.records import F32, U8
from quantize.errors import WorkshopError
from quantize.pictures import Sample, read
from quantize.students.state_file import read_state
from quantize.teachers import Description, Request, Teacher
from quantize.teachers.torch_device import inference, prepared
from quantize.teachers.vocabulary import outputs_of
from quantize.timm_import import import_timm

timm = import_timm()
SHOWN = 3  # keys that do not fit, in an error


def load(request: Request) -> Teacher:
    """Build request.model, with the weights in request.checkpoint or timm's own for it.

    Raises WorkshopError when timm knows no such network, or the weights do not fit or are not here.
    """
    if not request.model or not timm.is_model(request.model):
        near = timm.list_models(f"*{request.model.split('.')[0]}*") if request.model else []
        names = ", ".join(near[:5] or ["mobilenetv4_conv_small", "convnext_tiny", "..."])
        raise WorkshopError("--model", repr(request.model), f"a name of timm: {names}", "--model")
    device, _ = prepared(request)
    model = _from_file(request) if request.checkpoint else _from_cache(request.model)
    return TimmTeacher(request, model.eval().to(device))


class TimmTeacher:
    """A timm classifier; its embedding is what goes into its last layer."""

    def __init__(self, request: Request, model: nn.Module) -> None:
        self._device, self._dtype = prepared(request)
        self._model = model
        told = timm.data.resolve_model_data_config(model)
        side = _side(request, told["input_size"][1:], model)
        mean = request.mean or tuple(255 * v for v in told["mean"])
        scale = request.scale or tuple(255 * v for v in told["std"])
        self._mean, self._scale = (torch.tensor(v, device=self._device) for v in (mean, scale))
        self._spec = InputSpec(height=side[0], width=side[1])
        logits, embedding = self._run(torch.zeros(1, *side, 3, dtype=torch.uint8))
        words = outputs_of(request, logits.shape[1], _names(model, logits.shape[1]))
        self._kept = list(words.kept)
        self.about = Description(
            f"timm {request.model}",
            request.kind or "softmax",
            words.tags,
            words.thresholds,
            embedding.shape[1],
            (side[0], side[1]),
        )

    def read(self, sample: Sample) -> U8:
        return read(sample)

    def fit(self, picture: U8) -> U8:
        return pixels.fit(picture, self._spec)

    def look(self, pictures: Sequence[U8]) -> tuple[F32, F32 | None]:
        seen = self._run(torch.from_numpy(pixels.batch(pictures, self._spec)))
        logits, embedding = (value.float().cpu().numpy() for value in seen)
        return logits[:, self._kept], embedding

    def _run(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        x = (batch.to(self._device).float() - self._mean) / self._scale  # (N, H, W, 3)
        with inference(self._device, self._dtype):
            features = self._model.forward_features(x.permute(0, 3, 1, 2))  # type: ignore[operator]
            embedding = self._model.forward_head(features, pre_logits=True)  # type: ignore[operator]
            return self._model.forward_head(features), embedding.flatten(1)  # type: ignore[operator]


def _side(request: Request, usual: tuple[int, int], model: Any) -> tuple[int, int]:
    """Height and width, px. Raises WorkshopError when the network takes its own only."""
    asked = (request.side, request.side) if request.side else usual
    if asked != tuple(usual) and model.pretrained_cfg.get("fixed_input_size"):
        raise WorkshopError(
            "--side", f"{request.side} px", f"{usual[0]}, all {request.model} takes", "leave it out"
        )
    return asked[0], asked[1]


def _from_file(request: Request) -> nn.Module:
    assert request.checkpoint
    assert request.model
    state = read_state(request.checkpoint, "--checkpoint")
    head = timm.get_pretrained_cfg(request.model).classifier or ""
    head = head[0] if isinstance(head, (list, tuple)) else head
    weight = state.get(f"{head}.weight")
    if weight is None:
        raise WorkshopError(
            request.checkpoint,
            f"no {head}.weight",
            f"a {request.model} with its classifier",
            "--model NAME, the network that the file is of",
        )
    model: nn.Module = timm.create_model(
        request.model, pretrained=False, num_classes=weight.shape[0]
    )
    if wrong := _misfits(model, state):
        more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise WorkshopError(
            request.checkpoint,
            f"weights do not fit: {', '.join(wrong[:SHOWN])}{more}",
            f"the weights of {request.model}, each and no other",
            "--model NAME, the network that the file is of",
        )
    model.load_state_dict(state)
    return model


def _misfits(model: nn.Module, state: Mapping[str, Tensor]) -> list[str]:
    """Keys that are missing, of another shape, or not the network's, each with what is wrong."""
    mine = model.state_dict()
    missing = [f"{key} missing" for key in mine if key not in state]
    spare = [f"{key} not expected" for key in state if key not in mine]
    other = [
        f"{key} {tuple(state[key].shape)} and not {tuple(value.shape)}"
        for key, value in mine.items()
        if key in state and state[key].shape != value.shape
    ]
    return missing + other + spare


def _from_cache(name: str) -> nn.Module:
    try:
        model: nn.Module = timm.create_model(name, pretrained=True)
    except Exception as e:  # of huggingface_hub, urllib or timm, by version
        raise WorkshopError(
            f"--model {name}",
            f"its weights are not in the cache ({type(e).__name__})",
            "weights: nothing is downloaded here",
            f'--checkpoint FILE, or once, with a network: HF_HUB_OFFLINE=0 python -c "import timm; '
            f"timm.create_model('{name}', pretrained=True)\"",
        ) from e
    return model


def _names(model: nn.Module, size: int) -> list[str] | None:
    """ImageNet's own names, where these are ImageNet's classes."""
    subset = timm.data.infer_imagenet_subset(model)
    if not subset:
        return None
    names = timm.data.ImageNetInfo(subset).label_descriptions()
    return list(names) if len(names) == size else None
