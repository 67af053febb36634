"""Splits that never part what belongs together, and soft targets that are made once."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from quantize import data, label
from quantize.__main__ import main
from quantize.stages import TEACHER

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="../shared/data is not here")


def owners(name: str, key: str) -> dict[Path, str]:
    rows = (DATA / name / "labels.jsonl").read_bytes().splitlines()
    found = [msgspec.json.decode(row) for row in rows]
    return {DATA / name / row["file"]: row[key] for row in found}


@needs_data
@pytest.mark.parametrize(
    ("head", "name", "key"), [("clothes", "clothing", "sender"), ("fish", "fish", "fish")]
)
def test_no_owner_is_on_both_sides_of_the_split(head: str, name: str, key: str) -> None:
    owner = owners(name, key)
    sides: dict[str, set[str]] = {"train": set(), "val": set()}
    for sample in data.samples(DATA):
        if sample.head == head:
            sides[sample.split].add(owner[sample.file])
    assert sides["train"]
    assert sides["val"]
    assert not sides["train"] & sides["val"]


@needs_data
def test_nothing_marked_measure_only_is_a_sample_and_every_key_is_its_own() -> None:
    samples = data.samples(DATA)
    assert {s.file.relative_to(DATA).parts[0] for s in samples} == {
        "clothing",
        "grocery",
        "fish",
        "photos",
    }
    assert len({s.key for s in samples}) == len(samples)


@needs_data
def test_tag_lists_have_the_promised_sizes_and_no_tag_twice() -> None:
    lists = data.tag_lists(DATA)
    sizes = {name: len(set(tags.tags)) for name, tags in lists.items()}
    assert sizes == {"clothes": 17, "grocery": 81, "fish": 7, "tags": 1000}
    assert len(set(lists["grocery"].groups)) == 43  # its description says 42, its files hold 43


@needs_data
def test_labelling_resumes_and_leaves_a_corrupt_picture_out(tmp_path: Path) -> None:
    good = [s for s in data.samples(DATA) if s.head == "fish"][:2]
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(good[0].file.read_bytes()[:500])
    broken = data.Sample(bad, "fish", "perch", "train")
    first = label.label([good[0], broken], DATA / TEACHER, tmp_path / "soft")
    assert set(first) == {good[0].key}
    label.label(good, DATA / TEACHER, tmp_path / "soft")
    shards = sorted((tmp_path / "soft").iterdir())
    assert [file.name for file in shards] == ["soft-000.safetensors", "soft-001.safetensors"]
    assert set(label.load(tmp_path / "soft")) == {s.key for s in good}


def test_the_workshop_says_where_it_looked_for_pictures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["label", "--data", str(tmp_path / "none")]) == 2
    assert "no such folder" in capsys.readouterr().err
