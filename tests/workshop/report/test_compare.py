"""`edge-quantize compare` as it is called: folders in, a table, report.json and a page out."""

from __future__ import annotations

import json
import shutil
import webbrowser
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")
pytest.importorskip("onnxruntime", reason="pip install 'edge-tag[onnx]'")

from safetensors import safe_open
from safetensors.numpy import save_file

from edge.engines import installed
from quantize.cli import main
from quantize.int8.record import sha256
from quantize.labels.manifest import LabelManifest, write_manifest
from quantize.pictures import read_folder
from quantize.report.records import Report, read_report
from tests.workshop.int8 import breakages
from tests.workshop.report.made import (
    COLOURS,
    model,
    picture,
    read_labels,
    write_labels,
    write_pictures,
    write_stage,
)

BIGGER = 2000  # bytes that float is larger than int8, as it would be
FAST = ["--rounds", "2", "--gate-slowdown", "1000"]  # no test asserts a time


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stages") / "float"
    return write_stage(folder, "export", {"student.onnx": model(padding=BIGGER)})


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """int8 that answers a little differently, and not worse."""
    folder = tmp_path_factory.mktemp("stages") / "int8"
    files = {"student.onnx": model({"colours": [0.3, 0, 0, 0], "hues": [0.05, 0, 0]})}
    return write_stage(folder, "quantize", files)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("pictures") / "shop")


def compare(out: Path, *flags: object, engine: str = "onnxruntime") -> int:
    words = ["compare", "--engine", engine, *FAST, "--out", out, *flags]
    return main([str(word) for word in words])


def compared(out: Path, *flags: object) -> Report:
    assert compare(out, *flags) == 0
    return read_report(out / "report.json")


