"""The pictures that float and int8 see most differently, to be looked at."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from edge.bundle.manifest import InputSpec
from edge.errors import SourceError
from edge.pictures import pixels
from edge.records import F32
from quantize.pictures import Place, Sample, read
from quantize.report.answers import Logits
from quantize.report.judge import scores_at
from quantize.report.measures import Flags, distances
from quantize.report.models import HeadSpec
from quantize.report.records import Answer, Difference, Kind
from quantize.report.truth import labels_of

SHOWN = 24
LEAST = 0.01  # a distance below it is rounding
SIDE = 176  # px: the longer side of a thumbnail
QUALITY = 82


def differences(
    heads: Sequence[HeadSpec],
    kinds: Mapping[str, Kind],
    temperatures: Mapping[str, float],
    samples: Sequence[Sample],
    pictures: Sequence[Sample],
    before: Logits,
    after: Logits,
) -> tuple[Difference, ...]:
    """At most SHOWN, largest first, each picture once: on its own head, or where nobody said, on
    the multilabel heads, or without those, on all. `before`: float, `after`: int8, same engine."""
    labels = labels_of(samples)
    best: dict[Place, Difference] = {}
    for head in heads:
        kind, at = kinds[head.name], temperatures.get(head.name, 1.0)
        asked = _asked(head.name, heads, kinds, pictures, labels)
        if not asked.any():
            continue
        one = scores_at(kind, before[head.name][asked], at)
        other = scores_at(kind, after[head.name][asked], at)
        apart = distances(kind, one, other)
        for n in np.argsort(-apart, kind="stable")[:SHOWN]:
            picture = pictures[np.flatnonzero(asked)[n]]
            found = _difference(head, picture, labels, one[n], other[n], float(apart[n]))
            known = best.get(picture.place)
            if known is None or known.distance < found.distance:
                best[picture.place] = found
    worth = [d for d in best.values() if d.distance >= LEAST]
    return tuple(sorted(worth, key=lambda d: (-d.distance, d.file))[:SHOWN])


def _asked(
    head: str,
    heads: Sequence[HeadSpec],
    kinds: Mapping[str, Kind],
    pictures: Sequence[Sample],
    labels: Mapping[Place, Mapping[str, list[str]]],
) -> Flags:
    """(N,) which pictures a head is asked about."""
    names = {h.name for h in heads}
    general = {name for name in names if kinds[name] == "multilabel"} or names
    own = [labels.get(p.place, {}).keys() & names or general for p in pictures]
    return np.array([head in mine for mine in own])


def _difference(
    head: HeadSpec,
    picture: Sample,
    labels: Mapping[Place, Mapping[str, list[str]]],
    before: F32,
    after: F32,
    distance: float,
) -> Difference:
    said = labels.get(picture.place, {}).get(head.name, [])
    return Difference(
        str(picture.file),
        picture.box,
        head.name,
        ", ".join(said),
        _answer(head, before),
        _answer(head, after),
        round(distance, 4),
    )


def _answer(head: HeadSpec, scores: F32) -> Answer:
    best = int(scores[: len(head.tags)].argmax())
    return Answer(head.tags[best], round(float(scores[best]), 4))


def thumbnails(found: Sequence[Difference]) -> list[str]:
    """A data URI each, JPEG, the longer side SIDE px; "" where the picture is gone by now."""
    return [_thumbnail(difference) for difference in found]


def _thumbnail(difference: Difference) -> str:
    try:
        rgb = read(Sample(Path(difference.file), "", "", "val", difference.box))
    except (SourceError, OSError, ValueError):
        return ""
    height, width = rgb.shape[:2]
    shrink = SIDE / max(height, width)
    spec = InputSpec(height=max(1, round(height * shrink)), width=max(1, round(width * shrink)))
    small = pixels.fit(rgb, spec)
    data = cv2.imencode(".jpg", small[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
    return f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}"
