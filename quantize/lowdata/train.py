"""AD-Net's low-data recipe on any student: two random crops whose features must agree.

Demidov et al. 2024 (BMVC 859), as described in ../shared/reference/seeds.md, 2.3. A picture is
shown three times to the SAME network: nearly whole, as a strong and as a weak crop. The first
learns the label; the features of the strong crop are drawn to those of the weak one and the other
way round. A run without crops is plain fine-tuning ("vanilla") and alike in everything else, down
to the views. Nothing is added to the network, so the student costs what it would cost anyway.

This loop is not `loop.fit`: the recipe is counted in steps, not epochs, has SGD with two learning
rates in stairs instead of AdamW and a cosine, and keeps the weights of one step, not an average.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import msgspec
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from quantize.lowdata.batches import Batch, TrainingSet, batch_at
from quantize.lowdata.settings import RunSettings, head_ratio, lr_share
from quantize.students import normalise
from quantize.training.loop import CHECKPOINT, store
from quantize.training.precision import quick

MOMENTUM = 0.9
CLIP = 1.0  # longest gradient, all weights together
HEAD_SPREAD = 0.01  # of a new head's weights


class Selection(msgspec.Struct, frozen=True):
    """Whose weights a run ends with."""

    step: int
    validation: float | None  # share of right answers then; None: the last step, nothing was asked
    looks: tuple[tuple[int, float], ...] = ()  # step, share of right answers


def divergence(teacher: Tensor, student: Tensor) -> Tensor:
    """KL(softmax(teacher) || softmax(student)) of features (N, D), mean over the batch.

    Over the dimensions of the feature, at temperature 1; both sides learn.
    """
    return F.kl_div(
        student.float().log_softmax(1),
        teacher.float().log_softmax(1),
        reduction="batchmean",
        log_target=True,
    )


def loss_of(model: nn.Module, head: str, views: Batch, alpha: float) -> Tensor:
    """Cross-entropy of the main view, and how far the crops' features are apart.

    `model(x)` gives "embedding" (N, D) and `head` (N, T); a forward pass a view, so that each has
    its own statistics in batch norms. With one crop the main view is its teacher.
    """
    outputs = model(views.main)
    value = F.cross_entropy(outputs[head].float(), views.labels)
    if not views.crops:
        return value
    strong = model(views.crops[0])["embedding"]
    weak = model(views.crops[1])["embedding"] if len(views.crops) == 2 else outputs["embedding"]
    apart = divergence(weak, strong)
    return value if torch.isinf(apart) else value + alpha * apart  # published: skip such a step


def train(
    model: nn.Module,
    head: str,
    shown: TrainingSet,
    settings: RunSettings,
    out: Path,
    judge: Callable[[nn.Module], float] | None = None,
) -> Selection:
    """Train `model` in place, from the last checkpoint in `out` if there is one.

    `model.heads[head]` learns faster than the rest. `judge` gives the share of right answers on
    pictures held out of `shown`: the model ends with the weights it liked best, the latest of
    equals. Without one it ends with the last.
    """
    out.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)  # torch's threads need the cores more
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = optimizer_of(model, head, settings)
    first, kept, best = _resume(out / CHECKPOINT, model, optimizer)
    device = next(model.parameters()).device
    bar = tqdm(total=settings.steps, initial=first, desc=_name(settings), disable=None, leave=False)
    for step in range(first, settings.steps):
        model.train()
        torch.manual_seed(settings.seed * 1_000_003 + step)  # dropout: after a kill as before it
        slow = lr_share(step, settings.steps)
        for group in optimizer.param_groups:
            group["lr"] = group["full_lr"] * slow
        views = _on(device, batch_at(shown, settings, step))
        value = _step(model, head, views, settings.alpha, optimizer)
        bar.set_postfix(loss=f"{value:.3f}", refresh=False)
        bar.update()
        done = step + 1
        if done % settings.every == 0 or done == settings.steps:
            kept, best = _look(model, done, judge, kept, best)
            _save(out / CHECKPOINT, model, optimizer, done, kept, best)
    bar.close()
    model.load_state_dict(best)
    return kept


def _step(
    model: nn.Module, head: str, views: Batch, alpha: float, optimizer: torch.optim.Optimizer
) -> float:
    with quick(views.main.device):
        value = loss_of(model, head, views, alpha)
    optimizer.zero_grad(set_to_none=True)
    value.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(model.parameters(), CLIP)
    optimizer.step()
    return value.item()


def head_of(model: nn.Module, head: str) -> nn.Linear:
    """The matrix that gives the logits of `head`."""
    linear = model.heads[head]  # type: ignore[index]
    if not isinstance(linear, nn.Linear):
        raise TypeError(f"head {head} is {type(linear).__name__}, expected Linear")
    return linear


def new_head(model: nn.Module, head: str, seed: int) -> None:
    """Begin `head` as the published recipe does: small random weights, no bias."""
    linear, draw = head_of(model, head), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        linear.weight.normal_(0, HEAD_SPREAD, generator=draw)
        linear.bias.zero_()


def optimizer_of(model: nn.Module, head: str, settings: RunSettings) -> torch.optim.SGD:
    """SGD of two groups; `full_lr` is what a group learns with before the first stair."""
    lr = settings.lr * settings.batch / 24
    own = list(head_of(model, head).parameters())
    rest = [p for p in model.parameters() if all(p is not q for q in own)]
    groups = [
        {"params": rest, "full_lr": lr},
        {"params": own, "full_lr": lr * head_ratio(settings.split)},
    ]
    return torch.optim.SGD(groups, lr=lr, momentum=MOMENTUM, nesterov=True, weight_decay=0.0)


def _on(device: torch.device, views: Batch) -> Batch:
    def ready(seen: Tensor) -> Tensor:
        return normalise(seen.to(device)).contiguous(memory_format=torch.channels_last)

    crops = tuple(ready(crop) for crop in views.crops)
    return Batch(ready(views.main), crops, views.labels.to(device))


State = dict[str, Tensor]


def _look(
    model: nn.Module,
    step: int,
    judge: Callable[[nn.Module], float] | None,
    kept: Selection,
    best: State,
) -> tuple[Selection, State]:
    """The weights to keep so far."""
    model.eval()
    now = judge(model) if judge else None
    looks = (*kept.looks, (step, now)) if now is not None else ()
    if now is not None and kept.validation is not None and now < kept.validation:
        return Selection(kept.step, kept.validation, looks), best
    return Selection(step, now, looks), {k: v.clone() for k, v in model.state_dict().items()}


def _save(
    file: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    step: int,
    kept: Selection,
    best: State,
) -> None:
    parts = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "best": best}
    store(file, {**parts, "step": step, "kept": msgspec.json.encode(kept).decode()})


def _resume(
    file: Path, model: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[int, Selection, State]:
    if not file.exists():
        return 0, Selection(0, None), {}
    saved = torch.load(file, weights_only=True, map_location=next(model.parameters()).device)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    return int(saved["step"]), msgspec.json.decode(saved["kept"], type=Selection), saved["best"]


def _name(settings: RunSettings) -> str:
    return f"split {settings.split}, {settings.method}, seed {settings.seed}"
