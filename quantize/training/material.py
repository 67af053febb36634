"""What a student is fine-tuned on: labelled pictures, with a teacher's soft targets or without."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from quantize.errors import WorkshopError, listed
from quantize.labels import load as load_labels
from quantize.labels import told_of
from quantize.pictures import TagList, read_folder
from quantize.training.shelf import Shelf, shelve


def read_shelves(
    images: Path, head: str, soft: Path | None
) -> tuple[dict[str, TagList], Shelf, Shelf]:
    """Tag lists by head, pictures to learn from, pictures to be judged on.

    head   of class folders
    soft   what `label` wrote of them

    Raises WorkshopError where there is nothing to learn, or a label or a soft target does not fit.
    """
    pictures, labels = read_folder(images, head), None
    if any(sample.head == "tags" for sample in pictures.samples):
        raise WorkshopError(
            images, "labels of head 'tags'", "another head: 'tags' is what a teacher says",
            "--head OTHER, or rename it in labels.jsonl",
        )  # fmt: skip
    lists = {head: tags for head, tags in pictures.lists.items() if head != "tags"}
    if soft:
        labels = load_labels(soft)
        lists["tags"] = TagList(tuple(labels.tags), (None,) * len(labels.tags))
    if not lists:
        raise WorkshopError(
            images, "no labels", "labels.jsonl or class folders", "edge-quantize distill"
        )
    train, val = pictures.of("train"), pictures.of("val")
    train = told_of(train, labels, soft) if labels else train
    return lists, shelve(train, lists, labels), shelve(val, lists)


def untaught(lists: Mapping[str, TagList], train: Shelf, val: Shelf) -> Iterator[str]:
    """What does not come to be learned, in words."""
    if reasons := (*train.left_out, *val.left_out):
        yield f"{len(reasons)} pictures left out:{listed(reasons)}"
    said = {(s.head, s.tag) for s in train.samples}
    for head, tags in lists.items():  # a class of one picture may be held out whole
        unsaid = [tag for tag in tags.tags if head != "tags" and (head, tag) not in said]
        if unsaid:
            yield f"no picture to learn {len(unsaid)} tags of {head} from, first {unsaid[0]!r}"
    unlabelled = [sample for sample in train.samples if not sample.head]
    if unlabelled and train.soft is None:  # a picture beside the class folders, for example
        first = unlabelled[0].file
        yield f"{len(unlabelled)} pictures without a label teach nothing, first {first}"
