"""What many looks at one thing say together, and whether one more could change it. Pure.

Looks add in log-odds (a naive Bayes of views), each with a weight: two looks that show the same
view are one look, so only what is new in a view counts. A thing is settled once a tag, or "none of
these" from every head, has the probability SETTLED; after PATIENCE looks without that, or fewer
where they show nothing new, it is unsure, which is an answer too.

What is told of a thing does not flicker. A tag gives way only when another one leads it by MARGIN:
evidence has to turn, not to tremble. And one that was taken back is not told again before the thing
is worth a new look for a reason of its own: see `reopened`. Where it would be the best answer after
all, none is given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
import numpy as np

from edge.bundle.manifest import Head
from edge.heads.scores import ranked, sigmoid
from edge.records import F32, F64

SETTLED = 0.98
DOUBTED = 0.5  # what is left of the certainty about a thing that is worth a new look
NOTHING = 0.90  # "none of these" from every head
PATIENCE = 6  # looks
MARGIN = 1.5  # nats between the tag that is shown and the one that takes its place
SLACK = 1.0  # nats below its threshold from which a tag of several is taken back
MOST = 8.0  # nats that one tag may lead by: what was believed for long can still be unlearned
REPEATED = 0.15  # what a look counts that shows nothing new
NEW_VIEW = 0.25  # 1 - cosine of two embeddings from which a view counts in full
VIEWS = 4  # embeddings kept

State = Literal["open", "settled", "unsure"]
_Top = tuple[float, bool]  # of a softmax head: its best answer's probability; is it "none"?


class Evidence(msgspec.Struct, frozen=True, eq=False):
    """Of one thing. Arrays are never changed in place."""

    logs: Mapping[str, F32] = {}  # head -> (T,) or (T + 1,) log-probabilities, or logits
    views: tuple[F32, ...] = ()  # (D,) embeddings of length 1, the last ones that were new
    looks: int = 0
    patience: int = PATIENCE  # looks after which it is unsure
    shown: Mapping[str, tuple[int, ...]] = {}  # head -> the tags that are told
    names: tuple[tuple[str, int], ...] = ()  # of those, the tags of softmax heads: what it is
    left: Mapping[str, tuple[int, ...]] = {}  # head -> those taken back since it was (re)opened
    state: State = "open"
    sure: float = 0.0  # probability of the best answer


def weight(views: Sequence[F32], embedding: F32) -> float:
    """How much of a view is new, REPEATED..1: by the view most like it."""
    if not views:
        return 1.0
    nearest = max(float(view.dot(embedding)) for view in views)
    return min(1.0, max(REPEATED, (1 - nearest) / NEW_VIEW))


def add(
    evidence: Evidence, heads: Sequence[Head], scores: Mapping[str, F32], embedding: F32
) -> Evidence:
    """The evidence after one more look. scores: head -> (T,) or (T + 1,) probabilities."""
    counts = weight(evidence.views, embedding)
    logs = {
        head.name: _added(head, evidence.logs.get(head.name), scores[head.name], counts)
        for head in heads
    }
    views = evidence.views
    if counts > REPEATED:
        views = (*views, embedding)[-VIEWS:]
    looks, patience = evidence.looks + 1, evidence.patience - (counts <= REPEATED)
    shown, left = {}, {}
    for head in heads:
        before, barred = evidence.shown.get(head.name, ()), evidence.left.get(head.name, ())
        told = shown[head.name] = _told(head, logs[head.name], before, barred)
        left[head.name] = (*barred, *(tag for tag in before if tag not in told))
    names = tuple((h.name, tag) for h in heads if h.kind == "softmax" for tag in shown[h.name])
    tops = [_best(head, logs[head.name]) for head in heads if head.kind == "softmax"]
    state = _state(tops, looks, patience)
    return Evidence(logs, views, looks, patience, shown, names, left, state, _sure(tops))


def reopened(evidence: Evidence) -> Evidence:
    """The same, open for another look: it grew, became sharper, looks different, or the last look
    was long ago. What was believed stays, and is told, until a look speaks against it; what was
    taken back may be told again.
    """
    patience, sure = evidence.looks + PATIENCE, min(evidence.sure, DOUBTED)
    return msgspec.structs.replace(evidence, state="open", patience=patience, sure=sure, left={})


def without(evidence: Evidence, head: str) -> Evidence:
    """Reopened, with nothing that was known by a head: its tags are others now."""
    kept = {
        key: {name: of for name, of in getattr(evidence, key).items() if name != head}
        for key in ("logs", "shown")
    }
    names = tuple(name for name in evidence.names if name[0] != head)
    return msgspec.structs.replace(reopened(evidence), names=names, **kept)


def probabilities(head: Head, logs: F32) -> F32:
    """(T,) or (T + 1,) in the units of the head's thresholds."""
    if head.kind == "softmax":
        return np.asarray(np.exp(logs), np.float32)
    return sigmoid(logs)