def test_a_comparison_prints_the_table_and_writes_the_page(
    before: Path, after: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = compared(tmp_path / "out", "--float", before, "--int8", after, "--images", images)
    said = capsys.readouterr().out
    assert "| engine | precision | colours | colours groups | hues | embedding off % | MB |" in said
    assert "gate: all " in said
    assert str(tmp_path / "out" / "report.html") in said
    assert "<!doctype html>" in (tmp_path / "out" / "report.html").read_text("utf-8")
    colours = report.row("onnxruntime", "int8").heads["colours"]
    assert colours.top1 is not None
    assert (colours.top1.right, colours.top1.count) == (36, 36)
    assert report.heads["colours"].judge == "labels"
    assert report.heads["hues"].judge == "nobody"
    assert [r.precision for r in report.rows] == ["float", "int8"]
    assert report.row("onnxruntime", "float").size_bytes > BIGGER
    assert "onnxruntime" in report.versions


def test_every_engine_that_is_here_is_asked(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same answers everywhere: on each engine that is installed, int8 is float's."""
    first = write_stage(tmp_path / "float", "export")
    second = write_stage(tmp_path / "int8", "quantize")
    flags = ["compare", "--float", first, "--int8", second, "--images", images, *FAST]
    assert main([str(f) for f in [*flags, "--out", tmp_path / "out"]]) == 0
    report = read_report(tmp_path / "out" / "report.json")
    assert report.engines() == installed()
    for engine in installed():
        agreement = report.row(engine, "int8").heads["colours"].agreement
        assert agreement is not None
        assert agreement.value == 1


def test_without_a_name_those_are_asked_that_int8_was_made_for(
    before: Path, images: Path, tmp_path: Path
) -> None:
    """`quantize` leaves out an engine that was not exported, and needs no flag for it either."""
    made = write_stage(
        tmp_path / "int8", "quantize", {"student.onnx": model()}, {"engines": ["onnxruntime"]}
    )
    flags = ["--float", before, "--int8", made, "--images", images, "--out", tmp_path / "out"]
    assert main([str(word) for word in ["compare", *FAST, *flags]]) == 0
    assert read_report(tmp_path / "out" / "report.json").engines() == ["onnxruntime"]


def test_int8_that_answers_otherwise_is_refused_with_the_lines(
    before: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = write_stage(
        tmp_path / "int8", "quantize", {"student.onnx": model({"colours": [0, 20, 0, 0]})}
    )
    report = compared(tmp_path / "out", "--float", before, "--int8", broken, "--images", images)
    failed = [line for line in report.verdicts if not line.passed]
    assert {(line.engine, line.head) for line in failed} == {("onnxruntime", "colours")}
    assert "lines refused" in capsys.readouterr().out
    assert report.differences
    worst = report.differences[0]
    assert worst.float_answer.tag == worst.label != worst.int8_answer.tag == "green"
    made = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "refused by the gate" in made
    assert made.count("data:image/jpeg;base64,") == len(report.differences) <= 24


def test_int8_whose_embedding_says_nothing_is_refused(
    before: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    numb = write_stage(tmp_path / "int8", "quantize", {"student.onnx": breakages.numb(model())})
    report = compared(tmp_path / "out", "--float", before, "--int8", numb, "--images", images)
    [failed] = [line for line in report.verdicts if not line.passed]
    assert (failed.head, failed.measure, failed.loss) == ("embedding", "off %", 100)
    said = capsys.readouterr().out
    assert "| hues | embedding off % | MB |" in said
    assert "| - | 100.0 |" in said
    flags = ("--float", before, "--int8", numb, "--images", images, "--gate-embedding", 101)
    assert all(line.passed for line in compared(tmp_path / "loose", *flags).verdicts)


def test_a_bundle_in_place_of_int8(
    wide_bundle: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = write_stage(tmp_path / "float", "export")
    report = compared(
        tmp_path / "out", "--float", before, "--bundle", wide_bundle, "--images", images
    )
    assert report.title == "tiny@3"
    calibration = report.row("onnxruntime", "int8").heads["colours"].calibration
    assert calibration is not None
    assert calibration.temperature == 1.0
    assert report.facts["bundle: name"] == "by hand"
    assert any("the bundle's own" in note for note in report.notes)


@pytest.mark.parametrize(("padding", "is_told"), [(100, True), (100_000, False)])
def test_int8_that_is_hardly_smaller_is_told(
    padding: int, is_told: bool, after: Path, images: Path, tmp_path: Path
) -> None:
    large = write_stage(tmp_path / "float", "export", {"student.onnx": model(padding=padding)})
    report = compared(tmp_path / "out", "--float", large, "--int8", after, "--images", images)
    notes = [note for note in report.notes if "of float's size" in note]
    assert len(notes) == is_told
    assert all(note.startswith("int8 of onnxruntime has ") for note in notes)


def test_what_cannot_be_read_is_listed_and_not_counted(
    before: Path, after: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = write_pictures(tmp_path / "shop", each=2)
    (shop / "red-0.png").write_bytes(b"no picture")
    (shop / "green-0.png").unlink()
    rows = read_labels(shop)
    rows[-1]["box"] = [0, 0, 900, 900]  # beyond the picture
    write_labels(shop, rows)
    report = compared(tmp_path / "out", "--float", before, "--int8", after, "--images", shop)
    assert report.heads["colours"].pictures == 3
    names = [Path(missing.file).name for missing in report.left_out]
    assert names == ["red-0.png", "green-0.png", "blue-1.png"]
    assert "expected JPEG" in report.left_out[0].reason
    assert "No such file" in report.left_out[1].reason
    assert "3 pictures could not be read and are not counted." in report.notes
    assert "Pictures left out" in (tmp_path / "out" / "report.html").read_text("utf-8")


def test_the_outputs_go_with_the_pictures_that_could_be_read(
    before: Path, after: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = write_pictures(tmp_path / "shop", each=2)
    (shop / "red-0.png").write_bytes(b"no picture")
    compared(tmp_path / "out", "--float", before, "--int8", after, "--images", shop)
    with safe_open(tmp_path / "out" / "int8-outputs.safetensors", "np") as stored:
        keys = json.loads(stored.metadata()["keys"])
        colours = stored.get_tensor("colours")
        assert set(stored.keys()) == {"colours", "hues"}
    assert [key.rsplit("/")[-1] for key in keys] == [
        f"{c}-{i}.png" for c in COLOURS for i in (0, 1) if (c, i) != ("red", 0)
    ]
    assert colours[:, :3].argmax(1).tolist() == [0, 1, 1, 2, 2]


def test_pictures_that_nobody_labelled_give_agreement_alone(
    before: Path, after: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = tmp_path / "val"
    shop.mkdir()
    write_labels(shop, [{"file": str(f), "split": "val"} for f in sorted(images.glob("*.png"))])
    report = compared(tmp_path / "out", "--float", before, "--int8", after, "--images", shop)
    score = report.row("onnxruntime", "int8").heads["colours"]
    assert score.top1 is None
    assert score.agreement is not None
    assert score.agreement.count == 36
    assert sum("only agreement is known" in note for note in report.notes) == 2
    assert {line.measure for line in report.verdicts if line.head == "hues"} == {"belief F1"}


def labelled(folder: Path, images: Path, sure: float) -> Path:
    """What a teacher would write that sees a hue where there is one."""
    folder.mkdir()
    rows = {}
    for sample in read_folder(images).samples:
        hue = COLOURS.index(sample.tag)
        rows[sample.key] = np.where(np.arange(3) == hue, sure, -sure).astype(np.float16)
    save_file(rows, folder / "soft-00000.safetensors")
    write_manifest(
        LabelManifest(
            teacher="painter", kind="sigmoid", tags=("reddish", "greenish", "bluish"),
            thresholds=None, embedding=0, pictures=len(rows), shards=1, left_out=(),
        ),
        folder,
    )  # fmt: skip
    return folder


def test_the_teacher_judges_the_head_that_nobody_labelled(
    before: Path, after: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soft = labelled(tmp_path / "soft", images, 4.0)
    flags = ("--float", before, "--int8", after, "--images", images, "--labels", soft)
    report = compared(tmp_path / "out", *flags)
    hues = report.row("onnxruntime", "float").heads["hues"]
    assert report.heads["hues"].judge == "teacher"
    assert hues.top1 is not None
    assert (hues.top1.right, hues.top1.count) == (36, 36)
    assert hues.f1 == 1
    assert hues.calibration is not None
    assert hues.calibration.after is not None
    assert {line.measure for line in report.verdicts if line.head == "hues"} == {"F1"}


def test_int8_that_loses_f1_is_refused(
    before: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soft = labelled(tmp_path / "soft", images, 4.0)
    deaf = write_stage(
        tmp_path / "int8", "quantize", {"student.onnx": model({"hues": [-30, 0, 0]})}
    )
    flags = ("--float", before, "--int8", deaf, "--images", images, "--labels", soft)
    report = compared(tmp_path / "out", *flags)
    [line] = [v for v in report.verdicts if v.head == "hues"]
    assert (line.measure, line.before, line.passed) == ("F1", 1.0, False)
    assert line.loss == pytest.approx(line.before - line.after)


def test_soft_targets_of_other_pictures_are_refused(
    before: Path, after: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_pictures(tmp_path / "other", each=1)
    soft = labelled(tmp_path / "soft", other, 4.0)
    flags = ("--float", before, "--int8", after, "--images", images, "--labels", soft)
    assert compare(tmp_path / "out", *flags) == 2
    assert "soft targets of other pictures" in capsys.readouterr().err


def test_done_is_done_and_other_flags_go_elsewhere(
    before: Path, after: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ("--float", before, "--int8", after, "--images", images)
    first = compared(tmp_path / "out", *flags)
    assert compared(tmp_path / "out", *flags) == first  # `made` tells it was not done again
    assert capsys.readouterr().out.count("| engine |") == 2
    assert compare(tmp_path / "out", *flags, "--pictures", "3") == 2
    assert "begun with pictures None, expected 3" in capsys.readouterr().err


def test_what_is_done_is_stale_once_a_file_is_another(
    before: Path, after: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The recipes beside the files stay as they were."""
    floats, int8 = shutil.copytree(before, tmp_path / "f"), shutil.copytree(after, tmp_path / "i")
    flags = ("--float", floats, "--int8", int8, "--images", images)
    found = compared(tmp_path / "out", *flags).row("onnxruntime", "int8")
    assert found.sha256 == (sha256((int8 / "student.onnx").read_bytes()),)
    for folder, word in ((int8, "int8 files"), (floats, "float files")):
        kept = (folder / "student.onnx").read_bytes()
        (folder / "student.onnx").write_bytes(model({"hues": [1, 0, 0]}))
        assert compare(tmp_path / "out", *flags) == 2
        assert f"begun with {word}" in capsys.readouterr().err
        (folder / "student.onnx").write_bytes(kept)
    compared(tmp_path / "out", *flags)


def test_fewer_pictures_are_taken_evenly(
    before: Path, after: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ("--float", before, "--int8", after, "--images", images, "--pictures", 6)
    by_tag = compared(tmp_path / "out", *flags).row("onnxruntime", "int8").heads["colours"].by_tag
    assert {tag: share.count for tag, share in by_tag.items()} == dict.fromkeys(COLOURS, 2)


def test_open_shows_the_page(
    before: Path,
    after: Path,
    images: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(webbrowser, "open", shown.append)
    flags = ("--float", before, "--int8", after, "--images", images, "--open")
    compared(tmp_path / "out", *flags)
    assert shown == [(tmp_path / "out" / "report.html").as_uri()]


def spoilt(name: str, home: Path, good: dict[str, Path]) -> dict[str, object]:
    """Flags that must be refused."""
    flags: dict[str, object] = dict(good)
    if name == "held out":
        flags["images"] = write_pictures(home / "train", each=2, split="train")
    elif name == "all unreadable":
        flags["images"] = write_pictures(home / "bad", each=1)
        for file in (home / "bad").glob("*.png"):
            file.write_bytes(b"")
    elif name == "another label":
        shop = write_pictures(home / "pink", each=1)
        write_labels(shop, [{**row, "tag": "pink"} for row in read_labels(shop)])
        flags["images"] = shop
    elif name == "not a number":
        flags["int8"] = write_stage(
            home / "nan", "quantize", {"student.onnx": model({"hues": [np.nan, 0, 0]})}
        )
    elif name == "no artifact":
        flags["int8"] = write_stage(home / "empty", "quantize", {})
    elif name == "damaged artifact":
        flags["int8"] = write_stage(home / "damaged", "quantize", {"student.onnx": b"junk" * 99})
    elif name == "unjudged":
        flags["int8"] = shutil.copytree(good["int8"], home / "unjudged")
        (home / "unjudged" / "quantize.json").unlink()
    elif name == "changed":
        flags["int8"] = shutil.copytree(good["int8"], home / "changed")
        (home / "changed" / "student.onnx").write_bytes(model({"colours": [0, 20, 0, 0]}))
    elif name == "swapped":
        flags["float"], flags["int8"] = good["int8"], good["float"]
    elif name in ("images", "int8", "labels", "bundle"):
        flags[name] = home / "nowhere"
        if name == "bundle":
            del flags["int8"]
    elif name in ("rounds", "pictures", "gate-f1"):
        flags[name] = {"rounds": 0, "pictures": -1, "gate-f1": "nan"}[name]
    return flags


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("held out", "no held-out pictures"),
        ("all unreadable", "none can be read; the first: file is empty"),
        ("another label", "labelled 'pink', expected one of its 3 tags"),
        ("not a number", "output 'hues' answers"),
        ("no artifact", "student.onnx: no such file, expected the int8 artifact of onnxruntime"),
        ("damaged artifact", "onnxruntime"),
        ("unjudged", "quantize.json: no such file"),
        ("changed", "not the file that was judged"),
        ("swapped", "made by export, expected made by quantize"),
        ("images", "nothing there, expected what --images names"),
        ("int8", "nothing there, expected what --int8 names"),
        ("labels", "nothing there, expected what --labels names"),
        ("bundle", "nothing there, expected what --bundle names"),
        ("rounds", "--rounds: 0, expected 1 or more"),
        ("pictures", "--pictures: -1, expected 1 or more"),
        ("gate-f1", "--gate-f1: nan, expected 0 or more"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_a_word(
    name: str,
    words: str,
    before: Path,
    after: Path,
    images: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    good = {"float": before, "int8": after, "images": images}
    flags = spoilt(name, tmp_path, good)
    given = [word for flag, value in flags.items() for word in (f"--{flag}", value)]
    code = compare(tmp_path / "out", *given)
    said = capsys.readouterr().err
    assert code in (2, 4), said
    assert words in said
    assert "fix:" in said or name == "damaged artifact"
    again = compare(tmp_path / "out", "--float", before, "--int8", after, "--images", images)
    assert again == 0  # nothing is left behind that would be in the way


def test_two_sides_are_needed_and_no_more(
    before: Path, after: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        compare(tmp_path / "out", "--float", before, "--images", images)
    with pytest.raises(SystemExit):
        compare(tmp_path, "--float", before, "--int8", after, "--bundle", after, "--images", images)


def test_a_part_of_a_picture_is_what_is_shown(tmp_path: Path) -> None:
    """A box is cut before the artifact sees it: the red half is red, whatever the other half is."""
    import cv2

    both = np.hstack([picture("red"), picture("blue")])
    cv2.imwrite(str(tmp_path / "both.png"), both[:, :, ::-1])
    width = both.shape[1] // 2
    rows = [
        {"file": "both.png", "head": "colours", "tag": tag, "split": "val",
         "box": [i * width, 0, (i + 1) * width, both.shape[0]]}
        for i, tag in enumerate(("red", "blue"))
    ]  # fmt: skip
    write_labels(tmp_path, rows)
    first = write_stage(tmp_path / "float", "export", {"student.onnx": model()})
    second = write_stage(tmp_path / "int8", "quantize", {"student.onnx": model()})
    report = compared(tmp_path / "out", "--float", first, "--int8", second, "--images", tmp_path)
    top1 = report.row("onnxruntime", "int8").heads["colours"].top1
    assert top1 is not None
    assert (top1.right, top1.count) == (2, 2)
