"""Stage `pack`: artifacts, heads, proof and recipe -> one bundle directory.

Golden pictures are rendered here (calib_data), so a bundle holds nothing that anybody photographed.
Their expected scores are what each int8 artifact answers on this machine.
"""

from __future__ import annotations

import cv2
import msgspec
import numpy as np

from calib_data.scenes import crop
from edge import check, pixels
from edge.bundle import Accuracy, Artifact, Golden, Head, InputSpec, Manifest
from edge.bundle_write import stored
from edge.engines import open_engine
from edge.heads import scores
from edge.records import F32, U8
from quantize import thresholds
from quantize.compare import FILES, Report
from quantize.data import SETS, Sample, TagList

GOLDEN = (("grocery", "Lemon"), ("clothes", "T-Shirt"), ("fish", "perch"))
GOLDEN_SEED = 20261122
EVALUATION = {
    "clothes": "alexeygrigorev/clothing-dataset, senders held out",
    "grocery": "marcusklasson/GroceryStoreDataset, published validation split",
    "fish": "kratzert/EGU2017_public, fish held out",
    "tags": "agreement with the teacher's best tag on all of these",
}

Files = dict[str, bytes]


def heads_of(
    lists: dict[str, TagList],
    outputs: dict[str, F32],
    samples: list[Sample],
    soft: F32,
    report: Report,
) -> tuple[list[Head], Files]:
    """Heads with temperature and thresholds from held-out int8 outputs, and tag list files."""
    heads, files = [], {}
    for name, tags in lists.items():
        file = f"tags/{name}.txt"
        files[file] = "".join(f"{_line(t, g)}\n" for t, g in zip(tags.tags, tags.groups)).encode()
        is_multi = name == "tags"
        head = Head(
            name, "multilabel" if is_multi else "softmax", stored(file, files[file]), 1.0, (0.5,),
            not is_multi, EVALUATION[name], _accuracy(report, name),
        )  # fmt: skip
        if is_multi:
            heads.append(_fit_multilabel(head, outputs[name], soft))
        else:
            heads.append(_fit_softmax(head, tags, outputs[name], samples))
    return heads, files


def _line(tag: str, group: str | None) -> str:
    return f"{tag}\t{group}" if group else tag


def _accuracy(report: Report, head: str) -> dict[str, Accuracy]:
    return {f"{row.engine}/{row.precision}": row.accuracy[head] for row in report.rows}


def _fit_softmax(head: Head, tags: TagList, logits: F32, samples: list[Sample]) -> Head:
    none = len(tags.tags)
    labels = np.array([tags.tags.index(s.tag) if s.head == head.name else none for s in samples])
    mine = labels != none
    head = msgspec.structs.replace(
        head, temperature=thresholds.softmax_temperature(logits[mine], labels[mine])
    )
    limit = thresholds.softmax_threshold(scores(head, logits), labels)
    return msgspec.structs.replace(head, thresholds=(limit,))


def _fit_multilabel(head: Head, logits: F32, soft: F32) -> Head:
    wanted = np.exp(soft - np.logaddexp.reduce(soft, axis=1, keepdims=True))
    head = msgspec.structs.replace(head, temperature=thresholds.sigmoid_temperature(logits, wanted))
    limits = thresholds.tag_thresholds(scores(head, logits), wanted)
    return msgspec.structs.replace(head, thresholds=tuple(limits))


def golden_of(
    heads: list[Head], lists: dict[str, TagList], models: Files, spec: InputSpec
) -> tuple[list[Golden], Files]:
    """Rendered pictures and what every int8 artifact says of them. models: engine -> artifact."""
    golden, files = [], {}
    engines = {name: open_engine(name, [data], threads=1) for name, data in models.items()}
    for i, (head, tag) in enumerate(GOLDEN):
        picture = pixels.fit(crop(head, tag, GOLDEN_SEED + i), spec)
        file = f"golden/{tag.lower()}.png"
        files[file] = _png(picture)
        answers = {}
        for name, engine in engines.items():
            rows = dict(zip(("embedding", *lists), engine.run(picture[None]).values()))
            answers[f"{name}/int8"] = {
                h.name: check.golden_scores(_names(lists[h.name]), scores(h, rows[h.name])[0])
                for h in heads
            }
        golden.append(Golden(stored(file, files[file]), answers))
    return golden, files


def _names(tags: TagList) -> tuple[tuple[str, str | None], ...]:
    return tuple(zip(tags.tags, tags.groups))


def _png(rgb: U8) -> bytes:
    return cv2.imencode(".png", rgb[:, :, ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()


def artifacts_of(models: Files, lists: dict[str, TagList]) -> tuple[list[Artifact], Files]:
    """One int8 artifact an engine; engines that read the same file share it."""
    artifacts, files = [], {}
    for name, data in models.items():
        file = f"int8/{FILES[name]}"
        files[file] = data
        opened = open_engine(name, [data])
        outputs = dict(zip(("embedding", *lists), (o.name for o in opened.outputs)))
        artifacts.append(Artifact(name, "int8", (stored(file, data),), outputs))
    return artifacts, files


def manifest_of(
    name: str, counter: int, spec: InputSpec, heads: list[Head], artifacts: list[Artifact],
    golden: list[Golden], recipe: dict[str, str | int | float | bool],
) -> Manifest:  # fmt: skip
    """The manifest of the whole."""
    return Manifest(
        schema=1, name=name, counter=counter, input=spec, embedding_size=1280, heads=tuple(heads),
        artifacts=tuple(artifacts), golden=tuple(golden), trained_on=SETS, recipe=recipe,
    )  # fmt: skip
