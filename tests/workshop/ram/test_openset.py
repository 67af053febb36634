"""R10, R18: label rows for any tags, from names and from descriptions, with their provenance."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from quantize.errors import WorkshopError  # noqa: E402
from quantize.ram.labels import LabelRows, read_labels, write_labels  # noqa: E402
from quantize.ram.openset import (  # noqa: E402
    AT_ONCE,
    prompts,
    read_descriptions,
    read_templates,
    rows_from_descriptions,
    rows_from_names,
)

TEMPLATES = (  # made up; the published 63 are given as a file
    "one {} here.",
    "look at {article} {}.",
    "a fine {}.",
    "the old {}.",
    "The {} again.",
    "theatre of {article} {}.",
)


def tower(texts: list[str]) -> torch.Tensor:
    """A fixed row a text, of no particular length."""
    seeds = [int.from_bytes(hashlib.sha256(t.encode()).digest()[:4], "big") for t in texts]
    draws = [torch.randn(32, generator=torch.Generator().manual_seed(s)) for s in seeds]
    return 3 * torch.stack(draws)


@pytest.mark.parametrize(
    ("name", "article", "spoken"),
    [
        ("shoe", "a", "shoe"),
        ("apple", "an", "apple"),
        ("Aircraft engine", "a", "aircraft engine"),  # the published rule knows small vowels only
        ("umbrella_stand", "an", "umbrella stand"),
        ("Cup/Mug.", "a", "cup or mug"),
        ("etc...", "an", "etc"),
    ],
)
def test_prompts_follow_the_published_rule(name: str, article: str, spoken: str) -> None:
    assert prompts(name, TEMPLATES) == [
        f"one {spoken} here.",
        f"look at {article} {spoken}.",
        f"This is a fine {spoken}.",
        f"This is the old {spoken}.",
        f"The {spoken} again.",  # a capital T is no "the"
        f"This is theatre of {article} {spoken}.",  # and this is one, as upstream looks at it
    ]


def test_a_row_a_name_is_the_mean_of_its_prompts() -> None:
    """R10"""
    names = ["shoe", "Aircraft engine"]
    labels = rows_from_names(names, TEMPLATES, tower, "stub")
    for name, row in zip(names, labels.matrix):
        each = [tower([text])[0] for text in prompts(name, TEMPLATES)]
        mean = sum(row / row.norm() for row in each) / len(each)
        assert torch.allclose(row, mean / mean.norm(), atol=1e-6)
    assert labels.counts == (1, 1)
    assert labels.provenance["templates"] == 6
    assert labels.provenance["text_tower"] == "stub"


def test_a_row_a_description_and_tags_of_any_number(tmp_path: Path) -> None:
    """R10: kept apart, at length 1, tag by tag; more texts than one call of the encoder takes."""
    many = [f"text {i}" for i in range(AT_ONCE)]
    file = tmp_path / "described.json"
    file.write_text(json.dumps([{"shoe": ["worn on feet", "has laces"]}, {"hat": many}]))
    labels = rows_from_descriptions(file, tower)
    assert labels.tags == ("shoe", "hat")
    assert labels.counts == (2, AT_ONCE)
    wanted = torch.nn.functional.normalize(tower(["worn on feet", "has laces", *many]))
    assert torch.allclose(labels.matrix, wanted, atol=1e-6)
    assert labels.provenance["file_sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    """R10: saved with provenance, and the same bytes every time."""
    labels = rows_from_names(["shoe", "帽子"], TEMPLATES, tower, "stub")
    write_labels(labels, tmp_path / "a.safetensors")
    write_labels(labels, tmp_path / "b.safetensors")
    back = read_labels(tmp_path / "a.safetensors")
    assert torch.equal(back.matrix, labels.matrix)
    assert (back.tags, back.counts) == (labels.tags, labels.counts)
    assert back.provenance == labels.provenance
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{}", "list"),
        ("[]", "an empty list"),
        ('[{"a": ["x"], "b": ["y"]}]', r"entry 1 has tags \['a', 'b'\]"),
        ('[{"a": ["x"]}, {"b": []}]', "entry 2"),
        ('[{"a": [""]}]', "entry 1"),
        ('[{"a": [3]}]', "str"),
        ("not json", "malformed"),
    ],
)
def test_other_descriptions_are_refused(content: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "described.json"
    file.write_text(content)
    with pytest.raises(WorkshopError, match=said):
        read_descriptions(file)


def test_templates_need_a_place_for_the_name(tmp_path: Path) -> None:
    file = tmp_path / "templates.txt"
    file.write_text("a {}.\na photo.\n")
    with pytest.raises(WorkshopError, match=r"txt:2: 'a photo\.'"):
        read_templates(file)
    file.write_text("a {}.\n{article} {}\n")
    assert read_templates(file) == ("a {}.", "{article} {}")


def test_encoders_that_give_nothing_are_refused() -> None:
    """R18"""
    with pytest.raises(WorkshopError, match="all zeros, the first of tag 'shoe'"):
        rows_from_names(["shoe"], TEMPLATES, lambda texts: torch.zeros(len(texts), 8))
    with pytest.raises(WorkshopError, match=r"gave shape \(3,\) for 6 texts"):
        rows_from_names(["shoe"], TEMPLATES, lambda texts: torch.zeros(3))
    with pytest.raises(WorkshopError, match="0 names"):
        rows_from_names([], TEMPLATES, tower)
    with pytest.raises(WorkshopError, match="an empty name"):
        rows_from_names([""], TEMPLATES, tower)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (LabelRows(("a",), (2,), torch.ones(3, 4), {}), "sum 2, expected one count a tag, 3 rows"),
        (LabelRows(("a", "b"), (3,), torch.ones(3, 4), {}), "2 tags, 1 counts"),
        (LabelRows(("a", "b"), (3, 0), torch.ones(3, 4), {}), "no row for tag 'b'"),
        (LabelRows(("a",), (1,), torch.zeros(1, 4), {}), "all zeros"),
        (LabelRows(("a",), (1,), torch.full((1, 4), torch.inf), {}), "not finite"),
        (LabelRows(("a",), (1,), torch.ones(4), {}), r"embeddings \[4\]"),
    ],
)
def test_files_whose_parts_do_not_fit_are_refused(
    labels: LabelRows, said: str, tmp_path: Path
) -> None:
    write_labels(labels, tmp_path / "a.safetensors")
    with pytest.raises(WorkshopError, match=said):
        read_labels(tmp_path / "a.safetensors")


def test_other_files_are_no_label_rows(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(b"junk")
    with pytest.raises(WorkshopError, match=r"a\.safetensors"):
        read_labels(tmp_path / "a.safetensors")
    with pytest.raises(WorkshopError, match="nowhere"):
        read_labels(tmp_path / "nowhere.safetensors")
