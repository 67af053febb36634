"""Artifacts, heads, proof and recipe -> the files and the manifest of one bundle.

Golden pictures are rendered here (calib_data), so a bundle holds nothing that anybody photographed.
Their expected scores are what each int8 artifact answers on this machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import msgspec
import numpy as np

from calib_data.scenes import crop
from edge.bundle import Accuracy, Artifact, Golden, Head
from edge.bundle.golden import golden_embedding, golden_scores
from edge.bundle.write import stored
from edge.heads.scores import UNSURE, scores
from edge.pictures import pixels
from edge.records import F32, U8
from quantize.errors import WorkshopError
from quantize.evidence import Evidence
from quantize.int8.gate import EMBEDDING
from quantize.int8.tables import mend
from quantize.pictures import Sample, TagList
from quantize.report import thresholds
from quantize.report.measures import Indices
from quantize.report.models import FILES, HeadSpec, Model
from quantize.report.opened import Opened
from quantize.report.records import Report, manifest_accuracy
from quantize.report.table import verdict_table
from quantize.report.truth import by_people, by_teacher
from quantize.training.shelf import label

GOLDEN = (("grocery", "Lemon"), ("clothes", "T-Shirt"), ("fish", "perch"))
GOLDEN_SEED = 20261122
LEARN = "edge-quantize quantize --qat 600, more calibration pictures, or another student"

Files = dict[str, bytes]


def refuse_failed(report: Report, where: object) -> None:
    """Raises WorkshopError with the gate's table when int8 lost too much anywhere."""
    if not report.verdicts:
        raise WorkshopError(
            where, "no verdict in the report", "that of the gate", "run compare again"
        )
    if failed := [verdict for verdict in report.verdicts if not verdict.passed]:
        raise WorkshopError(
            where,
            f"int8 is not good enough:\n{verdict_table(report)}\n",
            "every line to pass",
            mend(failed, LEARN),
        )


def refuse_other(report: Report, models: Sequence[Model], where: object) -> None:
    """Raises WorkshopError when the report is about other files than those that are packed."""
    for model in models:
        proven = report.row(model.engine, "int8").sha256
        if proven != model.sha256:
            raise WorkshopError(
                model.where,
                f"SHA-256 is {_short(model.sha256)}",
                f"{_short(proven)} as {where} says"
                if proven
                else f"to stand in {where}, which is of an older release and names no file",
                "edge-quantize compare again, into another folder",
            )


def _short(digests: Sequence[str]) -> str:
    return ", ".join(f"{digest[:16]}..." for digest in digests)


def heads_of(specs: Mapping[str, HeadSpec], evidence: Evidence, held_out: str) -> list[Head]:
    """Heads with temperature and thresholds fitted to what int8 said of the held-out pictures."""
    return [_head(spec, evidence, held_out) for spec in specs.values()]


def tag_files(specs: Mapping[str, HeadSpec]) -> Files:
    """Tag lists as files of the bundle."""
    return {
        tag_file(name): "".join(
            f"{tag}\t{group}\n" if group else f"{tag}\n"
            for tag, group in zip(spec.tags, spec.groups)
        ).encode()
        for name, spec in specs.items()
    }


def tag_file(head: str) -> str:
    """Where a head's tag list stands in the bundle."""
    return f"tags/{head}.txt"


def _head(spec: HeadSpec, evidence: Evidence, held_out: str) -> Head:
    kind = evidence.report.heads[spec.name].kind
    file = tag_file(spec.name)
    head = Head(
        spec.name, kind, stored(file, tag_files({spec.name: spec})[file]), 1.0, (0.5,),
        kind == "softmax", held_out, _accuracy(evidence.report, spec.name),
    )  # fmt: skip
    return (_softmax if kind == "softmax" else _multilabel)(head, spec, evidence)


def _accuracy(report: Report, head: str) -> dict[str, Accuracy]:
    found = {f"{r.engine}/{r.precision}": manifest_accuracy(r.heads[head]) for r in report.rows}
    return {name: accuracy for name, accuracy in found.items() if accuracy}


def labelled_rows(
    spec: HeadSpec, samples: Sequence[Sample], pictures: Sequence[Sample]
) -> tuple[Indices, Indices]:
    """What a softmax head is asked, (n,) which picture and (n,) which logit is right: every label
    of the head, as `compare` counts them, and "none" once for a picture that has none of them; -1
    where nobody said anything.
    """
    place = {picture.place: i for i, picture in enumerate(pictures)}
    said = [s for s in samples if s.head == spec.name and s.place in place]
    labelled = {s.place for s in said}
    rows = said + [p for p in pictures if p.place not in labelled]
    tags = TagList(spec.tags, spec.groups)
    labels = [label(row, spec.name, tags) for row in rows]
    return np.array([place[row.place] for row in rows]), np.array(labels)


