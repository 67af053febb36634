"""`edge-quantize attributes`: a small file for one student, which stays as it was."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from calib_data.crops import crop, write_jpeg  # noqa: E402
from edge.heads.attributes import FILE, Header, parse_attributes  # noqa: E402
from quantize import recipe  # noqa: E402
from quantize.cli import main  # noqa: E402
from quantize.errors import WorkshopError  # noqa: E402
from quantize.fashion.packed import attributes_files  # noqa: E402
from quantize.pictures import TagList  # noqa: E402
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


def asked(student: Path, images: Path, out: Path, *more: str) -> list[str]:
    return ["attributes", "--student", str(student), "--images", str(images), "--rendered", "2",
            "--out", str(out), *more]  # fmt: skip


def made_of(folder: Path) -> tuple[Header, list[np.ndarray]]:
    return parse_attributes((folder / FILE).read_bytes(), str(folder))


def test_a_student_gets_a_small_file_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stage, "LEAST", 3)
    file, images = write_student(tmp_path / "student"), write_pictures(tmp_path / "pictures")
    before = file.read_bytes()
    first = asked(file, images, tmp_path / "worn")
    assert main(first) == 0
    assert "short-sleeve" in capsys.readouterr().out
    assert file.read_bytes() == before
    header, [weights] = made_of(tmp_path / "worn")
    tags = dict(header.tags)
    assert {"short-sleeve", "long-sleeve", "long-leg", "kids"} <= set(tags)
    assert tags["kids"] == "age"
    assert header.student == recipe.digest(file)
    assert weights.shape == (len(tags), load(file)[0].embed(torch.zeros(1, 3, SIDE, SIDE)).shape[1])
    result = recipe.read(tmp_path / "worn", "attributes").result
    photos = {row["tag"]: row for row in result["held_out"]["photos"]["tags"]}
    assert (photos["short-sleeve"]["count"], photos["short-sleeve"]["present"]) == (4, 1)
    assert main(first) == 0  # done already: it says so again


def test_with_a_proof_only_what_was_worth_telling_there_is_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stage, "LEAST", 3)
    file, images = write_student(tmp_path / "student"), write_pictures(tmp_path / "pictures")
    assert main(asked(file, images, tmp_path / "proof")) == 0
    proof = tmp_path / "proof" / "recipe.json"
    found = json.loads(proof.read_text())
    assert found["result"]["worth telling"] == []  # of one held-out picture a tag nothing is known
    capsys.readouterr()
    again = asked(file, images, tmp_path / "none", "--proof", str(tmp_path / "proof"))
    assert main(again) == 2
    assert "no tag" in capsys.readouterr().err
    found["result"]["worth telling"] = ["long-leg", "kids"]
    proof.write_text(json.dumps(found))
    again = asked(file, images, tmp_path / "two", "--proof", str(tmp_path / "proof"))
    assert main(again) == 0
    assert [tag for tag, _ in made_of(tmp_path / "two")[0].tags] == ["long-leg", "kids"]


def test_attributes_of_another_student_are_not_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "LEAST", 3)
    file, images = write_student(tmp_path / "student"), write_pictures(tmp_path / "pictures")
    assert main(asked(file, images, tmp_path / "worn")) == 0
    assert list(attributes_files(tmp_path / "worn", file)) == [FILE]
    save(load(file)[0], {"final_side": SIDE, "other": 1}, tmp_path / "other.safetensors")
    with pytest.raises(WorkshopError, match="attributes of the student"):
        attributes_files(tmp_path / "worn", tmp_path / "other.safetensors")


def test_pictures_without_clothes_are_refused(tmp_path: Path, capsys) -> None:
    file = write_student(tmp_path / "student")
    (tmp_path / "pictures").mkdir()
    write_jpeg(tmp_path / "pictures" / "a.jpg", crop("fish", "perch", 0, 48), 90)
    row = {"file": "a.jpg", "head": "fish", "tag": "perch", "split": "train"}
    (tmp_path / "pictures" / "labels.jsonl").write_text(json.dumps(row) + "\n")
    said = ["attributes", "--student", str(file), "--images", str(tmp_path / "pictures"),
            "--rendered", "0", "--out", str(tmp_path / "worn")]  # fmt: skip
    assert main(said) == 2
    assert "head 'clothes'" in capsys.readouterr().err
