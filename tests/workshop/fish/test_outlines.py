"""S3: a light network for outlines: what it learns from, that it learns, and how it is judged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

import torch

from quantize.cli import main
from quantize.errors import WorkshopError
from quantize.fish.course import (
    Crops,
    answers,
    check_judging,
    crops_of_seed,
    enlarged,
    judge,
    learn,
    loss_of,
)
from quantize.fish.network import Outline, load, save
from quantize.fish.outlines import crops
from quantize.fish.settings import OutlineSettings
from quantize.fish.shots import ANY, MASK
from quantize.glance.network import Trunk
from quantize.stages.outline import STUDENT
from quantize.students import Student
from quantize.students.work import work_of

SIDE = 64


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Crops:
    return crops_of_seed(tmp_path_factory.mktemp("crops") / "few.npz", 1, 12, SIDE)


@pytest.fixture(scope="module")
def trunk() -> Trunk:
    torch.manual_seed(0)
    return Trunk(Student({}))


def wanted_of(crops: Crops) -> torch.Tensor:
    """What the cells should say, (N, 2, rows, columns)."""
    planes = np.stack([(crops.planes & bit) > 0 for bit in (MASK, ANY)], 1)
    return torch.nn.functional.avg_pool2d(torch.from_numpy(planes).float(), 2)


def test_the_same_seed_gives_the_same_crops() -> None:
    one, two = (next(crops(5, 1, SIDE)) for _ in range(2))
    assert np.array_equal(one.seen, two.seen)
    assert np.array_equal(one.planes, two.planes)


def test_s3_the_truth_is_of_the_fish_in_the_middle(few: Crops) -> None:
    meant = few.masks[few.masks.any((1, 2))]
    shares = meant.mean((1, 2))
    assert ((shares > 0.02) & (shares < 0.5)).all()
    assert meant[:, SIDE // 4 : -SIDE // 4, SIDE // 4 : -SIDE // 4].any((1, 2)).all()
    assert not few.masks[few.is_far].any()
    assert few.is_far.any()
    assert ((few.planes & ANY) > 0)[few.masks].all()


def test_s3_perfect_masks_are_judged_so(few: Crops) -> None:
    logits = 20 * (wanted_of(few).numpy().reshape(len(few.seen), -1) - 0.5)
    found = judge(logits.astype(np.float32), few)
    assert found["IoU"] > 0.8
    assert found["mAP all"] > 0.6
    assert judge(-logits.astype(np.float32), few)["mAP all"] == 0


def test_s3_it_learns_and_its_trunk_s_statistics_stay(
    few: Crops, trunk: Trunk, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    outline = Outline(trunk, SIDE)
    statistics = [b.clone() for b in trunk.buffers()]
    wanted = wanted_of(few)
    counts = torch.from_numpy(np.stack([~few.is_far, np.ones(len(few.seen), bool)], 1)).float()
    before = float(loss_of(torch.from_numpy(answers(outline.eval(), few.seen)), wanted, counts))
    settings = OutlineSettings(side=SIDE, epochs=30, batch=6)
    outline = learn(outline, few, few, settings, tmp_path)
    after = float(loss_of(torch.from_numpy(answers(outline, few.seen)), wanted, counts))
    assert after < 0.9 * before
    now = outline.trunk.buffers()
    assert all(torch.equal(b, before) for b, before in zip(now, statistics, strict=True))


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--crops", "8"], "--crops: 8 pictures to learn from, expected a batch of 16"),
        (["--batch", "0"], "--batch: 0, expected 1 or more"),
        (["--seed", "-1"], "--seed: -1, expected 0 or more"),
        (["--lr", "nan"], "--lr: nan, expected between 0 and 1"),
        (["--side", "40"], "--side: 40, expected a multiple of 16"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str], said: str
) -> None:
    assert main(["outline", "--out", str(tmp_path / "out"), *flags]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_s3_it_is_light(trunk: Trunk) -> None:
    outline = Outline(trunk)
    assert sum(p.numel() for p in outline.neck.parameters()) < 60_000
    assert work_of(outline, 160, 160)["macs"] < 150e6
    assert answers(outline.eval(), np.zeros((2, 160, 160, 3), np.uint8)).shape == (2, 2 * 80 * 80)


def test_weights_survive_a_file(tmp_path: Path, few: Crops, trunk: Trunk) -> None:
    outline = Outline(trunk, SIDE).eval()
    save(outline, {"seed": 3}, tmp_path / "o.safetensors")
    again, about = load(tmp_path / "o.safetensors")
    assert about == {"side": SIDE, "student": "mobilenet_v2", "seed": 3}
    assert np.allclose(answers(again, few.seen), answers(outline, few.seen), atol=0.05)


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "o.safetensors").write_bytes(b"junk")
    with pytest.raises(WorkshopError, match="does not load"):
        load(tmp_path / "o.safetensors")


def test_masks_are_enlarged_between_cells() -> None:
    logits = np.full((1, 16), -5.0, np.float32)
    logits[0, 5:7] = 5
    assert enlarged(logits, 8).shape == (1, 8, 8)
    assert enlarged(logits, 8)[0, 3, 3]


def test_the_stage_goes_on_whatever_way_a_path_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = ["--crops", "2", "--batch", "2", "--judged", "2", "--epochs", "1", "--side", str(SIDE)]
    asked = ["outline", "--out", str(tmp_path / "out"), *few]
    assert main([*asked, "--student", str(STUDENT)]) == 0
    (tmp_path / "out" / "checkpoint.pt").touch()  # of a run that was killed before it cleared
    monkeypatch.chdir(STUDENT.parent)
    assert main([*asked, "--student", STUDENT.name]) == 0
    assert not (tmp_path / "out" / "checkpoint.pt").exists()


def test_crops_that_judge_nothing_are_refused_and_the_folder_stays_free(
    few: Crops, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check_judging(few)
    asked = ["outline", "--out", str(tmp_path / "out"), "--side", str(SIDE)]
    assert main([*asked, "--judged", "1", "--seed", "1"]) == 2
    assert "--judged: no fish in the middle of 1 crops" in capsys.readouterr().err
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["recipe.json"]
