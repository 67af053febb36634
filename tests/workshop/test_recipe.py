"""What a stage's folder says about itself, and what another stage may do in it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from quantize import recipe
from quantize.errors import WorkshopError


def test_a_finished_stage_is_read_back_with_what_came_of_it(tmp_path: Path) -> None:
    out = tmp_path / "a/b"
    assert recipe.begin(out, "export", {"side": 224}, {"student": "1234"}) is None
    recipe.finish(out, {"opset": 20})
    found = recipe.read(out, "export")
    assert (found.settings, found.result["opset"]) == ({"side": 224}, 20)
    assert found.versions["torch"]
    assert recipe.begin(out, "export", {"side": 224}, {"student": "1234"}) == found


def test_a_tuple_is_the_list_that_json_makes_of_it(tmp_path: Path) -> None:
    recipe.begin(tmp_path, "label", {"mean": (1.0, 2.0)}, {})
    recipe.begin(tmp_path, "label", {"mean": (1.0, 2.0)}, {})


def test_a_stopped_stage_goes_on_and_is_nothing_to_read(tmp_path: Path) -> None:
    recipe.begin(tmp_path, "label", {}, {})
    assert recipe.begin(tmp_path, "label", {}, {}) is None
    with pytest.raises(WorkshopError, match="stopped before it was done"):
        recipe.read(tmp_path)


@pytest.mark.parametrize(
    ("stage", "settings", "inputs", "says"),
    [
        ("pack", {"lr": 1.0}, {"images": "x"}, "made by label"),
        ("label", {"lr": 2.0}, {"images": "x"}, r"begun with lr 1\.0, expected 2\.0"),
        ("label", {"lr": 1.0}, {"images": "y"}, "begun with images 'x'"),
    ],
)
def test_another_stage_other_settings_and_other_inputs_are_refused(
    tmp_path: Path, stage: str, settings: dict[str, float], inputs: dict[str, str], says: str
) -> None:
    recipe.begin(tmp_path, "label", {"lr": 1.0}, {"images": "x"})
    with pytest.raises(WorkshopError, match=says):
        recipe.begin(tmp_path, stage, settings, inputs, is_shared=True)
    (tmp_path / "soft-0.safetensors").touch()
    with pytest.raises(WorkshopError, match=says):
        recipe.begin(tmp_path, stage, settings, inputs)


def test_a_setting_that_was_not_there_yet_is_off_where_it_is_0(tmp_path: Path) -> None:
    recipe.begin(tmp_path, "finetune", {"layers": None}, {})
    recipe.finish(tmp_path, {})
    assert recipe.begin(tmp_path, "finetune", {"layers": None, "light": 0.0}, {}) is not None
    with pytest.raises(WorkshopError, match=r"begun with light None, expected 0\.1"):
        recipe.begin(tmp_path, "finetune", {"layers": None, "light": 0.1}, {})
    with pytest.raises(WorkshopError, match="begun with layers None, expected 0"):
        recipe.begin(tmp_path, "finetune", {"layers": 0}, {})


def test_what_a_run_went_on_with_is_cleared_once_and_again(tmp_path: Path) -> None:
    (tmp_path / "course").mkdir()
    for _ in range(2):
        (tmp_path / "checkpoint.pt").touch()
        recipe.clear(tmp_path / "checkpoint.pt", tmp_path / "course")
        assert list(tmp_path.iterdir()) == []


def test_a_folder_is_free_as_long_as_nothing_came_of_what_was_begun_there(tmp_path: Path) -> None:
    """A flag that is mended after it was refused does not need another folder."""
    recipe.begin(tmp_path, "finetune", {"student": "nope"}, {})
    assert recipe.begin(tmp_path, "finetune", {"student": "mobilenet_v2"}, {}) is None
    recipe.finish(tmp_path, {})
    assert recipe.read(tmp_path).settings == {"student": "mobilenet_v2"}
    with pytest.raises(WorkshopError, match="begun with student 'mobilenet_v2'"):
        recipe.begin(tmp_path, "finetune", {"student": "nope"}, {})


def test_a_folder_with_something_in_it_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(WorkshopError, match=r"without a recipe\.json"):
        recipe.begin(tmp_path, "label", {}, {})


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"stage": 1}'])
def test_a_damaged_recipe_is_refused_and_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "recipe.json").write_bytes(content)
    with pytest.raises(WorkshopError, match=r"recipe\.json: content does not parse"):
        recipe.read(tmp_path)


def test_a_stage_that_did_not_run_and_another_one_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(WorkshopError, match="no such folder"):
        recipe.read(tmp_path / "float", "export")
    recipe.begin(tmp_path, "label", {}, {})
    recipe.finish(tmp_path, {})
    with pytest.raises(WorkshopError, match="made by label, expected made by export"):
        recipe.read(tmp_path, "export")


def test_a_digest_tells_files_and_folders_apart(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(b"1")
    empty = recipe.digest(tmp_path)
    (tmp_path / "y.jpg").write_bytes(b"2")
    assert recipe.digest(tmp_path) != empty
    assert recipe.digest(tmp_path / "x.jpg") != recipe.digest(tmp_path / "y.jpg")
    (tmp_path / "labels.jsonl").write_bytes(b"2")
    assert recipe.digest(tmp_path) == recipe.digest(tmp_path / "y.jpg")


@pytest.mark.parametrize("beside", ["labels.jsonl", "a.jpg"])
def test_other_tags_are_another_set_of_pictures(tmp_path: Path, beside: str) -> None:
    """Groups that were added there, or another order, would come to nothing."""
    (tmp_path / beside).touch()
    (tmp_path / "tags.json").write_text("{}")
    before = recipe.digest(tmp_path)
    (tmp_path / "tags.json").write_text('{"h": {}}')
    assert recipe.digest(tmp_path) != before


def listed(folder: Path) -> Path:
    """The same picture, named by a class folder in one set and by a line in another."""
    (folder / "labels.jsonl").write_text('{"file": "a/1.jpg", "head": "h", "tag": "t"}\n')
    return folder


@pytest.mark.parametrize("is_listed", [False, True])
def test_another_picture_of_the_same_name_is_another_input_and_a_copy_is_none(
    tmp_path: Path, is_listed: bool
) -> None:
    picture = tmp_path / "shop" / "a" / "1.jpg"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"as it was")
    folder = listed(tmp_path / "shop") if is_listed else tmp_path / "shop"
    before = recipe.digest(folder)
    os.utime(picture, (0, 0))
    shutil.copytree(folder, tmp_path / "copy", copy_function=shutil.copyfile)
    assert recipe.digest(folder) == recipe.digest(tmp_path / "copy") == before
    (folder / ".DS_Store").touch()
    assert recipe.digest(folder) == before
    picture.write_bytes(b"taken anew")
    assert recipe.digest(folder) != before
    picture.unlink()
    assert recipe.digest(folder) != before


def test_a_picture_in_a_folder_behind_a_link_is_an_input_too(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "a").symlink_to(tmp_path / "elsewhere")
    before = recipe.digest(tmp_path / "shop")
    (tmp_path / "elsewhere" / "1.jpg").touch()
    assert recipe.digest(tmp_path / "shop") != before


def test_a_run_that_was_begun_before_digests_told_sizes_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "out"
    now = recipe.digest(listed(tmp_path))
    labels_alone = recipe.digest(tmp_path / "labels.jsonl")
    assert now != labels_alone
    recipe.begin(out, "finetune", {}, {"images": labels_alone})
    recipe.finish(out, {})
    assert recipe.begin(out, "finetune", {}, {"images": now}) is not None
    (tmp_path / "labels.jsonl").write_text('{"file": "b.jpg"}\n')
    with pytest.raises(WorkshopError, match="begun with images") as refused:
        recipe.begin(out, "finetune", {}, {"images": recipe.digest(tmp_path)})
    assert "the same flags and files" in refused.value.fix


def test_a_kill_while_the_recipe_is_written_leaves_the_folder_free(tmp_path: Path) -> None:
    (tmp_path / ".recipe.json.tmp").write_bytes(b'{"sta')
    assert recipe.begin(tmp_path, "label", {}, {}) is None
    assert [file.name for file in tmp_path.iterdir()] == ["recipe.json"]
