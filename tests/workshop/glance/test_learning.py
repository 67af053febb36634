"""The stage `glance`: what it learns from, what it is judged by, and that it finds things."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from calib_data.composed import Thing  # noqa: E402
from edge.glance.heat import Spot  # noqa: E402
from quantize import recipe  # noqa: E402
from quantize.cli import main  # noqa: E402
from quantize.errors import WorkshopError  # noqa: E402
from quantize.glance import judge, material, shards  # noqa: E402
from quantize.glance.network import Trunk, load  # noqa: E402
from quantize.glance.scenes import Example, Order, ShownThing, targets  # noqa: E402
from quantize.pictures import read_folder  # noqa: E402
from quantize.pictures.shared import picture_set  # noqa: E402
from quantize.stages import glance as glance_stage  # noqa: E402
from quantize.students import Student, normalise  # noqa: E402
from quantize.training import loop  # noqa: E402
from tests.workshop.glance import tiny_glance  # noqa: E402

DATA = Path(__file__).parents[4] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="../shared/data is not here")


def test_a_neck_on_a_student_that_knows_nothing_finds_more_than_chance(
    glance_folder: Path,
) -> None:
    result = recipe.read(glance_folder / "glance", "glance").result
    assert result["average precision"] > 0.15
    assert (result["photos train"], result["photos val"]) == (4, 1)


def test_the_glance_is_read_back_and_is_calibrated(glance_folder: Path) -> None:
    glance, about = load(glance_folder / "glance" / "glance.safetensors")
    assert glance.kinds == tuple(tiny_glance.THINGS)
    assert about["frames"] == tiny_glance.FRAMES
    frames = shards.read(sorted((glance_folder / "glance/frames").glob("val-*.npz")))
    told, there = 0.0, 0
    with torch.no_grad():
        for example in frames:
            x = normalise(torch.from_numpy(example.seen[None]))
            told += float(glance.eval()(x)["heat"].sigmoid().sum())
            there += int((targets(example, glance.kinds, glance.cells).heat == 1).sum())
    assert there > 20
    assert told == pytest.approx(there, rel=0.25)  # as many things as it believes there are


def test_frames_that_judge_stay_for_the_int8(glance_folder: Path) -> None:
    files = [file.name for file in (glance_folder / "glance" / "frames").iterdir()]
    assert sorted(files) == ["train-0000.npz", "val-0000.npz"]


def test_a_second_run_makes_nothing_and_other_settings_are_refused(
    glance_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = glance_folder / "glance"
    before = {file: file.stat().st_mtime_ns for file in out.rglob("*")}
    assert main(tiny_glance.flags(glance_folder, out)) == 0
    assert {file: file.stat().st_mtime_ns for file in out.rglob("*")} == before
    assert "average precision" in capsys.readouterr().out
    assert main([*tiny_glance.flags(glance_folder, out), "--seed", "1"]) == 2
    assert "begun with seed 0" in capsys.readouterr().err


def tuned(home: Path, out: Path) -> int:
    """Two times with the student's layers, after a few without. The exit code."""
    with pytest.MonkeyPatch.context() as patch:
        tiny_glance.close_up(patch)
        more = ["--epochs", "2", "--tune", "2", "--frames", "36"]
        return main([*tiny_glance.flags(home, out), *more])


