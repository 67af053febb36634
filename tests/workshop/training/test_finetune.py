"""The loop: what it minimises, what it shows, and that a kill costs nothing but time."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

import msgspec  # noqa: E402

from calib_data.scenes import crop  # noqa: E402
from quantize import cli  # noqa: E402
from quantize.errors import DiskError, WorkshopError  # noqa: E402
from quantize.pictures import Sample, TagList, read_lists  # noqa: E402
from quantize.students import Student, load  # noqa: E402
from quantize.students.starting import FILE  # noqa: E402
from quantize.training import batches as showing  # noqa: E402
from quantize.training import loop  # noqa: E402
from quantize.training.batches import Batch  # noqa: E402
from quantize.training.loop import Schedule, fit, lr_at, store  # noqa: E402
from quantize.training.objective import accuracy, loss_of, shared_with, taught  # noqa: E402
from quantize.training.settings import Settings  # noqa: E402
from quantize.training.shelf import Shelf, label, labels_of, targets  # noqa: E402
from tests.workshop.distill import write_labels, write_pictures  # noqa: E402

ROOT = Path(__file__).parents[3]
LISTS = {
    "clothes": TagList(("T-Shirt",), (None,)),
    "grocery": TagList(("Lemon", "Lime"), ("Lemon", "Lime")),
    "fish": TagList(("perch",), (None,)),
}
TINY = Settings(epochs=2, batch=4, first_side=32, side=64, final_side=64, warm_up=1)
SHORT = Schedule(epochs=2, steps=2, lr=1e-3, warm_up=1)
NAMED = [("grocery", "Lemon"), ("grocery", "Lime"), ("clothes", "T-Shirt"), ("fish", "perch")]


def shelf() -> Shelf:
    samples = [Sample(Path(f"{i}.jpg"), *NAMED[i % 4], "train") for i in range(8)]
    pictures = [crop(s.head, s.tag, i, 64) for i, s in enumerate(samples)]
    labels = {h: torch.tensor([label(s, h, tags) for s in samples]) for h, tags in LISTS.items()}
    sizes = {head: len(tags.tags) + 1 for head, tags in LISTS.items()}
    soft = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    return Shelf(samples, pictures, labels, sizes, soft)


def student() -> Student:
    torch.manual_seed(0)
    return Student({"clothes": 2, "grocery": 3, "fish": 2, "tags": 3})


def train(out: Path, judge: object = lambda _: {}) -> Student:
    mine, shown = student(), shelf()
    seen = showing.batches(shown, TINY)
    return fit(mine, seen, partial(taught, soft_weight=0.5), SHORT, out, judge)


def test_a_picture_of_another_head_is_labelled_none_and_an_unjudged_one_not_at_all() -> None:
    lemon = Sample(Path("x"), "grocery", "Lemon", "train")
    photo, empty = Sample(Path("x"), "", "", "train"), Sample(Path("x"), "none", "", "train")
    assert [label(s, "clothes", LISTS["clothes"]) for s in (lemon, photo, empty)] == [1, -1, 1]
    assert label(lemon, "grocery", LISTS["grocery"]) == 0


def test_a_picture_with_a_row_for_each_of_two_heads_is_none_of_neither() -> None:
    lemon = Sample(Path("x"), "grocery", "Lemon", "train")
    shirt = Sample(Path("x"), "clothes", "T-Shirt", "train")
    part = Sample(Path("x"), "fish", "perch", "train", (0, 0, 8, 8))
    rows = (lemon, shirt, part)
    assert labels_of(rows, "grocery", LISTS["grocery"]) == [0, 0, 2]
    assert labels_of(rows, "clothes", LISTS["clothes"]) == [0, 0, 1]


def test_a_label_that_its_head_does_not_have_is_refused() -> None:
    pear = Sample(Path("x.jpg"), "grocery", "Pear", "train")
    with pytest.raises(WorkshopError, match=r"x\.jpg: labelled 'Pear', expected one of the 2 tags"):
        label(pear, "grocery", LISTS["grocery"])


def test_targets_are_smoothed_and_weighed_and_an_unjudged_picture_counts_nothing() -> None:
    wanted = targets(torch.tensor([0, 2, -1]), 3, Settings(smoothing=0.3, none_weight=0.5))
    expected = torch.tensor([[0.8, 0.1, 0.1], [0.05, 0.05, 0.4], [0.0, 0.0, 0.0]])
    assert torch.allclose(wanted, expected)


def batch_of(soft: object) -> Batch:
    return Batch(
        torch.zeros(1), {"grocery": torch.tensor([[0.0, 1.0, 0.0]])}, soft, torch.ones(1, 1)
    )


def test_loss_is_least_when_labels_and_teacher_are_met() -> None:
    soft = torch.tensor([[4.0, 0.0, -4.0]]).softmax(1)
    same = {"embedding": torch.zeros(1, 2)}
    met = {**same, "grocery": torch.tensor([[0.0, 3.0, 0.0]]), "tags": soft.log()}
    wrong_label = {**met, "grocery": torch.tensor([[3.0, 0.0, 0.0]])}
    wrong_order = {**met, "tags": soft.log().flip(1)}
    least = loss_of(met, batch_of(soft), 0.5)
    assert least < loss_of(wrong_label, batch_of(soft), 0.5)
    assert least < loss_of(wrong_order, batch_of(soft), 0.5)
    assert torch.isclose(loss_of(met, batch_of(None), 0.5), -met["grocery"].log_softmax(1)[0, 1])


def test_a_sigmoid_teacher_is_met_by_saying_what_it_says() -> None:
    """Three tags it is sure of: as a softmax they would be a third each."""
    logits = np.array([[4.0, 4.0, 4.0, -6.0]] * 4, np.float32)
    ram = msgspec.structs.replace(shelf(), soft=np.tile(logits, (2, 1)), kind="sigmoid")
    soft = next(showing.batches(ram, msgspec.structs.replace(TINY, mixed=0.0))(0)).soft
    assert torch.allclose(soft, torch.from_numpy(logits).sigmoid())
    taught_by = Batch(torch.zeros(1), {}, soft, torch.ones(1, 1))
    said = torch.from_numpy(logits).requires_grad_()
    outputs = {"embedding": torch.zeros(1, 2), "tags": said}
    loss_of(outputs, taught_by, 0.5, "sigmoid").backward()
    assert torch.allclose(said.grad, torch.zeros_like(said), atol=1e-6)


def test_teachers_share_a_target_and_what_a_picture_counts_stays() -> None:
    """Two teachers of opposite opinions are one of none; a picture nobody labelled stays so."""
    sure = student().eval()
    other = student().eval()
    with torch.no_grad():
        for teacher, bias in ((sure, [30.0, 0.0, 0.0]), (other, [0.0, 30.0, 0.0])):
            teacher.heads["grocery"].weight.zero_()
            teacher.heads["grocery"].bias.copy_(torch.tensor(bias))
    x = torch.zeros(3, 3, 64, 64)
    wanted = torch.tensor([[0.0, 0.0, 1.0], [0.0, 0.25, 0.0], [0.0, 0.0, 0.0]])
    shared = shared_with([sure, other], x, {"grocery": wanted}, torch.full((3, 1), 0.6))["grocery"]
    expected = torch.tensor([[0.3, 0.3, 0.4], [0.075, 0.175, 0.0], [0.0, 0.0, 0.0]])
    assert torch.allclose(shared, expected, atol=1e-5)


def test_of_a_picture_that_the_teachers_never_learned_from_the_label_alone_counts() -> None:
    x, wanted = torch.zeros(2, 3, 64, 64), torch.tensor([[0.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    shared = shared_with([student().eval()], x, {"grocery": wanted}, torch.tensor([[0.7], [0.0]]))
    assert not torch.allclose(shared["grocery"][0], wanted[0])
    assert torch.equal(shared["grocery"][1], wanted[1])


def test_what_the_teachers_have_no_head_for_is_taught_by_labels() -> None:
    x, wanted = torch.zeros(1, 3, 64, 64), torch.tensor([[0.0, 1.0]])
    shared = shared_with([student().eval()], x, {"brands": wanted}, torch.ones(1, 1))
    assert torch.equal(shared["brands"], wanted)


def test_mixed_pictures_have_targets_in_the_same_proportion() -> None:
    """A white picture and a black one: what is white of the mix is the share of its target."""
    pixels = torch.stack([torch.full((16, 16, 3), 255.0), torch.zeros(16, 16, 3)])
    plain = Batch(pixels, {"h": torch.eye(2)}, torch.eye(2), torch.ones(2, 1))
    for seed in range(20):
        mixed = showing.mixed(plain, np.random.default_rng(seed))
        white = mixed.pixels.mean((1, 2, 3)) / 255
        assert torch.allclose(mixed.targets["h"][:, 0], white, atol=1e-5)
        assert torch.allclose(mixed.soft[:, 0], white, atol=1e-5)


def test_a_share_is_how_often_an_epoch_shows_a_picture() -> None:
    many = shelf()
    shares = [0.25, 1.0, 2.5, 1.0, 1.0, 1.0, 1.0, 0.0]
    samples = [msgspec.structs.replace(s, share=n) for s, n in zip(many.samples, shares)]
    many = msgspec.structs.replace(many, samples=samples)
    draw = np.random.default_rng(0)
    seen = np.concatenate([showing.epoch_order(many, draw) for _ in range(400)])
    assert np.allclose(np.bincount(seen, minlength=8) / 400, shares, atol=0.1)


def test_pictures_grow_from_the_first_side_to_the_last() -> None:
    sides = [showing.side_at(e, Settings(epochs=6)) for e in range(6)]
    assert sides == [128, 128, 160, 160, 192, 192]


def test_the_rate_warms_up_and_falls_to_nothing() -> None:
    schedule = Schedule(epochs=2, steps=50, lr=1.0, warm_up=10)
    rates = [lr_at(step, schedule) for step in range(100)]
    assert rates[:2] == [0.1, 0.2]
    assert max(rates) == rates[9] == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 1e-3


def test_a_killed_run_resumes_to_the_same_weights(tmp_path: Path) -> None:
    whole = train(tmp_path / "whole")

    class Killed(Exception):
        pass

    def die(_: Student) -> dict[str, float]:
        if (tmp_path / "killed/checkpoint.pt").exists():
            raise Killed
        return {}

    with pytest.raises(Killed):
        train(tmp_path / "killed", die)
    again = train(tmp_path / "killed")
    assert not again.training
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_an_epoch_that_is_learned_again_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(file: Path, *parts: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(loop, "_save", die)
        train(tmp_path)
    train(tmp_path)
    log = [msgspec.json.decode(x) for x in (tmp_path / "log.jsonl").read_bytes().splitlines()]
    assert [line["epoch"] for line in log] == [1, 2]


def test_a_checkpoint_of_a_gpu_goes_on_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is none here: that it is read onto the CPU is what can be seen."""
    train(tmp_path)
    real, where = torch.load, []

    def load(file: Path, **how: object) -> object:
        where.append(how["map_location"])
        return real(file, **how)

    monkeypatch.setattr(torch, "load", load)
    train(tmp_path)
    assert where == ["cpu"]


