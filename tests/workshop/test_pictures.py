"""Picture sets: three forms of folder, splits that never part what belongs together."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import msgspec
import pytest

pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

import cv2

from calib_data.scenes import crop
from edge.errors import SourceError
from quantize.errors import WorkshopError
from quantize.fashion.symbols import SYMBOLS
from quantize.pictures import Sample, TagList, read, read_folder, read_lists, write_lists
from quantize.pictures.shared import GARMENTS, picture_set, write
from quantize.recipe import digest

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="../shared/data is not here")


def put(file: Path, tag: str = "Lemon", seed: int = 0) -> Path:
    """A rendered picture at `file`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(file), crop("grocery", tag, seed, 32)[:, :, ::-1])
    return file


def owners(name: str, key: str) -> dict[Path, str]:
    rows = (DATA / name / "labels.jsonl").read_bytes().splitlines()
    found = [msgspec.json.decode(row) for row in rows]
    return {DATA / name / row["file"]: row[key] for row in found}


@pytest.fixture(scope="module")
def shared() -> tuple[Sample, ...]:
    return picture_set(DATA).samples


def test_class_folders_give_tags_in_order_and_the_same_split_every_time(tmp_path: Path) -> None:
    for i in range(20):
        put(tmp_path / ("lime" if i % 2 else "lemon") / f"{i}.png")
    one, two = read_folder(tmp_path, "fruit"), read_folder(tmp_path, "fruit")
    assert one == two
    assert one.lists == {"fruit": TagList(("lemon", "lime"), (None, None))}
    assert {s.split for s in one.samples} == {"train", "val"}
    assert {s.tag for s in one.samples if s.file.parent.name == "lime"} == {"lime"}


def test_train_and_val_folders_are_the_split(tmp_path: Path) -> None:
    put(tmp_path / "train/a/1.png")
    put(tmp_path / "val/a/2.png")
    found = {s.file.name: (s.split, s.tag) for s in read_folder(tmp_path, "x").samples}
    assert found == {"1.png": ("train", "a"), "2.png": ("val", "a")}


def test_every_usual_name_of_a_held_out_folder_is_held_out(tmp_path: Path) -> None:
    """Learned from, its pictures would flatter whoever judges by them."""
    for split in ("train", "valid", "validation", "test"):
        put(tmp_path / split / "a" / f"{split}.png")
    found = {s.file.name: s.split for s in read_folder(tmp_path).samples}
    assert found.pop("train.png") == "train"
    assert set(found.values()) == {"val"}


def test_a_train_beside_a_bus_is_a_train(tmp_path: Path) -> None:
    put(tmp_path / "train/1.png")
    put(tmp_path / "bus/2.png")
    assert [s.tag for s in read_folder(tmp_path).samples] == ["bus", "train"]


def test_hidden_files_and_folders_are_no_pictures_and_no_classes(tmp_path: Path) -> None:
    for name in ("a/1.png", "a/._1.png", "a/.ipynb_checkpoints/1-checkpoint.png"):
        put(tmp_path / name)
    assert [s.file.name for s in read_folder(tmp_path).samples] == ["1.png"]


def test_a_class_folder_may_be_a_link(tmp_path: Path) -> None:
    """As a shop's server keeps its products elsewhere; they were left out without a word."""
    put(tmp_path / "elsewhere" / "1.png")
    put(tmp_path / "shop" / "Lime" / "2.png")
    (tmp_path / "shop" / "Lemon").symlink_to(tmp_path / "elsewhere")
    found = {s.file.name: s.tag for s in read_folder(tmp_path / "shop").samples}
    assert found == {"1.png": "Lemon", "2.png": "Lime"}


def test_links_to_folders_around_them_have_an_end(tmp_path: Path) -> None:
    put(tmp_path / "a" / "1.png")
    put(tmp_path / "b" / "2.png")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "b").symlink_to(tmp_path / "b")
    (tmp_path / "b" / "a").symlink_to(tmp_path / "a")
    found = {str(s.file.relative_to(tmp_path)) for s in read_folder(tmp_path).samples}
    assert found == {"a/1.png", "b/2.png", "a/b/2.png", "b/a/1.png"}


