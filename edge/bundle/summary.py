"""What a bundle says of itself, as rows of a table for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from edge.bundle.manifest import Accuracy, Head, StoredFile
from edge.bundle.read import Bundle
from edge.spelling import counted

Row = tuple[str, str]


def summary(bundle: Bundle) -> list[Row]:
    """A row a thing: heads with their accuracy, artifacts, what it was made from."""
    manifest = bundle.manifest
    by = (
        "not signed"
        if bundle.signature() is None
        else "signed: edge-tag bundle verify says by whom"
    )
    rows = [("bundle", f"{bundle.id}, {bundle.root}"), ("signature", by)]
    rows.append(("input", f"{manifest.input.width} x {manifest.input.height} px"))
    for head in manifest.heads:
        rows += _head(bundle, head)
    measured = dict.fromkeys(head.evaluation for head in manifest.heads if head.evaluation)
    rows += [("measured on", text) for text in measured]
    rows += [(f"{a.engine}/{a.precision}", _size(a.files)) for a in manifest.artifacts]
    rows += _beside(bundle)
    rows += [("trained on", ", ".join(one.values())) for one in manifest.trained_on]
    return rows


def _head(bundle: Bundle, head: Head) -> Iterator[Row]:
    tags = bundle.tags_of(head)
    groups = {group for _, group in tags if group is not None}
    what = f"{head.kind}, {counted(len(tags), 'tag')}"
    what += f" in {counted(len(groups), 'group')}" if groups else ""
    yield head.name, what + (", or none of them" if head.has_none else "")
    if head.accuracy:
        yield "", _accuracies(head.accuracy)


def _accuracies(accuracy: Mapping[str, Accuracy]) -> str:
    return ", ".join(f"{how} {100 * one.top1:.1f} %" for how, one in accuracy.items())


def _beside(bundle: Bundle) -> Iterator[Row]:
    manifest = bundle.manifest
    if manifest.glance is not None:
        glance = manifest.glance
        files = [file for artifact in glance.artifacts for file in artifact.files]
        yield "glance", f"{glance.columns} x {glance.rows} cells, {_size(files)}"
    if manifest.outline:
        yield "outline", f"of fish, {_size(manifest.outline)}"
    if manifest.attributes is not None:
        yield "attributes", f"of garments, {_size([manifest.attributes])}"


def _size(files: tuple[StoredFile, ...] | list[StoredFile]) -> str:
    return f"{sum(file.size_bytes for file in files) / 1e6:.1f} MB"
