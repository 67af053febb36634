"""FashionSAP's five losses, each of weight 1, on one process: no process group is needed.

B pairs, D numbers a vector, Q vectors in a queue, L tokens, V words.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

IGNORED = -100  # the label of a token that nobody hid
COLDEST, WARMEST = 0.001, 0.5  # the temperature is kept between


def contrastive(
    image: Tensor,
    text: Tensor,
    all_texts: Tensor,
    all_images: Tensor,
    slow_image: Tensor,
    slow_text: Tensor,
    right: Tensor,
    *,
    temperature: Tensor,
    alpha: float = 0.4,
) -> Tensor:
    """Pictures and texts find each other among the batch and the queues.

    image, text             (B, D) of length 1, with gradient
    slow_image, slow_text   (B, D) of the momentum twins
    all_texts, all_images   (B + Q, D): those of the twins, then the queue
    right                   (B, B + Q) 1 where the product is the same
    alpha                   share of the twins' own belief in the target
    """
    share = right / right.sum(1, keepdim=True)
    found = 0.0
    for fast, slow, others in ((image, slow_image, all_texts), (text, slow_text, all_images)):
        belief = (slow @ others.T / temperature).softmax(1).detach()
        target = alpha * belief + (1 - alpha) * share  # (B, B + Q)
        found = found - (F.log_softmax(fast @ others.T / temperature, 1) * target).sum(1).mean()
    return torch.as_tensor(found) / 2


def same_product(products: Tensor, queued: Tensor) -> Tensor:
    """(B,) and (Q,) numbers of products -> (B, B + Q): `right` of `contrastive`."""
    return (products[:, None] == torch.cat([products, queued])[None]).float()


def hard_negatives(scores: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """(B, B) scores of each with each other -> (B,) one that does not belong, likelier if alike."""
    own = torch.eye(len(scores), dtype=torch.bool)
    weights = scores.detach().masked_fill(own, -1000.0).softmax(1).masked_fill(own, 0.0)
    return torch.multinomial(weights, 1, generator=generator)[:, 0]


def matching(right: Tensor, wrong: Tensor) -> Tensor:
    """(B, 2) logits of pairs that belong together, (2 B, 2) of those that do not."""
    labels = torch.cat([torch.ones(len(right)), torch.zeros(len(wrong))]).long()
    return F.cross_entropy(torch.cat([right, wrong]), labels)


def symbol_likeness(symbol: Tensor, image: Tensor) -> Tensor:
    """(B, D) of length 1 both: 0 where the symbol's state and the picture are alike, 1 opposite."""
    return (1 - ((symbol * image).sum(1) + 1) / 2).mean()


def hidden_words(logits: Tensor, labels: Tensor) -> Tensor:
    """(B, L, V), and (B, L) the word that was hidden there, IGNORED elsewhere."""
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED)


def replaced(logits: Tensor, labels: Tensor) -> Tensor:
    """(B, L, 2), and (B, L) 1 where a token was replaced; padding was not."""
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten())


@torch.no_grad()
def follow(slow: torch.nn.Module, fast: torch.nn.Module, momentum: float = 0.995) -> None:
    """The momentum twin takes a step towards what it is a twin of."""
    for behind, ahead in zip(slow.parameters(), fast.parameters(), strict=True):
        behind.mul_(momentum).add_(ahead, alpha=1 - momentum)


def clamped(temperature: Tensor) -> Tensor:
    return temperature.clamp(COLDEST, WARMEST)
