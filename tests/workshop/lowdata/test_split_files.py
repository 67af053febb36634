"""A4: split files in the published format: what is read, written, cut, counted and refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from quantize.errors import WorkshopError  # noqa: E402
from quantize.lowdata.splits import cub_lines, hold_out, make_splits, published  # noqa: E402
from quantize.pictures import Sample, TagList  # noqa: E402
from quantize.pictures.split_files import (  # noqa: E402
    Line,
    cut_split,
    facts,
    lines_of,
    nesting,
    outside,
    quota,
    read_split,
    shared,
    write_split,
)

SPLITS = ("1i", "10", "15", "30", "50", "100")


def birds(classes: int = 200, short: int = 6) -> list[Line]:
    """As many pictures as CUB has to train with: 30 of a class, 29 of `short` classes."""
    return [
        Line(f"{label + 1:03}.Bird/Bird_{i:04}.jpg", label)
        for label in range(classes)
        for i in range(29 if label < short else 30)
    ]


@pytest.mark.parametrize("last", [199, 99, 98])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
@pytest.mark.parametrize("end", [True, False])
def test_a4_the_last_label_is_whole_however_the_file_ends(
    tmp_path: Path, last: int, newline: bytes, end: bool
) -> None:
    file = tmp_path / "train_1i.txt"
    rows = [f"{i}.jpg {i}".encode() for i in range(last + 1)]
    file.write_bytes(newline.join(rows) + (newline if end else b""))
    lines = read_split(file)
    assert len(lines) == last + 1
    assert lines[-1] == Line(f"{last}.jpg", last)


def test_a_path_may_hold_spaces_and_line_ends_may_change_within_a_file(tmp_path: Path) -> None:
    file = tmp_path / "test.txt"
    file.write_bytes("\ufeffStanford Cars/1.jpg 0\r\nboîte 2.jpg 12 \n\n".encode())
    assert read_split(file) == [Line("Stanford Cars/1.jpg", 0), Line("boîte 2.jpg", 12)]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "file is empty"),
        (b"a.jpg 1\nb.jpg\n", ":2"),
        (b"a.jpg -1\n", "a.jpg -1"),
        (b"a.jpg 1.5\n", "a.jpg 1.5"),
        (b" 3\n", "' 3'"),
        (b"a.jpg 999999999999\n", "0 to 9999999"),  # a list of as many tags ate all memory
        ("a.jpg \u0663\n".encode(), "\u0663"),
        (b"a.jpg 1\na.jpg 2\n", "a.jpg has labels 1 and 2"),
        (b"\xff\xfe 1\n", "byte 0 is not UTF-8"),
        (None, "file is missing"),
    ],
)
def test_a_file_that_is_no_split_is_refused_with_the_line(
    tmp_path: Path, content: bytes | None, found: str
) -> None:
    file = tmp_path / "train_10.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(WorkshopError) as refused:
        read_split(file)
    assert str(refused.value).startswith(str(file))
    assert found in str(refused.value)


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.dictionaries(
        st.text("aé/. \t\x0b\u2028\x85", min_size=1).filter(str.strip),
        st.integers(0, 10**6),
        min_size=1,
    ),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_is_written_is_read_again(
    tmp_path: Path, labels: dict[str, int], newline: str
) -> None:
    """Law: read_split(write_split(x)) == x for every name on one line."""
    lines = [Line(name, label) for name, label in labels.items()]
    write_split(lines, tmp_path / "x.txt", newline)
    assert (tmp_path / "x.txt").read_bytes().endswith(newline.encode())
    assert read_split(tmp_path / "x.txt") == lines


def test_a_name_on_two_lines_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a name on one line"):
        write_split([Line("a\nb.jpg", 1)], tmp_path / "x.txt")


def test_a4_splits_of_a_set_like_cub_have_the_published_counts_and_are_nested() -> None:
    splits = {name: cut_split(birds(), name) for name in SPLITS}
    assert [len(splits[name]) for name in SPLITS] == [200, 600, 1000, 1800, 3000, 5994]
    assert all(facts(lines).classes == 200 for lines in splits.values())
    assert facts(splits["15"]).fewest == facts(splits["15"]).most == 5
    assert nesting(splits) == {
        "1i in 10": 0, "10 in 15": 0, "15 in 30": 0, "30 in 50": 0, "50 in 100": 0
    }  # fmt: skip


def test_a4_a_split_that_is_not_nested_is_reported() -> None:
    whole = birds(3, 0)
    splits = {"15": whole[:10], "30": [*whole[2:20], Line(whole[0].file, 2)]}
    assert nesting(splits) == {"15 in 30": 2}  # one is not there, one has another label
    assert outside(splits["15"], splits["30"]) == whole[:2]
    assert shared(splits["15"], splits["30"]) == sorted(
        line.file for line in [whole[0], *whole[2:10]]
    )


def test_a_split_depends_on_the_seed_and_not_on_the_order_of_the_lines() -> None:
    lines = birds(5, 0)
    first = cut_split(lines, "10", 0)
    assert {*cut_split(lines[::-1], "10", 0)} == {*first}
    assert {*cut_split(lines, "10", 1)} != {*first}


def test_labels_without_pictures_are_reported() -> None:
    assert facts([Line("a", 0), Line("b", 3), Line("c", 3)]).missing == (1, 2)


@pytest.mark.parametrize("split", ["", "0", "101", "ten", "1p", "-5", "i", "0i", "1.5"])
def test_a_split_nobody_knows_is_refused(split: str) -> None:
    with pytest.raises(WorkshopError, match="no such split"):
        quota(split, 30)


def test_a_picture_a_class_and_a_tenth_rounded_up() -> None:
    assert [quota("1i", n) for n in (1, 30)] == [1, 1]
    assert [quota("5i", n) for n in (3, 30)] == [3, 5]
    assert [quota("10", n) for n in (1, 10, 11, 29, 30)] == [1, 1, 2, 3, 3]
    assert quota("100", 17) == 17


def test_held_out_pictures_come_from_the_split_and_leave_every_class_one() -> None:
    split = [*cut_split(birds(10, 0), "10"), Line("alone.jpg", 10)]  # 3 of ten classes, 1 of one
    learn, held = hold_out(split, 0.2, seed=0)
    assert len(held) == 6
    assert {*learn} | {*held} == {*split}
    assert not {*learn} & {*held}
    assert facts(learn).classes == 11
    assert hold_out(split, 0.2, seed=0) == (learn, held)
    assert hold_out(split, 0.2, seed=1) != (learn, held)
    assert hold_out(split, 0.9, seed=0)[1].__len__() == 20  # two of each, never the third
    assert hold_out(cut_split(birds(10, 0), "1i"), 0.2, 0)[1] == []


def test_samples_become_lines_and_parts_of_pictures_are_refused(tmp_path: Path) -> None:
    tags = TagList(("ball", "box"), (None, None))
    here = Sample(tmp_path / "a/1.jpg", "shape", "box", "train")
    away = Sample(Path("/elsewhere/2.jpg"), "shape", "ball", "train")
    assert lines_of([here, away], tags, tmp_path) == [
        Line("a/1.jpg", 1),
        Line("/elsewhere/2.jpg", 0),
    ]
    part = Sample(tmp_path / "a/1.jpg", "shape", "box", "train", (0, 0, 5, 5))
    with pytest.raises(WorkshopError, match="whole pictures"):
        lines_of([part], tags, tmp_path)
    with pytest.raises(WorkshopError, match="'cone'"):
        lines_of([Sample(here.file, "shape", "cone", "train")], tags, tmp_path)


def test_published_split_files_name_the_classes_and_cub_lists_give_its_test(
    tmp_path: Path,
) -> None:
    lists, images = tmp_path / "low_data", tmp_path / "CUB/images"
    lists.mkdir()
    images.mkdir(parents=True)
    (lists / "train_1i.txt").write_bytes(b"001.Tern/a.jpg 0\n002.Wren/b.jpg 1")
    (tmp_path / "CUB/images.txt").write_text(
        "1 001.Tern/a.jpg\n2 001.Tern/c.jpg\n3 002.Wren/b.jpg\n4 002.Wren/d.jpg\n"
    )
    (tmp_path / "CUB/image_class_labels.txt").write_text("1 1\n2 1\n3 2\n4 2\n")
    (tmp_path / "CUB/train_test_split.txt").write_text("1 1\n2 0\n3 1\n4 0\n")
    train, test = cub_lines(tmp_path / "CUB")
    assert train == read_split(lists / "train_1i.txt")
    protocol = published(images, None, ["1i"], lists)
    assert protocol.test == test == [Line("001.Tern/c.jpg", 0), Line("002.Wren/d.jpg", 1)]
    assert protocol.tags.tags == ("001.Tern", "002.Wren")
    (lists / "test.txt").write_bytes(b"001.Tern/a.jpg 0\n")
    with pytest.raises(WorkshopError, match=r"1 of its pictures .* 001\.Tern/a\.jpg"):
        published(images, None, ["1i"], lists)


def test_bare_file_names_have_their_numbers_as_tags(tmp_path: Path) -> None:
    (tmp_path / "train_10.txt").write_bytes(b"1.jpg 0\n2.jpg 1\n3.jpg 3")
    (tmp_path / "test.txt").write_bytes(b"4.jpg 0")
    assert published(tmp_path, "planes", ["10"], tmp_path).tags.tags == ("0", "1", "2", "3")


def test_a_folder_without_held_out_pictures_or_with_two_heads_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train/ball").mkdir(parents=True)
    (tmp_path / "train/ball/1.jpg").touch()
    with pytest.raises(WorkshopError, match="1 train and 0 val"):
        make_splits(tmp_path, None, ["10"])
    rows = [
        f'{{"file": "{i}.jpg", "head": "{head}", "tag": "x", "split": "{split}"}}\n'
        for i, (head, split) in enumerate(
            [("shape", "train"), ("shape", "val"), ("colour", "train")]
        )
    ]
    (tmp_path / "labels.jsonl").write_text("".join(rows))
    with pytest.raises(WorkshopError, match="heads colour, shape, expected one head"):
        make_splits(tmp_path, None, ["10"])
    assert make_splits(tmp_path, "shape", ["10"]).splits == {"10": [Line("0.jpg", 0)]}
    with pytest.raises(WorkshopError, match="expected head size"):
        make_splits(tmp_path, "size", ["10"])