@pytest.mark.parametrize("name", [b"caf\xe9/1.jpg", b"shoes/caf\xe9.jpg"], ids=ascii)
def test_a_name_that_is_not_utf8_is_named_with_what_mends_it(tmp_path: Path, name: bytes) -> None:
    """As an archive of old Windows leaves it; it ended in UnicodeEncodeError."""
    odd = tmp_path / os.fsdecode(name)
    odd.parent.mkdir(exist_ok=True)
    put(tmp_path / "shoes/1.jpg").rename(odd)
    for read_it in (read_folder, digest):
        with pytest.raises(WorkshopError, match=r"caf\\xe9.* is not UTF-8") as refused:
            read_it(tmp_path)
        assert "convmv" in refused.value.fix


def test_a_pipe_is_no_picture(tmp_path: Path) -> None:
    """Whoever opened it waited for ever; a link that leads nowhere is told as a missing file."""
    put(tmp_path / "shoes/1.jpg")
    os.mkfifo(tmp_path / "shoes/2.jpg")
    (tmp_path / "shoes/3.jpg").symlink_to("nowhere.jpg")
    assert [s.file.name for s in read_folder(tmp_path).samples] == ["1.jpg", "3.jpg"]


def test_every_picture_that_opencv_reads_is_read(tmp_path: Path) -> None:
    for i, suffix in enumerate(("gif", "webp", "bmp", "jpe", "PNG")):
        put(tmp_path / "a" / f"{i}.{suffix}")
    put(tmp_path / "a" / "5.jpg").rename(tmp_path / "a" / "5.jfif")
    found = read_folder(tmp_path).samples
    assert len(found) == 6
    assert {read(sample).shape for sample in found} == {(32, 32, 3)}


