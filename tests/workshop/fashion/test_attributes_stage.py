"""`edge-quantize attributes`: a student with one head more, and everything else as it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from calib_data.crops import crop, write_jpeg  # noqa: E402
from quantize.cli import main  # noqa: E402
from quantize.pictures import TagList, read_lists  # noqa: E402
from quantize.pictures.folder import write_lists  # noqa: E402
from quantize.stages import attributes as stage  # noqa: E402
from quantize.students import Student, load, save  # noqa: E402

SIDE = 64
LABELS = ("T-Shirt", "Longsleeve", "Pants", "Shorts")


def write_student(folder: Path) -> Path:
    torch.manual_seed(0)
    folder.mkdir()
    student = Student({"clothes": 3}, "mobilenet_v2")
    save(student, {"final_side": SIDE}, folder / "student.safetensors")
    write_lists({"clothes": TagList(("Pants", "Shoes"), (None, None))}, folder)
    return folder / "student.safetensors"


def write_pictures(folder: Path) -> Path:
    folder.mkdir()
    rows, said = [], []
    for tag in LABELS:
        for i in range(5):
            name = f"{tag}{i}.jpg"
            write_jpeg(folder / name, crop("clothes", tag, i, 80), 90)
            split = "val" if i == 4 else "train"
            rows.append({"file": name, "head": "clothes", "tag": tag, "split": split})
            said.append({"file": name, "attributes": {"age": "kids" if i % 2 else ""}})
    rows.append({"file": "lost.jpg", "head": "clothes", "tag": "Polo", "split": "train"})
    (folder / "labels.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (folder / "attributes.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in said))
    return folder


def test_a_student_gets_one_head_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stage, "LEAST", 3)
    file, images = write_student(tmp_path / "student"), write_pictures(tmp_path / "pictures")
    asked = ["attributes", "--student", str(file), "--images", str(images), "--rendered", "2",
             "--out", str(tmp_path / "worn")]  # fmt: skip
    assert main(asked) == 0
    assert "short-sleeve" in capsys.readouterr().out
    before, after = load(file)[0], load(tmp_path / "worn" / "student.safetensors")[0]
    lists = read_lists(tmp_path / "worn")
    assert list(after.heads) == ["clothes", "attributes"]
    assert lists["clothes"].tags == ("Pants", "Shoes")
    assert {"short-sleeve", "long-sleeve", "long-leg", "kids"} <= set(lists["attributes"].tags)
    kids = lists["attributes"].tags.index("kids")
    assert lists["attributes"].groups[kids] == "age"
    x = torch.zeros(1, 3, SIDE, SIDE)
    ours, theirs = after.eval()(x), before.eval()(x)
    assert torch.equal(ours["clothes"], theirs["clothes"])
    assert ours["attributes"].shape == (1, len(lists["attributes"].tags))
    result = json.loads((tmp_path / "worn" / "recipe.json").read_text())["result"]
    photos = {row["tag"]: row for row in result["held_out"]["photos"]["tags"]}
    assert (photos["short-sleeve"]["count"], photos["short-sleeve"]["present"]) == (4, 1)
    assert main(asked) == 0  # done already: it says so again
    capsys.readouterr()
    assert main([*asked[:-1], str(tmp_path / "other"), "--without", "kids,zip"]) == 0
    assert "kids" not in read_lists(tmp_path / "other")["attributes"].tags
    assert main([*asked[:-1], str(tmp_path / "third"), "--without", "kid"]) == 2
    assert "'kid', expected of" in capsys.readouterr().err


def test_pictures_without_clothes_are_refused(tmp_path: Path, capsys) -> None:
    file = write_student(tmp_path / "student")
    (tmp_path / "pictures").mkdir()
    write_jpeg(tmp_path / "pictures" / "a.jpg", crop("fish", "perch", 0, 48), 90)
    row = {"file": "a.jpg", "head": "fish", "tag": "perch", "split": "train"}
    (tmp_path / "pictures" / "labels.jsonl").write_text(json.dumps(row) + "\n")
    asked = ["attributes", "--student", str(file), "--images", str(tmp_path / "pictures"),
             "--rendered", "0", "--out", str(tmp_path / "worn")]  # fmt: skip
    assert main(asked) == 2
    assert "head 'clothes'" in capsys.readouterr().err