def _softmax(head: Head, spec: HeadSpec, evidence: Evidence) -> Head:
    rows, labels = labelled_rows(spec, evidence.samples, evidence.pictures)
    logits = evidence.outputs[head.name][rows]
    mine = (labels >= 0) & (labels < len(spec.tags))
    if not mine.any():
        return head
    temperature = thresholds.softmax_temperature(logits[mine], labels[mine])
    head = msgspec.structs.replace(head, temperature=temperature)
    said = labels >= 0
    found = thresholds.softmax_threshold(scores(head, logits[said]), labels[said])
    limit = max(found, UNSURE)  # a tag says more than its group, and is said no sooner
    return msgspec.structs.replace(head, thresholds=(limit,))


def _multilabel(head: Head, spec: HeadSpec, evidence: Evidence) -> Head:
    truth = by_people(spec, "multilabel", evidence.samples, evidence.pictures)
    truth = truth or by_teacher(spec, evidence.teacher, evidence.pictures)
    if truth is None:
        return head
    logits = evidence.outputs[head.name][truth.rows]
    temperature = thresholds.sigmoid_temperature(logits, truth.wanted)
    head = msgspec.structs.replace(head, temperature=temperature)
    limits = thresholds.tag_thresholds(scores(head, logits), truth.wanted, truth.sure)
    told = tuple(max(limit, thresholds.LIKELY) for limit in limits)
    told = told[:1] if len(set(told)) == 1 else told  # one for all: a thousand alike say no more
    return msgspec.structs.replace(head, thresholds=told)


def golden_of(
    heads: Sequence[Head], specs: Mapping[str, HeadSpec], models: Sequence[Opened]
) -> tuple[list[Golden], Files]:
    """Rendered pictures and what every int8 artifact says of them."""
    golden, files = [], {}
    for i, (head, tag) in enumerate(GOLDEN):
        picture = pixels.fit(crop(head, tag, GOLDEN_SEED + i), models[0].spec)
        file = f"golden/{tag.lower()}.png"
        files[file] = _png(picture)
        rows = {m.model.name: _rows(m, picture) for m in models}
        answers = {name: _answers(row, heads, specs) for name, row in rows.items()}
        samples = {name: golden_embedding(row[EMBEDDING][0]) for name, row in rows.items()}
        golden.append(Golden(stored(file, files[file]), answers, samples))
    return golden, files


def _rows(model: Opened, picture: U8) -> dict[str, F32]:
    """Of each head, logits (1, L); and the embedding (1, D)."""
    rows = model.engine.run(picture[None])
    named = model.tensors | {EMBEDDING: _embedding(model)}
    return {word: rows[tensor] for word, tensor in named.items()}


def _answers(
    rows: Mapping[str, F32], heads: Sequence[Head], specs: Mapping[str, HeadSpec]
) -> dict[str, dict[str, float]]:
    names = {name: tuple(zip(spec.tags, spec.groups)) for name, spec in specs.items()}
    return {h.name: golden_scores(names[h.name], scores(h, rows[h.name])[0]) for h in heads}


def _png(rgb: U8) -> bytes:
    return cv2.imencode(".png", rgb[:, :, ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()


def artifacts_of(models: Sequence[Opened]) -> tuple[list[Artifact], Files]:
    """The int8 artifact of every engine; engines that read the same bytes share them."""
    artifacts, files = [], {}
    for opened in models:
        names = [f"int8/{name}" for name in FILES[opened.model.engine]]
        found = dict(zip(names, opened.model.files))
        files |= found
        outputs = opened.tensors | {EMBEDDING: _embedding(opened)}
        kept = tuple(stored(name, data) for name, data in found.items())
        artifacts.append(Artifact(opened.model.engine, "int8", kept, outputs))
    return artifacts, files


def _embedding(opened: Opened) -> str:
    if opened.embedding is None:
        found = ", ".join(out.name for out in opened.engine.outputs)
        raise WorkshopError(
            opened.model.where, f"outputs are {found}", "an embedding besides", "export again"
        )
    return opened.embedding


def embedding_size(opened: Opened) -> int:
    """Numbers in an embedding."""
    shapes = {out.name: out.shape for out in opened.engine.outputs}
    return int(shapes[_embedding(opened)][-1])