def test_what_is_left_out_is_said_once_and_what_was_drawn_into_is_no_picture(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a/1.png", "a/1.png.tags.jpg", "b/2.png"):
        put(tmp_path / name)
    for name in ("a/1.heic", "b/2.heic", "b/notes", "sources.json"):
        (tmp_path / name).touch()
    for _ in range(2):
        assert [s.file.name for s in read_folder(tmp_path).samples] == ["1.png", "2.png"]
    [told] = caplog.messages
    assert "4 files left out" in told
    assert "2 x .heic" in told
    assert "1 x .tags.jpg" in told
    assert "1 x no suffix; first a/1.heic" in told


def test_a_folder_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    put(tmp_path / "a" / "1.png")
    monkeypatch.setattr(os, "scandir", refused)
    with pytest.raises(WorkshopError, match=r"cannot be read \(Permission denied\)"):
        read_folder(tmp_path)


@pytest.mark.parametrize(
    ("head", "tag"), [("a.b", "x"), ("embedding", "x"), ("_h", "x"), ("h" * 65, "x"), ("h", " x")]
)
def test_names_that_no_bundle_takes_are_refused_at_once(
    tmp_path: Path, head: str, tag: str
) -> None:
    put(tmp_path / tag / "1.png")
    with pytest.raises(
        WorkshopError, match=r"1\.png: head .*, tag .*, expected a head of up to 64"
    ):
        read_folder(tmp_path, head)


def test_pictures_alone_have_no_head_and_no_tag(tmp_path: Path) -> None:
    put(tmp_path / "1.png")
    only = read_folder(tmp_path)
    assert (only.samples[0].head, only.samples[0].tag, only.lists) == ("", "", {})


def test_labels_jsonl_says_box_group_share_and_split(tmp_path: Path) -> None:
    put(tmp_path / "1.png")
    row = {"file": "1.png", "head": "h", "tag": "t", "group": "g", "split": "val"}
    row |= {"box": [1, 2, 30, 31], "share": 2.5}
    (tmp_path / "labels.jsonl").write_text(json.dumps(row) + "\n")
    pictures = read_folder(tmp_path)
    assert pictures.lists == {"h": TagList(("t",), ("g",))}
    assert pictures.samples[0].share == 2.5
    assert read(pictures.of("val")[0]).shape == (29, 29, 3)


def test_a_group_is_said_once_or_in_every_line_and_never_two_of_them(tmp_path: Path) -> None:
    """Said in the second line alone it was forgotten, and of two the first was taken."""
    rows = [{"file": f"{i}.png", "head": "h", "tag": "t"} for i in range(3)]
    rows[1]["group"] = "g"
    file = tmp_path / "labels.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    assert read_folder(tmp_path).lists == {"h": TagList(("t",), ("g",))}
    rows[2]["group"] = "other"
    file.write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(WorkshopError, match="tag 't' of head 'h' is in groups 'g' and 'other'"):
        read_folder(tmp_path)


def test_pictures_on_both_sides_of_the_split_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [
        {"file": "1.png", "head": "clothes", "tag": "shirt", "split": "val"},
        {"file": "1.png", "head": "colour", "tag": "red", "split": "train"},
        {"file": "1.png", "head": "colour", "tag": "blue", "split": "train", "box": [0, 0, 9, 9]},
    ]
    (tmp_path / "labels.jsonl").write_text("\n".join(map(json.dumps, rows)))
    read_folder(tmp_path)
    [told] = caplog.messages
    assert "1 pictures are learned from and held out, too" in told
    assert told.endswith("1.png")


def test_tag_lists_keep_their_order(tmp_path: Path) -> None:
    put(tmp_path / "a/1.png")
    lists = {"h": TagList(("z", "a"), (None, "g"))}
    write_lists(lists, tmp_path)
    assert read_lists(tmp_path) == lists
    assert read_folder(tmp_path, "h").lists == lists


@pytest.mark.parametrize(
    "line",
    [
        "nothing",
        '{"head": "h"}',
        '{"file": "x", "split": "test"}',
        '{"file": "x", "share": -1}',
        '{"file": "x", "head": "a.b"}',
        '{"file": "x", "head": "embedding"}',
        '{"file": "x", "head": "h"}',
        '{"file": "x", "tag": "t"}',
        '{"file": "x", "head": "h", "tag": "t\\tu"}',
    ],
)
def test_a_wrong_line_is_named_by_file_and_number(tmp_path: Path, line: str) -> None:
    (tmp_path / "labels.jsonl").write_text('{"file": "x"}\n' + line + "\n")
    with pytest.raises(WorkshopError, match=r"labels\.jsonl:2"):
        read_folder(tmp_path)


@pytest.mark.parametrize(
    ("row", "found", "fix"),
    [
        ({"head": "h", "tga": "t"}, "'tga'", "did you mean 'tag'?"),
        ({"head": "h", "tag": "t", "spilt": "val"}, "'spilt'", "did you mean 'split'?"),
        ({"head": "h", "tag": "t", "licence": "CC0"}, "'licence'", "leave it out"),
    ],
)
def test_a_key_that_nobody_reads_is_named_with_the_one_that_was_meant(
    tmp_path: Path, row: dict[str, str], found: str, fix: str
) -> None:
    (tmp_path / "labels.jsonl").write_text(json.dumps({"file": "x"} | row))
    with pytest.raises(WorkshopError, match=rf"labels\.jsonl:1: key {found}, expected") as refused:
        read_folder(tmp_path)
    assert refused.value.fix == fix
    assert "file, head, tag, split, group, box, share, trust" in str(refused.value)


def test_a_byte_order_mark_and_blank_lines_are_no_labels(tmp_path: Path) -> None:
    row = b'{"file": "1.png", "head": "h", "tag": "t"}\r\n'
    (tmp_path / "labels.jsonl").write_bytes(b"\xef\xbb\xbf" + row + b"\r\n" + row + b"\n")
    assert [s.tag for s in read_folder(tmp_path).samples] == ["t", "t"]


@pytest.mark.parametrize(
    ("lists", "said"),
    [
        ('{"other": {"tags": ["t"], "groups": [null]}}', "no head 'h'"),
        ('{"h": {"tags": ["t", "u"], "groups": []}}', "2 tags, 2 different, 0 groups"),
        ('{"h": {"tags": ["t", "t"], "groups": [null, null]}}', "2 tags, 1 different"),
    ],
)
def test_a_list_of_tags_that_does_not_fit_is_refused(tmp_path: Path, lists: str, said: str) -> None:
    (tmp_path / "labels.jsonl").write_text('{"file": "x", "head": "h", "tag": "t"}\n')
    (tmp_path / "tags.json").write_text(lists)
    with pytest.raises(WorkshopError, match=said):
        read_folder(tmp_path)


def test_a_box_outside_of_its_picture_is_named_with_the_file(tmp_path: Path) -> None:
    outside = Sample(put(tmp_path / "1.png"), "h", "t", "train", (0, 0, 99, 9))
    with pytest.raises(SourceError, match=r"1\.png: ") as refused:
        read(outside)
    assert "labels.jsonl" in refused.value.fix


def test_a_folder_without_pictures_or_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").touch()
    with pytest.raises(WorkshopError, match="no pictures"):
        read_folder(tmp_path)
    with pytest.raises(WorkshopError, match="no such folder"):
        read_folder(tmp_path / "none")


@needs_data
@pytest.mark.parametrize(
    ("head", "name", "key"), [("clothes", "clothing", "sender"), ("fish", "fish", "fish")]
)
def test_no_owner_is_on_both_sides_of_the_split(
    shared: tuple[Sample, ...], head: str, name: str, key: str
) -> None:
    owner = owners(name, key)
    sides: dict[str, set[str]] = {"train": set(), "val": set()}
    for sample in shared:
        if sample.head == head:
            sides[sample.split].add(owner[sample.file])
    assert sides["train"]
    assert sides["val"]
    assert not sides["train"] & sides["val"]


@needs_data
def test_nothing_marked_measure_only_is_a_sample_and_every_key_is_its_own(
    shared: tuple[Sample, ...],
) -> None:
    sets = {s.file.relative_to(DATA).parts[0] for s in shared}
    assert sets == {"clothing", "grocery", "fish", "photos"}
    assert len({s.key for s in shared}) == len(shared)


@needs_data
def test_the_shared_sets_have_the_promised_tags_and_come_back_from_their_index(
    tmp_path: Path,
) -> None:
    found = picture_set(DATA)
    sizes = {name: len(set(tags.tags)) for name, tags in found.lists.items()}
    assert sizes == {"clothes": 17, "grocery": 81, "fish": 7, "tags": 1000}
    assert len(set(found.lists["grocery"].groups)) == 43  # the text says 42, the files hold 43
    write(found, tmp_path)
    again = read_folder(tmp_path)
    assert again.lists == found.lists
    assert [s.key for s in again.samples] == [s.key for s in found.samples]


def test_the_group_of_a_garment_that_ships_is_its_symbol() -> None:
    shipped = ROOT / "edge/bundles/default/tags/clothes.txt"
    rows = [line.split("\t") for line in shipped.read_text("utf-8").splitlines()]
    assert dict(rows) == GARMENTS
    assert set(GARMENTS.values()) <= set(SYMBOLS)


@needs_data
def test_more_to_learn_from_leaves_whole_senders_and_fish_to_judge_with() -> None:
    """Of grocery nothing is left: all of it is on both sides."""
    few, more = picture_set(DATA), picture_set(DATA, more=True)
    held = {s.file for s in more.of("val") if s.head != "grocery"}
    assert held < {s.file for s in few.of("val")}
    assert not held & {s.file for s in more.of("train")}
    assert {s.head for s in more.samples if s.file in held} == {"clothes", "fish"}
    assert {s.tag for s in more.of("val") if s.head == "fish"} == set(more.lists["fish"].tags)
    shop = [{s.file for s in more.of(part) if s.head == "grocery"} for part in ("train", "val")]
    assert shop[0] == shop[1]
    assert len(shop[0]) == 2640 + 296 + 81
