"""What a student can be taught with: pure functions of two tensors, each a scalar out.

Everything is computed in single precision at least, whatever autocast says: a sum over 4,585 tags
in bfloat16 keeps two digits. Gradient flows into both arguments, as the published recipes have it;
a caller who wants a teacher to stand still passes a tensor that needs no gradient.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def bce_to_soft(logits: Tensor, probabilities: Tensor) -> Tensor:
    """Binary cross-entropy to a teacher's sigmoids: summed over tags, averaged over pictures.

    Both (N, T). Summed, because nearly all of a thousand targets are nearly 0 and an average would
    drown the few that say something. Least, but not 0, where sigmoid(logits) = probabilities.
    """
    logits, probabilities = _pair(logits, probabilities)
    return F.binary_cross_entropy_with_logits(logits, probabilities, reduction="sum") / len(logits)


def asymmetric(
    logits: Tensor,
    labels: Tensor,
    gamma_negative: float = 7,
    gamma_positive: float = 0,
    clip: float = 0.05,
) -> Tensor:
    """Asymmetric loss (Ridnik et al. 2021, arXiv:2009.14119, eq. 7), summed over tags and pictures.

    logits (N, T); labels (N, T) of 0 and 1. With p = sigmoid(logit) and q = max(p - clip, 0), a tag
    that is there costs -(1-p)^gamma_positive log p, one that is not -q^gamma_negative log(1-q). The
    defaults are RAM's. As in the authors' own training, the powers are constants to the gradient.
    """
    logits, labels = _pair(logits, labels)
    there, absent = F.logsigmoid(logits), _log_of_shifted(logits, clip)
    with torch.no_grad():
        missed = torch.sigmoid(-logits) ** gamma_positive  # (1 - p)^gamma
        feared = (torch.sigmoid(logits) - clip).clamp(min=0) ** gamma_negative
    return -(labels * missed * there + (1 - labels) * feared * absent).sum()


def _log_of_shifted(logits: Tensor, clip: float) -> Tensor:
    """log(1 - max(sigmoid(x) - clip, 0)) without the cancellation near 1."""
    if clip == 0:
        return F.logsigmoid(-logits)
    # The argument is at least clip: no infinity, and no gradient where the clip has cut it to 1.
    return (torch.sigmoid(-logits) + clip).clamp(max=1).log()


def softmax_kl(logits: Tensor, teacher: Tensor, temperature: float = 1.0) -> Tensor:
    """KL(teacher || student) of softened softmaxes, times temperature squared so that its gradient
    keeps its size (Hinton et al. 2015, arXiv:1503.02531); averaged over pictures.

    Both (N, T) logits.
    """
    if not temperature > 0 or math.isinf(temperature):
        raise ValueError(f"temperature {temperature}, expected a positive number")
    logits, teacher = _pair(logits, teacher)
    return _kl(logits / temperature, teacher / temperature) * temperature**2


def feature_kl(student: Tensor, teacher: Tensor) -> Tensor:
    """KL(softmax(teacher) || softmax(student)) over the D numbers of a feature, averaged over
    pictures: AD-Net's self-distillation (weak crop as teacher, weight 0.1, no temperature).

    Both (N, D).
    """
    return _kl(*_pair(student, teacher))


def feature_l1(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean absolute difference of features that are not normalised (RAM, arXiv:2306.03514, to the
    image feature of CLIP). Both (N, D).
    """
    return F.l1_loss(*_pair(student, teacher))


def feature_cosine(student: Tensor, teacher: Tensor) -> Tensor:
    """1 - cosine of each picture's two features, averaged: 0 where they point the same way, 2 where
    they point apart, whatever their lengths. Both (N, D). A feature of zeros counts as 1.
    """
    student, teacher = _pair(student, teacher)
    return 1 - F.cosine_similarity(student, teacher, dim=1).mean()


def _kl(student: Tensor, teacher: Tensor) -> Tensor:
    """Of logarithms on both sides: finite for every finite input."""
    return F.kl_div(
        student.log_softmax(1), teacher.log_softmax(1), reduction="batchmean", log_target=True
    )


def _pair(student: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
    """Same shape, and single precision or better. Broadcasting would hide a wrong one."""
    if student.shape != teacher.shape or student.dim() != 2:
        raise ValueError(
            f"student {tuple(student.shape)} and teacher {tuple(teacher.shape)}, "
            "expected the same two sizes"
        )
    wide = torch.promote_types(torch.promote_types(student.dtype, teacher.dtype), torch.float32)
    return student.to(wide), teacher.to(wide)