def _state(tops: Sequence[_Top], looks: int, patience: int) -> State:
    """Settled, unsure, or open for another look."""
    if any(p >= SETTLED and not is_none for p, is_none in tops):
        return "settled"
    if tops and all(p >= NOTHING and is_none for p, is_none in tops):
        return "settled"
    return "unsure" if looks >= patience else "open"


def _sure(tops: Sequence[_Top]) -> float:
    """The probability of the best tag, where one leads its head; else of "none of these"."""
    named = [p for p, is_none in tops if not is_none]
    return max(named) if named else min((p for p, _ in tops), default=0.0)


def _best(head: Head, logs: F32) -> _Top:
    """The best answer's probability, and whether it is "none of these"."""
    p = probabilities(head, logs)
    best = int(p.argmax())
    return float(p[best]), head.has_none and best == len(p) - 1


def _added(head: Head, before: F32 | None, scores: F32, counts: float) -> F32:
    p = np.minimum(np.maximum(scores.astype(np.float64), 1e-6), 1 - 1e-6)
    new = np.log(p) if head.kind == "softmax" else np.log(p / (1 - p))
    if before is None:
        return np.asarray(_normal(new) if head.kind == "softmax" else new, np.float32)
    if head.kind == "softmax":
        return np.asarray(_normal(np.maximum(_lead(before) + counts * new, -1e3)), np.float32)
    # A thing that many looks see is not surer of each tag than its best views are: an average.
    return np.asarray(before + counts * (new - before) / 2, np.float32)


def _lead(logs: F32) -> F32:
    """No tag leads the others by more than MOST."""
    return np.asarray(np.maximum(logs, logs.max() - MOST), np.float32)


def _normal(logs: F64) -> F32:
    shifted = logs - logs.max()
    return np.asarray(shifted - np.log(np.exp(shifted).sum()), np.float32)


def _told(
    head: Head, logs: F32, before: tuple[int, ...], barred: tuple[int, ...]
) -> tuple[int, ...]:
    """The tags of a head that are told, best first, given those told before and those barred."""
    if head.kind == "softmax":
        return _one(head, logs, before, barred)
    p = probabilities(head, logs)
    chosen = p >= head.limits
    chosen[list(barred)] = False
    if before:
        kept = list(before)
        chosen[kept] = p[kept] >= _loosened(np.broadcast_to(head.limits, len(p))[kept])
    rows = np.nonzero(chosen)[0]
    return tuple(rows[ranked(p[rows])].tolist())


def _loosened(limits: F32) -> F32:
    """SLACK nats below."""
    return np.asarray(1 / (1 + np.exp(SLACK) * (1 / np.clip(limits, 1e-6, 1) - 1)))


def _one(
    head: Head, logs: F32, before: tuple[int, ...], barred: tuple[int, ...]
) -> tuple[int, ...]:
    """Of a softmax head: a tag that beats "none" and reaches its threshold, or no tag."""
    best = int(logs.argmax())
    if before and logs[best] - logs[before[0]] < MARGIN:
        return before
    if best == len(logs) - head.has_none or best in barred:
        return ()
    limit = head.limits[best] if len(head.limits) > 1 else head.limits[0]
    return (best,) if np.exp(logs[best]) >= limit else ()