def test_a_run_killed_after_its_last_epoch_comes_back_to_be_judged(tmp_path: Path) -> None:
    whole = train(tmp_path)
    again = train(tmp_path)
    assert not again.training
    assert torch.equal(again.heads["fish"].weight, whole.heads["fish"].weight)


def test_being_judged_changes_no_student() -> None:
    """In training mode dropout would hide what it knows, and its norms would learn the pictures."""
    mine, shown = student().train(), shelf()
    before = {k: v.clone() for k, v in mine.state_dict().items()}
    assert accuracy(mine, shown, 64) == accuracy(mine.eval(), shown, 64)
    assert all(torch.equal(value, before[k]) for k, value in mine.state_dict().items())


def test_a_checkpoint_that_does_not_fit_on_the_disk_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    store(tmp_path / "checkpoint.pt", {"epoch": 1})
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskError, match=r"checkpoint\.pt: No space left"):
        store(tmp_path / "checkpoint.pt", {"epoch": 2})
    assert torch.load(tmp_path / "checkpoint.pt") == {"epoch": 1}
    assert len(list(tmp_path.iterdir())) == 1


def test_frozen_layers_keep_weights_and_statistics_and_the_others_learn(tmp_path: Path) -> None:
    mine, shown = student(), shelf()
    before = {k: v.clone() for k, v in mine.state_dict().items()}
    seen = showing.batches(shown, TINY)
    loss = partial(taught, soft_weight=0.5)
    after = fit(mine, seen, loss, SHORT, tmp_path, lambda _: {}, list(mine.backbone[:3]))
    for name, value in after.state_dict().items():
        is_frozen = name.startswith(("backbone.0.", "backbone.1.", "backbone.2."))
        if is_frozen:
            assert torch.equal(value, before[name]), name
    assert not torch.equal(after.heads["fish"].weight, before["heads.fish.weight"])


