"""A measured table goes to its one place in the README, or is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks import fashion, length, length_photos, lowdata, readme, virtual
from benchmarks.readme import README, put

ROW = re.compile(r"^\| fish \|.*?(?=\n\n)", re.DOTALL | re.MULTILINE)


def test_a_table_is_put_over_the_one_that_is_there(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_text("before\n\n| fish |\n| old |\n\nafter\n", "utf-8")
    put(ROW, r"| fish | \1 |", file)
    assert file.read_text("utf-8") == "before\n\n| fish | \\1 |\n\nafter\n"


@pytest.mark.parametrize("text", ["no table\n\n", "| fish |\n\nand\n\n| fish |\n\n"])
def test_a_table_without_a_place_of_its_own_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_text(text, "utf-8")
    with pytest.raises(SystemExit, match="expected 1"):
        put(ROW, "| fish | new |", file)
    assert file.read_text("utf-8") == text


@pytest.mark.parametrize(
    "module",
    [fashion, length, length_photos, lowdata, readme, virtual],
    ids=lambda module: module.__name__,
)
def test_every_table_has_its_place(module: object) -> None:
    assert len(module.TABLE.findall(README.read_text("utf-8"))) == 1
