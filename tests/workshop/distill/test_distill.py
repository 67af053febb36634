"""R16: a teacher's soft targets become a small student; and what the stage refuses (R18 too)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from quantize import cli, students  # noqa: E402
from quantize.distill import course, lessons, teaching  # noqa: E402
from quantize.distill.judging import hold_out, judge  # noqa: E402
from quantize.distill.teaching import Learner, begin_at_mean, plan_of, taught  # noqa: E402
from quantize.errors import WorkshopError  # noqa: E402
from quantize.labels import Labels, load  # noqa: E402
from quantize.pictures import read_folder, read_lists  # noqa: E402
from quantize.students import Student  # noqa: E402
from quantize.students.cost import gmac  # noqa: E402
from quantize.timm_import import import_timm  # noqa: E402
from quantize.training import loop  # noqa: E402
from quantize.training.distributed import ALONE, Group  # noqa: E402
from tests.workshop.distill import TAGS, picture, teacher, write_labels, write_pictures  # noqa: E402

SHORT = [
    "--student",
    "tiny",
    "--start",
    "random",
    "--side",
    "32",
    "--batch",
    "16",
    "--device",
    "cpu",
]


class Set:
    """Pictures and their labels."""

    def __init__(self, folder: Path) -> None:
        self.images = write_pictures(folder / "images", 120)
        self.labels = write_labels(self.images, folder / "soft")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Set:
    return Set(tmp_path_factory.mktemp("distill"))


def distill(made: Set, out: Path, *more: str) -> int:
    given = ["--images", str(made.images), "--labels", str(made.labels), "--out", str(out)]
    return cli.main(["distill", *given, *SHORT, *more])


def log(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def trained(made: Set, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student that had the time to learn something."""
    out = tmp_path_factory.mktemp("trained") / "out"
    assert distill(made, out, "--epochs", "16", "--lr", "0.01") == 0
    return out


def test_a_student_learns_what_its_teacher_sees(trained: Path) -> None:
    """R16. Loss falls, and on held-out pictures the student ranks as the teacher does."""
    lines, result = log(trained), result_of(trained)
    assert len(lines) == 16
    assert np.mean([line["loss"] for line in lines[-4:]]) < 0.6 * lines[0]["loss"]
    assert result["mean_ap_of_chance"] < 0.45
    assert result["mean_ap"] > 0.8
    assert result["mean_ap"] == pytest.approx(lines[-1]["mean_ap"], abs=0.02)  # in half precision
    agreed = json.loads((trained / "agreement.json").read_text())
    assert agreed["mean_ap"] == result["mean_ap"]
    assert set(agreed["tags"]) == set(TAGS)  # per class


def test_what_is_saved_is_what_was_judged_and_counted(made: Set, trained: Path) -> None:
    """R16: cost and size are in the report. The projection to the teacher's feature is gone."""
    student, settings = students.load(trained / "student.safetensors")
    result, labels = result_of(trained), load(made.labels)
    held = hold_out(read_folder(made.images).of("val"), labels, plan_of("bce", labels, 1.0), 32)
    assert judge(student, held).mean_ap == result["mean_ap"]
    assert result["gmac"] == round(gmac(student, 32), 4)
    assert result["parameters"] == sum(p.numel() for p in student.parameters())
    assert result["bytes"] == (trained / "student.safetensors").stat().st_size
    assert settings["final_side"] == 32
    assert not any("projection" in key for key in student.state_dict())