def test_accuracy_counts_the_best_tag_that_is_not_none() -> None:
    shown, mine = shelf(), student().eval()
    with torch.no_grad():
        for head in mine.heads.values():
            head.weight.zero_()
            head.bias.copy_(torch.arange(head.out_features).flip(0))
            head.bias[-1] = 99.0  # "none" is not a guess
    assert accuracy(mine, shown, 64) == {"clothes": 1.0, "grocery": 0.5, "fish": 1.0}


def test_several_processes_show_what_one_shows() -> None:
    """In a process of its own: what other tests have loaded here does not bear a fork."""
    show = "from tests.workshop.training.test_finetune import show_alike; show_alike()"
    subprocess.run([sys.executable, "-c", show], cwd=ROOT, check=True, timeout=300)


def show_alike() -> None:
    alone, helped = (showing.batches(shelf(), TINY, workers) for workers in (0, 2))
    for epoch in (0, 1, 0):
        for one, other in zip(alone(epoch), helped(epoch), strict=True):
            assert torch.equal(one.pixels, other.pixels)
            assert torch.equal(one.soft, other.soft)
            assert all(torch.equal(one.targets[h], other.targets[h]) for h in LISTS)


def finetune(images: Path, out: Path, *more: str) -> int:
    """The stage, of a student that learns nothing in its one epoch."""
    short = ["--student", "tiny", "--start", "random", "--epochs", "1", "--device", "cpu"]
    sides = ["--first-side", "32", "--side", "32", "--final-side", "32", "--batch", "8"]
    given = ["--images", str(images), "--out", str(out)]
    return cli.main(["finetune", *given, *short, *sides, *more])


