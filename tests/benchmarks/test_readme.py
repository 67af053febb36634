"""A measured table goes to its one place in the manual, or is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks import fashion, length, length_photos, lowdata, readme, targets, virtual
from benchmarks.readme import put
from tests.manual import MANUAL

ROW = re.compile(r"^\| fish \|.*?(?=\n\n)", re.DOTALL | re.MULTILINE)


def test_a_table_is_put_over_the_one_that_is_there(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_text("before\n\n| fish |\n| old |\n\nafter\n", "utf-8")
    put(ROW, r"| fish | \1 |", [file])
    assert file.read_text("utf-8") == "before\n\n| fish | \\1 |\n\nafter\n"


@pytest.mark.parametrize("text", ["no table\n\n", "| fish |\n\nand\n\n| fish |\n\n"])
def test_a_table_without_a_place_of_its_own_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_text(text, "utf-8")
    with pytest.raises(SystemExit, match="in 1 place"):
        put(ROW, "| fish | new |", [file])
    assert file.read_text("utf-8") == text


@pytest.mark.parametrize(
    "module",
    [fashion, length, length_photos, lowdata, readme, targets, virtual],
    ids=lambda module: module.__name__,
)
def test_every_table_has_its_place(module: object) -> None:
    assert len(module.TABLE.findall(MANUAL)) == 1


def test_the_table_of_input_sizes_is_made_of_what_was_measured() -> None:
    pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")
    from benchmarks.input_size import table

    rows = [
        {"side_px": 192, "gmac": 0.2249, "right": {"clothes": 0.832, "fish": 0.926, "all": 0.9}}
    ]
    assert table({"pictures": {"clothes": 892, "fish": 136}, "rows": rows}).splitlines() == [
        "| px | GMAC | clothes % (of 892) | fish % (of 136) | all % (of 1028) |",
        "|---|---|---|---|---|",
        "| 192 | 0.22 | 83.2 | 92.6 | 90.0 |",
    ]


def test_the_table_of_targets_says_of_which_bundle_each_result_is() -> None:
    row = {"key": "k", "value": 0.5, "target": "<= 1", "is_met": True}
    bundles = {"A": "x@1", "B": "x@2", "C": "x@1", "F": None}
    found = {name: {"bundle": bundle, "targets": [row]} for name, bundle in bundles.items()}
    told = targets.table(found).splitlines()
    assert told[2] == "| A | `k` | <= 1 | 0.5 | met |"
    assert told[-1] == "Measured with A, C: x@1; B: x@2; F: no bundle, it opens none."