def test_a_run_that_is_done_says_what_came_of_it(
    made: Set, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (trained / "student.safetensors").stat().st_mtime_ns
    assert not (trained / "checkpoint.pt").exists()
    (trained / "checkpoint.pt").touch()  # of a run that was killed before it cleared
    assert distill(made, trained, "--epochs", "16", "--lr", "0.01") == 0
    assert (trained / "student.safetensors").stat().st_mtime_ns == before
    assert not (trained / "checkpoint.pt").exists()
    said, result = capsys.readouterr().out, result_of(trained)
    assert f"mean AP {result['mean_ap']:.1%} against the teacher" in said
    assert f"{result['gmac']} GMAC" in said


def test_other_settings_in_the_same_folder_are_refused(
    made: Set, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert distill(made, trained, "--epochs", "17", "--lr", "0.01") == 2
    assert "begun with epochs 16, expected 17 as asked for now" in capsys.readouterr().err


def test_the_vocabulary_shrinks(made: Set, tmp_path: Path) -> None:
    """R16. A head of the kept tags alone, in the order asked for."""
    kept = tmp_path / "kept.txt"
    kept.write_text("blue\n\n  red \ngrey\n")
    out = tmp_path / "out"
    assert distill(made, out, "--epochs", "1", "--keep-tags", str(kept)) == 0
    student, _ = students.load(out / "student.safetensors")
    assert student.heads["tags"].out_features == 3
    assert read_lists(out)["tags"].tags == ("blue", "red", "grey")
    assert json.loads((out / "agreement.json").read_text())["tags"].keys() == {
        "blue",
        "red",
        "grey",
    }


def test_a_killed_run_goes_on_to_the_same_weights(
    made: Set, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert distill(made, tmp_path / "whole", "--epochs", "3") == 0
    real = loop._log

    def die(out: Path, line: dict[str, float]) -> None:
        real(out, line)
        if line["epoch"] == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(loop, "_log", die)
    assert distill(made, tmp_path / "killed", "--epochs", "3") == 130
    monkeypatch.undo()
    assert distill(made, tmp_path / "killed", "--epochs", "3") == 0
    whole, killed = (
        students.load(tmp_path / name / "student.safetensors")[0].state_dict()
        for name in ("whole", "killed")
    )
    assert all(torch.equal(value, killed[name]) for name, value in whole.items())


def test_a_student_goes_on_from_an_earlier_one(made: Set, tmp_path: Path) -> None:
    assert distill(made, tmp_path / "one", "--epochs", "2") == 0
    again = ["--epochs", "1", "--lr", "1e-6", "--start", str(tmp_path / "one")]
    assert distill(made, tmp_path / "two", *again) == 0
    one, two = (students.load(tmp_path / n / "student.safetensors")[0] for n in ("one", "two"))
    for name, weight in one.named_parameters():
        assert torch.allclose(weight, two.get_parameter(name), atol=1e-3), name


def result_of(out: Path) -> dict[str, float]:
    found: dict[str, float] = json.loads((out / "recipe.json").read_text())["result"]
    return found


def test_any_timm_network_is_a_student(made: Set, tmp_path: Path) -> None:
    """A vision transformer, which takes pictures of 160 px and of no other size."""
    try:
        import_timm()
    except ImportError:
        pytest.skip("pip install timm torchvision")
    vit = ["--student", "timm:test_vit", "--epochs", "1", "--side"]
    assert distill(made, tmp_path / "out", *vit, "160") == 0
    student, _ = students.load(tmp_path / "out/student.safetensors")
    assert student.name == "timm:test_vit"
    assert distill(made, tmp_path / "other", *vit, "64") == 2
    assert not (tmp_path / "other").exists()


REFUSED = [
    (["--side", "48"], "--side: 48, expected a multiple of 32"),
    (["--batch", "0"], "--batch: 0, expected 1 or more"),
    (["--lr", "0"], "--lr: 0.0, expected between 0 and 1"),
    (["--seed", "-1"], "--seed: -1, expected 0 or more"),
    (["--weight-decay", "-1"], "--weight-decay: -1.0, expected 0 or more"),
    (["--epochs", "-1"], "--epochs: -1, expected 1 or more"),
    (["--student", "tinny"], "tinny: no such student, expected mobilenet_v2"),
    (["--start", "nowhere"], "nowhere: no such file"),
    (["--device", "tpu"], "--device: 'tpu', expected auto, cpu, cuda"),
    (["--batch", "500"], "pictures to learn from, expected a batch of 500"),
    (["--losses", "bce,ce"], "--losses: 'ce', expected auto, or bce, asl, softmax, l1, cosine, kl"),
    (["--losses", "bce=-1"], "--losses: 'bce=-1'"),
    (["--losses", "bce=nan"], "--losses: 'bce=nan'"),
    (["--losses", "cosine"], "--losses: nothing that teaches tags"),
    (["--losses", "softmax"], "--losses softmax: colours gives any number of tags a picture"),
    (["--labels", "nowhere"], "nowhere: no such folder, expected what `edge-quantize label` wrote"),
    (["--images", "nowhere"], "nowhere: no such folder, expected a folder of pictures"),
    (["--keep-tags", "nowhere"], "nowhere: "),
]


@pytest.mark.parametrize(("flags", "said"), REFUSED)
def test_what_cannot_be_meant_is_refused_before_anything_is_written(
    made: Set, tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str], said: str
) -> None:
    assert distill(made, tmp_path / "out", *flags) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "\n  fix: " in err
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused(
    made: Set, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert distill(made, tmp_path / "out", "--device", "cuda") == 2
    assert "--device: cuda, and torch sees 0 GPUs, expected one of them" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("red\npurple\n", "no tag 'purple'"),
        ("red\nred\n", "2 tags wanted, 1 different"),
        ("", "0 tags wanted"),
    ],
)
def test_tags_that_the_teacher_does_not_have_are_refused(
    made: Set, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, said: str
) -> None:
    (tmp_path / "kept.txt").write_text(content)
    assert distill(made, tmp_path / "out", "--keep-tags", str(tmp_path / "kept.txt")) == 2
    assert said in capsys.readouterr().err


def test_rows_of_zeros_are_refused(
    made: Set, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """R18."""
    made = _with(made, write_labels(made.images, tmp_path / "soft", zeros=2))
    assert distill(made, tmp_path / "out") == 2
    assert "2 pictures with logits of nothing but zeros (" in capsys.readouterr().err


def test_features_of_a_teacher_that_has_none_are_refused(
    made: Set, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = _with(made, write_labels(made.images, tmp_path / "soft", with_embedding=False))
    assert distill(made, tmp_path / "out", "--losses", "bce,l1") == 2
    assert "--losses l1: colours has no embedding" in capsys.readouterr().err


def test_pictures_that_nobody_labelled_are_refused_but_left_out_ones_are_left_out(
    made: Set, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = write_pictures(tmp_path / "images", 60)
    labels = write_labels(images, tmp_path / "soft", left_out=("003.png", "004.png"))
    train, held_out, _ = course.read_course(images, labels)
    assert len(train) + len(held_out) == 58
    for i in range(3):  # the first one alone used to pass: two had been left out
        (images / f"late{i}.png").write_bytes((images / "001.png").read_bytes())
        told = rf"{i + 1} of {i + 61} pictures have no soft targets"
        with pytest.raises(WorkshopError, match=told):
            course.read_course(images, labels)


def _with(made: Set, labels: Path) -> Set:
    other = Set.__new__(Set)
    other.images, other.labels = made.images, labels
    return other


# -- what is taught ----------------------------------------------------------------------------


def labels_of(kind: str = "sigmoid", thresholds: tuple[float, ...] | None = None) -> Labels:
    rows = {str(i): teacher(picture(i)) for i in range(6)}
    soft = {key: row[0] for key, row in rows.items()}
    return Labels(kind, TAGS, soft, {k: r[1] for k, r in rows.items()}, thresholds, "colours")


def lesson_of(labels: Labels) -> lessons.Lesson:
    assert labels.embedding is not None
    return lessons.Lesson(
        torch.from_numpy(np.stack([picture(i) for i in range(6)])),
        torch.from_numpy(np.stack(list(labels.soft.values()))),
        torch.from_numpy(np.stack(list(labels.embedding.values()))),
    )


@pytest.mark.parametrize("name", teaching.TERMS)
def test_every_loss_teaches_the_student_and_only_features_the_projection(name: str) -> None:
    torch.manual_seed(0)
    labels = labels_of("softmax")
    learner = Learner(Student({"tags": 6}, "tiny"), 8)
    plan = teaching.Plan({name: 1.0}, True, torch.full((6,), 0.2))
    value = taught(learner, lesson_of(labels), plan)
    value.backward()
    is_feature = name in teaching.FEATURES
    assert value.item() > 0
    assert learner.student.backbone[0].conv.weight.grad.abs().sum() > 0
    assert (learner.projection.weight.grad is not None) == is_feature
    assert (learner.student.heads["tags"].weight.grad is not None) != is_feature


def test_losses_add_up_by_their_weights() -> None:
    labels = labels_of()
    learner = Learner(Student({"tags": 6}, "tiny", dropout=0), 8).eval()
    seen = lesson_of(labels)

    def value(losses: str) -> float:
        return taught(learner, seen, plan_of(losses, labels, 1.0)).item()

    wanted = 2 * value("bce") + 0.5 * value("asl") + 3 * (value("bce,cosine") - value("bce"))
    assert value("bce=2,asl=0.5,cosine=3") == pytest.approx(wanted, rel=1e-5)


def test_what_suits_the_teacher() -> None:
    both = {"l1": 1.0, "cosine": 1.0}
    assert plan_of("auto", labels_of(), 1.0).weights == {"bce": 1.0, **both}
    softmax = plan_of("auto", labels_of("softmax"), 1.0)
    assert softmax.weights == {"softmax": 1.0, "bce": 0.5, **both}


def test_a_tag_is_present_from_its_own_threshold_on() -> None:
    logits = torch.tensor([[0.0, 0.0, 2.0]])
    limits = torch.tensor([0.5, 0.6, 1.0])  # RAM's 1.0: a tag that never fires
    plan = teaching.Plan({"asl": 1.0}, False, limits)
    assert plan.present(logits).tolist() == [[1.0, 0.0, 0.0]]
    assert plan_of("bce", labels_of(), 1.0).thresholds.tolist() == [0.5] * 6
    given = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
    assert plan_of("bce", labels_of(thresholds=given), 1.0).thresholds.tolist() == pytest.approx(
        given
    )


def test_an_untrained_head_says_what_the_teacher_says_on_average() -> None:
    labels = labels_of()
    logits = np.stack(list(labels.soft.values()))
    student = Student({"tags": 6}, "tiny")
    begin_at_mean(student, plan_of("bce", labels, 1.0), logits)
    wanted = (1 / (1 + np.exp(-logits.astype(np.float64)))).mean(0)
    assert student.heads["tags"].bias.sigmoid().tolist() == pytest.approx(wanted, abs=1e-3)


# -- what is shown -----------------------------------------------------------------------------


def course_of(folder: Path, count: int, kept_bytes: int = 1 << 20) -> course.Course:
    """Of a picture the teacher says its number."""
    pictures = course.Pictures(read_folder(folder).samples[:count], kept_bytes)
    return course.Course(pictures, np.arange(count, dtype=np.float32)[:, None], None)


def test_parts_of_all_processes_are_the_epoch_of_one(made: Set) -> None:
    """Also pixel by pixel: a view depends on its picture alone."""
    shown = course_of(made.images, 26)
    whole = list(lessons.lessons(shown, 8, 32, 3, ALONE, 1))
    parts = [list(lessons.lessons(shown, 8, 32, 3, Group("cpu", r, 4), 1)) for r in range(4)]
    assert len(whole) == lessons.steps_an_epoch(26, 8) == 3
    for i, batch in enumerate(whole):
        assert torch.equal(torch.cat([p[i].pixels for p in parts]), batch.pixels)
        assert torch.equal(torch.cat([p[i].logits for p in parts]), batch.logits)


def test_an_epoch_shows_each_picture_once_and_the_next_one_in_another_order(made: Set) -> None:
    shown = course_of(made.images, 24)
    orders = [
        torch.cat([b.logits[:, 0] for b in lessons.lessons(shown, 8, 32, 3, ALONE, epoch)])
        for epoch in (0, 1)
    ]
    assert [sorted(order.tolist()) for order in orders] == [list(range(24))] * 2
    assert not torch.equal(*orders)


def test_pictures_that_do_not_fit_in_memory_are_read_again(made: Set) -> None:
    pixels = picture(0).nbytes
    few, all_kept = (course_of(made.images, 8, room) for room in (2 * pixels, 1 << 20))
    for epoch in (0, 1):
        one, other = (list(lessons.lessons(c, 4, 32, 0, ALONE, epoch)) for c in (few, all_kept))
        assert all(torch.equal(a.pixels, b.pixels) for a, b in zip(one, other))
    assert (len(few.pictures._kept), len(all_kept.pictures._kept)) == (2, 8)