def test_a_picture_that_cannot_be_read_is_left_out_whoever_taught(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = write_pictures(tmp_path / "images" / "Lime", 16).parent
    (images / "Lime" / "001.png").write_bytes(b"no picture")
    assert finetune(images, tmp_path / "people") == 0
    assert "1 pictures left out:\n  " in capsys.readouterr().err
    left = {file.name for file in (tmp_path / "people").iterdir()}
    assert left == {"log.jsonl", "recipe.json", "student.safetensors", "tags.json"}
    soft = write_labels(images, tmp_path / "soft", left_out=("001.png",))
    assert finetune(images, tmp_path / "both", "--labels", str(soft)) == 0


def test_a_run_with_another_head_or_another_start_is_another_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = write_pictures(tmp_path / "images" / "Lime", 16).parent
    first, out = tmp_path / "first", tmp_path / "out"
    assert finetune(images, first) == 0
    assert finetune(images, out, "--start", str(first)) == 0
    assert finetune(images, out, "--start", str(first), "--head", "fruit") == 2
    assert "begun with head 'products', expected 'fruit'" in capsys.readouterr().err
    assert finetune(images, first, "--head", "fruit") == 2
    rewritten = (first / "recipe.json").read_text().replace('"seed": 0', '"seed": 1')
    (first / "recipe.json").write_text(rewritten)
    assert finetune(images, out, "--start", str(first)) == 2
    assert "begun with start" in capsys.readouterr().err


def test_a_head_called_tags_is_the_teachers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = write_pictures(tmp_path / "images" / "Lime", 16).parent
    assert finetune(images, tmp_path / "out", "--head", "tags") == 2
    assert "labels of head 'tags', expected another head" in capsys.readouterr().err


def test_a_shop_has_a_head_of_brands_too(tmp_path: Path) -> None:
    """The default bundle learns from made-up brands under a name of its own, and forgets them."""
    images = write_pictures(tmp_path / "images" / "Acme", 16).parent
    assert finetune(images, tmp_path / "out", "--head", "brands") == 0
    assert list(read_lists(tmp_path / "out")) == ["brands"]
    assert list(load(tmp_path / "out" / FILE)[0].heads) == ["brands"]


def test_a_tag_that_no_picture_teaches_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = write_pictures(tmp_path / "images" / "train" / "Lime", 16).parents[1]
    write_pictures(images / "val" / "Lemon", 2)
    assert finetune(images, tmp_path / "out") == 0
    assert "no picture to learn 1 tags of products from, first 'Lemon'" in capsys.readouterr().err


def test_a_picture_beside_the_class_folders_is_told_where_nobody_else_teaches_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = write_pictures(tmp_path / "images" / "train" / "Lime", 16).parents[1]
    shutil.copy(images / "train" / "Lime" / "001.png", images / "train" / "beside.png")
    assert finetune(images, tmp_path / "out") == 0
    told = capsys.readouterr().err
    assert f"1 pictures without a label teach nothing, first {images}/train/beside.png" in told
    soft = write_labels(images, tmp_path / "soft")
    assert finetune(images, tmp_path / "both", "--labels", str(soft)) == 0
    assert "without a label" not in capsys.readouterr().err


def test_a_teacher_whose_file_is_cut_short_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = write_pictures(tmp_path / "images" / "Lime", 16).parent
    assert finetune(images, tmp_path / "one") == 0
    file = tmp_path / "one" / "student.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    assert finetune(images, tmp_path / "two", "--teachers", str(tmp_path / "one")) == 2
    assert "student.safetensors: does not load (SafetensorError" in capsys.readouterr().err


def test_labels_of_other_pictures_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soft = write_labels(write_pictures(tmp_path / "others", 4), tmp_path / "soft")
    images = write_pictures(tmp_path / "images", 16)
    assert finetune(images, tmp_path / "out", "--labels", str(soft)) == 2
    assert "pictures have no soft targets, expected all of --images" in capsys.readouterr().err


def test_soft_targets_of_another_picture_of_the_same_name_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two folders whose last five parts are alike: one took the other's without a word."""
    alike = "a/b/shop/Lime"
    images = write_pictures(tmp_path / "one" / alike, 16)
    soft = write_labels(images.parents[2], tmp_path / "soft")
    moved = tmp_path / "moved"
    shutil.copytree(images.parents[2], moved / "a")
    assert finetune(moved / "a", tmp_path / "same", "--labels", str(soft)) == 0
    other = write_pictures(tmp_path / "other" / alike, 16)
    (other / "003.png").write_bytes((other / "003.png").read_bytes() + b"taken later")
    assert finetune(other.parents[2], tmp_path / "out", "--labels", str(soft)) == 2
    told = capsys.readouterr().err
    assert "003.png: " in told
    assert f"as {soft} was made of a/b/shop/Lime/003.png" in told


def test_two_pictures_that_would_share_a_soft_target_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images, alike = tmp_path / "images", "a/b/c/Lime"
    first = write_pictures(images / "one" / alike, 16)
    soft = write_labels(first, tmp_path / "soft")
    write_pictures(images / "two" / alike, 1)
    assert finetune(images, tmp_path / "out", "--labels", str(soft)) == 2
    assert "filed under 'a/b/c/Lime/000.png', as" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--batch", "0"], "--batch: 0, expected 1 or more"),
        (["--batch", "64"], "pictures to learn from, expected a batch of 64"),
        (["--side", "48"], "--side: 48, expected a multiple of 32"),
        (["--first-side", "64"], "--side: 32, expected 64 or more"),
        (["--lr", "nan"], "--lr: nan, expected between 0 and 1"),
        (["--seed", "-1"], "--seed: -1, expected 0 or more"),
        (["--weight-decay", "-1"], "--weight-decay: -1.0, expected 0 or more"),
        (["--mixed", "5"], "--mixed: 5.0, expected 0 to 1"),
        (["--smoothing", "2"], "--smoothing: 2.0, expected 0 to 1"),
        (["--group-weight", "1"], "no tag has a group, expected some for --group-weight 1.0"),
        (["--group-weight", "-1"], "--group-weight: -1.0, expected 0 or more"),
        (["--workers", "-3"], "--workers: -3, expected 0 or more"),
        (["--light", "nan"], "--light: nan, expected 0 to 1"),
        (["--teacher-weight", "nan"], "--teacher-weight: nan, expected 0 to 1"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str], said: str
) -> None:
    images = write_pictures(tmp_path / "images" / "Lime", 16).parent
    assert finetune(images, tmp_path / "out", *flags) == 2
    assert said in capsys.readouterr().err
    assert finetune(images, tmp_path / "out") == 0  # the folder is still free


def test_an_epoch_without_a_batch_is_refused(tmp_path: Path) -> None:
    loss = partial(taught, soft_weight=0.5)
    with pytest.raises(WorkshopError, match="epoch 1 has no batch"):
        fit(student(), lambda _: [], loss, SHORT, tmp_path, lambda _: {})


def test_a_loss_that_is_no_number_ends_the_run_and_its_weights_are_not_kept(tmp_path: Path) -> None:
    def lost(model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        return taught(model, batch, 0.5) * float("inf")

    with pytest.raises(WorkshopError, match=r"the loss is (inf|nan), expected a number"):
        fit(student(), showing.batches(shelf(), TINY), lost, SHORT, tmp_path, lambda _: {})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kept", [0, 40, 5000])
def test_a_damaged_checkpoint_is_named_with_what_to_do(tmp_path: Path, kept: int) -> None:
    train(tmp_path)
    file = tmp_path / loop.CHECKPOINT
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(WorkshopError, match=r"checkpoint\.pt: damaged") as refused:
        train(tmp_path)
    assert refused.value.fix == "delete it"