def test_the_students_layers_learn_too_and_a_run_that_was_killed_goes_on(
    glance_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = load(glance_folder / "glance" / "glance.safetensors")[0].trunk.state_dict()
    assert tuned(glance_folder, tmp_path / "whole") == 0
    whole = load(tmp_path / "whole" / "glance.safetensors")[0].trunk.state_dict()
    moved = {key for key, value in whole.items() if not torch.equal(value, before[key])}
    assert any(key.endswith("weight") for key in moved)
    assert not any("running" in key for key in moved)  # the student's own statistics

    kept = loop._save

    def killed(file: Path, *parts: Any) -> None:
        kept(file, *parts)
        if file.parent.name == glance_stage.TUNING:
            raise KeyboardInterrupt

    monkeypatch.setattr(loop, "_save", killed)
    assert tuned(glance_folder, tmp_path / "again") == 130
    monkeypatch.setattr(loop, "_save", kept)
    assert tuned(glance_folder, tmp_path / "again") == 0
    again = load(tmp_path / "again" / "glance.safetensors")[0].trunk.state_dict()
    off = {key: float((again[key] - value).abs().max()) for key, value in whole.items()}
    assert max(off.values()) < 1e-3, sorted(off.items(), key=lambda t: -t[1])[:5]
    left = {entry.name for entry in (tmp_path / "again").iterdir()}
    assert left == {"recipe.json", "frames", "glance.safetensors"}


def order(things: Path, photos: Path, seed: int = 0, count: int = 7) -> Order:
    made_of = material.material(read_folder(things), photos)["train"]
    return Order(made_of.things, made_of.canvases, seed, count, 64)


def test_frames_are_the_same_for_a_seed(
    glance_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And by a run that was stopped in between."""
    monkeypatch.setattr(shards, "EACH", 4)
    wanted = order(glance_folder / "images", glance_folder / "photos")
    one = list(shards.read(shards.composed(wanted, tmp_path / "one", "train", 1)))
    files = shards.composed(wanted, tmp_path / "again", "train", 1)
    files[0].unlink()
    again = list(shards.read(shards.composed(wanted, tmp_path / "again", "train", 1)))
    other = msgspec.structs.replace(wanted, seed=1)
    others = list(shards.read(shards.composed(other, tmp_path / "other", "train", 1)))
    assert len(one) == 7
    for a, b in zip(one, again, strict=True):
        assert np.array_equal(a.seen, b.seen)
        assert (a.shown, a.size) == (b.shown, b.size)
    assert not any(np.array_equal(a.seen, b.seen) for a in one for b in others)


@pytest.mark.slow
def test_two_processes_make_what_one_makes(glance_folder: Path, tmp_path: Path) -> None:
    wanted = order(glance_folder / "images", glance_folder / "photos", count=shards.EACH + 6)
    made = [
        [e.seen for e in shards.read(shards.composed(wanted, tmp_path / str(n), "train", n))]
        for n in (1, 2)
    ]
    assert np.array_equal(*made)


def test_no_thing_and_no_photo_is_on_both_sides(glance_folder: Path) -> None:
    sides = material.material(read_folder(glance_folder / "images"), glance_folder / "photos")
    train, val = sides["train"], sides["val"]
    assert len(train.things) == 15
    assert len(val.things) == 10
    assert not {t.file for t in train.things} & {t.file for t in val.things}
    assert {*train.canvases} & {*val.canvases} == {None}
    assert len([c for c in val.canvases if c]) == 1


@needs_data
def test_no_fish_sender_or_published_picture_is_on_both_sides() -> None:
    """Things of a frame that judges are of other fish, other senders, another split."""
    keys = {"fish": "fish", "clothing": "sender"}
    owner = {}
    for name, key in keys.items():
        for line in (DATA / name / "labels.jsonl").read_bytes().splitlines():
            row = json.loads(line)
            owner[DATA / name / row["file"]] = name, row[key]
    for line in (DATA / "grocery" / "val.jsonl").read_bytes().splitlines():
        owner[DATA / "grocery" / json.loads(line)["file"]] = "grocery", "val"
    sides = material.material(picture_set(DATA), DATA / "photos")
    owners = {
        split: {owner.get(t.file, ("grocery", "train")) for t in made_of.things}
        for split, made_of in sides.items()
    }
    assert not owners["train"] & owners["val"]
    assert {name for name, _ in owners["val"]} == {"fish", "clothing", "grocery"}
    assert {name for name, _ in owners["train"]} == {"fish", "clothing", "grocery"}


def edited(folder: Path, edit: dict[str, str]) -> Path:
    """The rows of a copy's labels, changed where they say so."""
    file = folder / "labels.jsonl"
    rows = [json.loads(line) | edit for line in file.read_text("utf-8").splitlines()]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return folder


def test_a_set_without_a_judge_or_without_things_is_refused(
    glance_folder: Path, tmp_path: Path
) -> None:
    images = tiny_glance.write_images(tmp_path / "images")
    rows = (images / "labels.jsonl").read_text("utf-8")
    (images / "labels.jsonl").write_text(rows + rows.replace('"val"', '"train"'), "utf-8")
    with pytest.raises(WorkshopError, match=r"-3\.png: in train and in val, as 9 more") as both:
        material.material(read_folder(images), glance_folder / "photos")
    assert "--more" in both.value.fix  # of quantize.pictures.shared
    edited(images, {"split": "train"})
    with pytest.raises(WorkshopError, match="no labelled picture of a thing in split val"):
        material.material(read_folder(images), glance_folder / "photos")
    edited(images, {"head": "tags"})
    with pytest.raises(WorkshopError, match="no labelled picture of a thing in split train"):
        material.material(read_folder(images), glance_folder / "photos")


@pytest.mark.parametrize(
    ("flag", "value", "says"),
    [
        ("--side", "100", "expected a multiple of 32"),
        ("--side", "1120", "expected 1080 px or less, as frames"),
        ("--frames", "0", "expected 1 or more"),
        ("--seed", "-1", "expected 0 or more"),
        ("--tune-lr", "2", "expected between 0 and 1"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    glance_folder: Path, tmp_path: Path, flag: str, value: str, says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    out = tmp_path / "glance"
    assert main([*tiny_glance.flags(glance_folder, out), flag, value]) == 2
    assert says in capsys.readouterr().err
    assert not out.exists()


def test_a_student_without_a_layer_at_a_sixteenth_is_refused() -> None:
    student = Student({}, "mobilenet_v2")
    student.backbone = student.backbone[:3]
    with pytest.raises(WorkshopError, match="expected some at 1/4, 1/8, 1/16"):
        Trunk(student)


def spot(x: int, heat: float) -> Spot:
    return Spot((x, 0, x + 10, 10), heat)


def test_average_precision_counts_each_thing_once() -> None:
    things = [ShownThing((0, 0, 10, 10), "a"), ShownThing((100, 0, 110, 10), "a")]
    assert judge.hits([spot(1, 0.9), spot(3, 0.8), spot(101, 0.7)], things) == [True, False, True]
    assert judge.average_precision([(0.9, True), (0.8, False), (0.7, True)], 2) == pytest.approx(
        (1 + 2 / 3) / 2
    )
    assert judge.average_precision([(0.9, True)], 4) == 0.25
    assert judge.average_precision([], 3) == 0
    assert not judge.is_on((0, 0, 10, 10), (8, 0, 18, 10))


def test_truth_lies_in_the_cell_of_the_centre() -> None:
    example = Example(
        np.zeros((64, 64, 3), np.uint8), (ShownThing((80, 40, 120, 60), "fish"),), (400, 200)
    )
    truth = targets(example, ("clothes", "fish"), 4)
    assert np.argwhere(truth.heat == 1).tolist() == [[1, 1, 1]]
    assert truth.geometry[1, 1] == pytest.approx([0.0, 0.0, np.log2(40 / 400)])
    assert truth.centres.sum() == 1
    assert 0 < truth.heat[1, 2, 1] < 1


def test_a_thing_of_no_listed_kind_is_left_alone() -> None:
    shown = (ShownThing((0, 0, 10, 10), "marks"),)
    truth = targets(Example(np.zeros((64, 64, 3), np.uint8), shown, (64, 64)), ("fish",), 4)
    assert not truth.heat.any()


def test_things_keep_their_labels(glance_folder: Path) -> None:
    sides = material.material(read_folder(glance_folder / "images"), glance_folder / "photos")
    lemon = glance_folder / "images" / "Lemon-0.png"
    assert Thing(lemon, "grocery", "Lemon") in sides["train"].things


def test_marks_to_judge_with_are_others_than_those_to_train_on(
    glance_folder: Path, tmp_path: Path
) -> None:
    sides = material.material(read_folder(glance_folder / "images"), glance_folder / "photos")
    more = material.with_marks(sides, 10, tmp_path)
    train, val = (
        {t.file.read_bytes() for t in more[split].things if t.head == material.MARK}
        for split in ("train", "val")
    )
    assert (len(train), len(val)) == (10, 2)
    assert not train & val
    assert len(more["train"].things) == len(sides["train"].things) + 10
