"""`edge-quantize lowdata` on a few drawn pictures: what it writes, goes on with and refuses."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from quantize.cli import main  # noqa: E402
from quantize.lowdata.report import LowDataReport  # noqa: E402
from quantize.pictures.split_files import facts, outside, read_split  # noqa: E402
from quantize.stages import lowdata as stage  # noqa: E402
from quantize.students import load  # noqa: E402

TINY = "--student mobilenet_v2 --start random --splits 30,50 --seeds 0,1 --steps 2 --side 32"


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten pictures of each of two tags to learn from, four to be judged on."""
    folder, rng = tmp_path_factory.mktemp("shapes"), np.random.default_rng(0)
    for split, count in (("train", 10), ("val", 4)):
        for channel, tag in enumerate(("blue", "green")):
            (folder / split / tag).mkdir(parents=True)
            for i in range(count):
                picture = rng.integers(0, 80, (40, 48, 3), np.uint8)
                picture[..., channel] += 150
                cv2.imwrite(str(folder / split / tag / f"{i}.png"), picture)
    return folder


def arguments(images: Path, out: Path, *more: str) -> list[str]:
    return [
        "lowdata", "--images", str(images), "--out", str(out), *TINY.split(), "--batch", "4",
        "--device", "cpu", *more,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def done(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("stage") / "lowdata"
    assert main(arguments(images, out)) == 0
    return out


def test_it_writes_splits_students_and_a_report(done: Path) -> None:
    splits = {name: read_split(done / f"splits/train_{name}.txt") for name in ("30", "50")}
    assert {name: facts(lines).pictures for name, lines in splits.items()} == {"30": 6, "50": 10}
    assert outside(splits["30"], splits["50"]) == []
    assert facts(read_split(done / "splits/test.txt")).pictures == 8
    report = msgspec.json.decode((done / "report.json").read_bytes(), type=LowDataReport)
    assert [(r.settings.split, r.settings.seed, r.settings.method) for r in report.runs] == [
        (split, seed, method)
        for split in ("30", "50")
        for seed in (0, 1)
        for method in ("vanilla", "double_crop")
    ]
    assert [(r.pictures, r.held_out) for r in report.runs[::4]] == [(5, 1), (8, 2)]
    assert (done / "report.svg").read_text().startswith("<svg")


def test_a3_the_weights_say_how_a_picture_must_be_shown_to_them(done: Path) -> None:
    for method, middle in (("vanilla", 1.0), ("double_crop", 0.9)):
        student, about = load(done / f"runs/30-{method}-0/student.safetensors")
        shown = {key: about[key] for key in ("middle", "final_side", "squashed", "resize")}
        assert shown == {"middle": middle, "final_side": 32, "squashed": 36, "resize": "device"}
        assert {name: linear.out_features for name, linear in student.heads.items()} == {
            "products": 2
        }
        assert not (done / f"runs/30-{method}-0/checkpoint.pt").exists()


def test_it_prints_what_it_wrote_and_does_a_finished_run_no_second_time(
    done: Path,
    images: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stage, "_one", None)
    assert main(arguments(images, done)) == 0
    assert capsys.readouterr().out == (done / "report.md").read_text("utf-8")


def test_a_run_that_is_missing_is_made_again_and_the_others_are_not(
    done: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[str, int]] = []
    real = stage.train

    def counted(model: object, head: str, shown: object, settings: object, *rest: object) -> object:
        made.append((settings.method, settings.seed))  # type: ignore[attr-defined]
        if len(made) == 2:
            raise KeyboardInterrupt
        return real(model, head, shown, settings, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(stage, "train", counted)
    short = arguments(images, tmp_path / "out", "--splits", "30", "--seeds", "0", "--steps", "1")
    assert main(short) == 130
    assert main(short) == 0
    assert made == [("vanilla", 0), ("double_crop", 0), ("double_crop", 0)]


@pytest.mark.parametrize("is_published", [False, True])
def test_a_damaged_picture_is_left_out_and_told_wherever_it_is(
    done: Path,
    images: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    is_published: bool,
) -> None:
    """One of them ended the whole comparison. Splits that are made here are as large as ever."""
    mine = Path(shutil.copytree(images, tmp_path / "mine"))
    learned = read_split(done / "splits/train_30.txt")[0].file
    for name in (learned, "val/blue/2.png"):
        (mine / name).write_bytes(b"")
    more = ["--splits", "30", "--seeds", "0", "--steps", "1"]
    more += ["--split-files", str(done / "splits")] if is_published else []
    assert main(arguments(mine, tmp_path / "out", *more)) == 0
    told = capsys.readouterr().err
    assert "mine: 2 pictures left out:\n  " in told
    assert "val/blue/2.png: file is empty" in told  # each one, not the first alone
    report = msgspec.json.decode((tmp_path / "out/report.json").read_bytes(), type=LowDataReport)
    assert report.test_pictures == 7
    assert report.splits[0].facts.pictures == (5 if is_published else 6)
    lines = read_split(tmp_path / "out/splits/train_30.txt")
    assert learned not in {line.file for line in lines}


def test_a_split_of_nothing_but_damaged_pictures_is_refused(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = Path(shutil.copytree(images, tmp_path / "mine"))
    for file in (mine / "val").rglob("*.png"):
        file.write_bytes(b"")
    assert main(arguments(mine, tmp_path / "out")) == 2
    assert "20 train and 0 val pictures" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "found"),
    [
        (
            ("--method", "triple_crop"),
            "--method: 'triple_crop', expected double_crop or single_crop",
        ),
        (("--splits", "10,ten"), "split 'ten': no such split"),
        (("--seeds", "0,x"), "--seeds: '0,x', expected numbers"),
        (("--seeds", "1,01,2"), "--seeds: '1,01,2', expected each once"),
        (("--splits", "30,30"), "--splits: '30,30', expected each once"),
        (("--side", "100"), "--side: 100 px, expected a multiple of 32"),
        (("--steps", "0"), "--steps: 0, expected 1"),
        (("--held-out", "1.5"), "--held-out: 1.5, expected 0 to 0.9"),
        (("--lr", "nan"), "--lr: nan, expected 1e-06 to 1"),
        (("--alpha", "-1"), "--alpha: -1.0, expected 0 to 1000"),
        (("--head", "colour", "--split-files", "nowhere"), "train_30.txt: file is missing"),
        (("--device", "gpu"), "--device: 'gpu', expected auto, cpu, cuda or cuda:1"),
        (("--start", "nowhere.safetensors"), "nowhere.safetensors: no such file"),
    ],
)
def test_a_flag_that_cannot_be_is_refused_with_a_fix(
    images: Path,
    tmp_path: Path,
    flags: tuple[str, str],
    found: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(arguments(images, tmp_path / "out", *flags)) == 2
    said = capsys.readouterr().err
    assert found in said
    assert "\n  fix: " in said


def test_a_folder_of_another_comparison_is_left_alone(
    done: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (done / "report.json").read_bytes()
    assert main(arguments(images, done, "--steps", "3")) == 2
    assert "begun with steps 2, expected 3" in capsys.readouterr().err
    assert (done / "report.json").read_bytes() == before


def test_published_split_files_are_used_as_they_are(images: Path, tmp_path: Path) -> None:
    lists = tmp_path / "low_data"
    lists.mkdir()
    (lists / "train_1i.txt").write_bytes(b"train/blue/0.png 0\r\ntrain/green/3.png 1")
    (lists / "test.txt").write_bytes(b"val/blue/0.png 0\nval/green/0.png 1")
    short = ("--splits", "1i", "--seeds", "0", "--steps", "1", "--split-files", str(lists))
    assert main(arguments(images, tmp_path / "out", *short)) == 0
    report = msgspec.json.decode((tmp_path / "out/report.json").read_bytes(), type=LowDataReport)
    assert [(run.pictures, run.held_out, run.kept.validation) for run in report.runs] == [
        (2, 0, None),
        (2, 0, None),
    ]
    assert (tmp_path / "out/runs/1i-vanilla-0/tags.json").read_text().count("blue") == 1
    (lists / "train_1i.txt").write_bytes(b"train/blue/gone.png 0")
    gone = ("--splits", "1i", "--seeds", "0", "--split-files", str(lists))
    assert main(arguments(images, tmp_path / "other", *gone)) == 2
