"""What a student is taught by a teacher alone: which losses, how much each, from what it said."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import torch
from torch import Tensor, nn

from edge.records import F32
from quantize.distill.lessons import Lesson
from quantize.errors import WorkshopError
from quantize.labels import Labels
from quantize.students import Student, normalise
from quantize.training.losses import (
    asymmetric,
    bce_to_soft,
    feature_cosine,
    feature_kl,
    feature_l1,
    softmax_kl,
)

SURE = 0.5  # a teacher without thresholds sees what it gives at least this score
# By the kind of teacher. A softmax says little of how sure each tag is, hence half of a BCE.
DEFAULTS = {"sigmoid": "bce", "softmax": "softmax,bce=0.5"}
FEATURE_DEFAULTS = "l1,cosine"  # where the teacher has an embedding


class Plan(msgspec.Struct, frozen=True, eq=False):
    """Losses with their weights, and how to read the teacher's logits."""

    weights: dict[str, float]
    is_softmax: bool
    thresholds: Tensor  # (T,) of the teacher's scores
    temperature: float = 1.0

    @property
    def needs_feature(self) -> bool:
        """Is a projection to the teacher's embedding learned, too?"""
        return any(name in FEATURES for name in self.weights)

    def scores(self, logits: Tensor) -> Tensor:
        """(N, T) teacher's logits -> 0..1."""
        return logits.softmax(1) if self.is_softmax else logits.sigmoid()

    def present(self, logits: Tensor) -> Tensor:
        """(N, T) teacher's logits -> 1.0 where it gives the tag, else 0.0."""
        return (self.scores(logits) >= self.thresholds.to(logits.device)).float()


class Learner(nn.Module):
    """A student, and what it is taught with and nobody ships: the way to a teacher's feature."""

    def __init__(self, student: Student, feature: int) -> None:
        super().__init__()
        self.student = student
        width: int = student.heads["tags"].in_features  # type: ignore[assignment]
        self.projection = nn.Linear(width, feature) if feature else None

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """As the student's, and "feature" (N, D) where there is one to learn."""
        outputs: dict[str, Tensor] = self.student(x)
        if self.projection is not None:
            outputs["feature"] = self.projection(outputs["embedding"])
        return outputs


Outputs = dict[str, Tensor]
Term = Callable[[Outputs, Lesson, Plan], Tensor]


def _asymmetric(outputs: Outputs, lesson: Lesson, plan: Plan) -> Tensor:
    """A picture's share: the same for one process and for many, for small batches and large."""
    return asymmetric(outputs["tags"], plan.present(lesson.logits)) / len(lesson.logits)


def _feature(loss: Callable[[Tensor, Tensor], Tensor]) -> Term:
    def term(outputs: Outputs, lesson: Lesson, _: Plan) -> Tensor:
        assert lesson.feature is not None
        return loss(outputs["feature"], lesson.feature)

    return term


TAGS: dict[str, Term] = {
    "bce": lambda out, seen, plan: bce_to_soft(out["tags"], plan.scores(seen.logits)),
    "asl": _asymmetric,
    "softmax": lambda out, seen, plan: softmax_kl(out["tags"], seen.logits, plan.temperature),
}
FEATURES: dict[str, Term] = {
    "l1": _feature(feature_l1),
    "cosine": _feature(feature_cosine),
    "kl": _feature(feature_kl),
}
TERMS = TAGS | FEATURES


def plan_of(losses: str, labels: Labels, temperature: float) -> Plan:
    """`losses`: names of TERMS by commas, each with =weight where it is not 1; "auto": what suits
    the teacher. Raises WorkshopError for a loss that this teacher cannot give.
    """
    is_softmax = labels.kind == "softmax"
    if losses == "auto":
        losses = DEFAULTS[labels.kind] + (f",{FEATURE_DEFAULTS}" if labels.embedding else "")
    limits = labels.thresholds or (SURE,) * len(labels.tags)
    weights = dict(_weight(part) for part in losses.split(","))
    plan = Plan(weights, is_softmax, torch.tensor(limits), temperature)
    _check(plan, labels)
    return plan


def taught(learner: nn.Module, lesson: Lesson, plan: Plan) -> Tensor:
    """The weighted sum of the losses on one batch, wherever the learner is."""
    device = next(learner.parameters()).device
    seen = lesson.to(device)
    x = normalise(seen.pixels).contiguous(memory_format=torch.channels_last)
    outputs = learner(x)
    terms = [weight * TERMS[name](outputs, seen, plan) for name, weight in plan.weights.items()]
    return torch.stack(terms).sum()


@torch.no_grad()
def begin_at_mean(student: Student, plan: Plan, logits: F32) -> None:
    """Let an untrained head `tags` say of every picture what the teacher says on average, so that
    the first steps are not spent on learning that most tags are absent (Lin et al. 2017,
    arXiv:1708.02002, section 4.1). logits: (N, T) the teacher's.
    """
    mean = torch.zeros(logits.shape[1])
    for first in range(0, len(logits), 4096):
        mean += plan.scores(torch.from_numpy(logits[first : first + 4096])).sum(0) / len(logits)
    head = student.heads["tags"]
    head.bias.copy_(mean.clamp(1e-4, 1 - 1e-4).logit())  # type: ignore[operator]


def _weight(part: str) -> tuple[str, float]:
    name, _, number = part.strip().partition("=")
    try:
        weight = float(number or 1)
    except ValueError:
        weight = 0.0
    if name not in TERMS or not 0 < weight < float("inf"):
        raise WorkshopError(
            "--losses",
            repr(part),
            f"auto, or {', '.join(TERMS)} by commas, each with =WEIGHT above 0",
            "--losses bce,cosine=0.5",
        )
    return name, weight


def _check(plan: Plan, labels: Labels) -> None:
    if "softmax" in plan.weights and not plan.is_softmax:
        raise WorkshopError(
            "--losses softmax", f"{labels.teacher} gives any number of tags a picture",
            "a teacher that gives one", "--losses bce",
        )  # fmt: skip
    if plan.needs_feature and labels.embedding is None:
        wanted = ", ".join(name for name in plan.weights if name in FEATURES)
        raise WorkshopError(
            f"--losses {wanted}", f"{labels.teacher} has no embedding", "a teacher that has one",
            f"--losses {DEFAULTS[labels.kind]}",
        )  # fmt: skip
    if not any(name in TAGS for name in plan.weights):
        raise WorkshopError(
            "--losses", "nothing that teaches tags", f"one of {', '.join(TAGS)} at least",
            f"--losses {DEFAULTS[labels.kind]},{','.join(plan.weights)}",
        )  # fmt: skip
    if not 0 < plan.temperature < float("inf"):
        raise WorkshopError("--temperature", str(plan.temperature), "above 0", "--temperature 1")
