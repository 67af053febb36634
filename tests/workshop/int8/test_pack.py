"""`pack` takes what was proven and nothing else: shown with a student for one engine."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import cv2
import msgspec
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")
onnx = pytest.importorskip("onnx", reason="pip install 'edge-tag[quantize]'")
pytest.importorskip("onnxruntime", reason="pip install 'edge-tag[quantize]'")

from onnx import numpy_helper  # noqa: E402

from edge.bundle import open_bundle  # noqa: E402
from quantize.cli import main  # noqa: E402
from quantize.evidence import Evidence  # noqa: E402
from quantize.int8 import record  # noqa: E402
from quantize.int8.gate import Limits  # noqa: E402
from quantize.pack import heads_of, labelled_rows  # noqa: E402
from quantize.pictures import Sample, pictures_of  # noqa: E402
from quantize.publish import next_counter  # noqa: E402
from quantize.report.models import HeadSpec  # noqa: E402
from quantize.report.notes import gate_facts, gate_limits, looser  # noqa: E402
from quantize.report.records import Report, read_report, write_report  # noqa: E402
from quantize.report.truth import Teacher, by_people  # noqa: E402
from tests.workshop.int8 import tiny_student as tiny  # noqa: E402

# The converters warn about one another's future; nothing of ours can be done about it.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Held-out pictures in class folders."""
    folder = tmp_path_factory.mktemp("shop")
    pictures, things, _ = tiny.drawn(36, seed=6)
    for i, (picture, thing) in enumerate(zip(pictures, things)):
        file = folder / "val" / tiny.THINGS[thing] / f"{i:03d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), np.ascontiguousarray(picture[..., ::-1]))
    return folder


def compared(floats: Path, int8: Path, shop: Path, out: Path, *more: str) -> Path:
    args = ["compare", "--float", str(floats), "--int8", str(int8), "--images", str(shop),
            "--head", "things", "--engine", "onnxruntime", "--rounds", "2", *tiny.FAST,
            "--out", str(out), *more]  # fmt: skip
    assert main(args) == 0
    return out


@pytest.fixture(scope="module")
def report(
    exported: Path, quantised: Path, shop: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """What `compare` says of it. Do not change it."""
    return compared(exported, quantised, shop, tmp_path_factory.mktemp("compared") / "report")


def pack(int8: Path, report: Path, shop: Path, out: Path, *more: str) -> int:
    return main(["pack", "--int8", str(int8), "--report", str(report), "--images", str(shop),
                 "--head", "things", "--out", str(out), *more])  # fmt: skip


def shuffled(int8: Path, to: Path) -> Path:
    """Every kernel in another order, in a folder whose record knows nothing of it."""
    folder = tiny.copied(int8, to)
    made = onnx.load(folder / "student.onnx")
    draw = np.random.default_rng(0)
    for tensor in made.graph.initializer:
        if tensor.data_type == onnx.TensorProto.INT8 and len(tensor.dims) == 4:
            found = draw.permutation(numpy_helper.to_array(tensor).ravel()).reshape(tensor.dims)
            tensor.CopyFrom(numpy_helper.from_array(found, tensor.name))
    (folder / "student.onnx").write_bytes(made.SerializeToString())
    return folder


def rewritten(folder: Path) -> Path:
    """Its record knows the files that are there now."""
    made = record.read(folder)
    found = record.sha256((folder / "student.onnx").read_bytes())
    kept = msgspec.structs.replace(made.kept["onnxruntime"], files={"student.onnx": found})
    record.write(msgspec.structs.replace(made, kept={"onnxruntime": kept}), folder)
    return folder


def spoilt(report: Path, to: Path, **changes: object) -> tuple[Path, Report]:
    folder = Path(shutil.copytree(report, to))
    made = msgspec.structs.replace(read_report(folder / "report.json"), **changes)
    write_report(made, folder / "report.json")
    return folder, made


def test_what_was_compared_is_packed(
    quantised: Path, report: Path, shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pack(quantised, report, shop, tmp_path / "shop.bundle") == 0
    said = capsys.readouterr().out
    assert "shop@1" in said
    assert "gate looser than the default: slowdown 1e+06 (not 1)\n" in said
    with open_bundle(tmp_path / "shop.bundle") as bundle:
        made = bundle.manifest.recipe
    assert (made["gate points"], made["gate embedding"], made["gate slowdown"]) == (0.5, 25, 1e6)


def test_a_softmax_head_is_asked_every_label_as_compare_asks_them() -> None:
    apple, lime, red = (
        Sample(Path("a"), head, tag, "val")
        for head, tag in (("fruit", "apple"), ("fruit", "lime"), ("colour", "red"))
    )
    blue, photo = Sample(Path("b"), "colour", "blue", "val"), Sample(Path("c"), "", "", "val")
    samples = [red, apple, lime, blue, photo]
    fruit = HeadSpec("fruit", ("apple", "lime"), (None, None))
    rows, labels = labelled_rows(fruit, samples, pictures_of(samples))
    assert list(zip(rows.tolist(), labels.tolist())) == [(0, 0), (0, 1), (1, 2), (2, -1)]
    truth = by_people(fruit, "softmax", samples, pictures_of(samples))
    assert truth is not None
    assert (truth.rows.tolist(), truth.best.tolist()) == ([0, 0], [0, 1])


@pytest.mark.parametrize(("sure", "told"), [(9.0, 1), (0.1, 2)])
def test_thresholds_that_are_all_alike_are_one_number(sure: float, told: int) -> None:
    """Of a thousand tags that were never sure enough, bundle.json had a thousand lines of 0.5."""
    wet, dry = HeadSpec("wet", ("rain", "snow"), (None, None)), np.zeros((20, 2), np.float32)
    dry[:10, 0], dry[10:, 1] = 4, 0.5
    shown = [Sample(Path(str(i)), "", "", "val") for i in range(20)]
    says = {s.key: row for s, row in zip(shown, np.array([[0.9, 0.0]] * 10 + [[0.0, 0.9]] * 10))}
    teacher = Teacher(wet.tags, np.full(2, sure, np.float32), says)
    facts = SimpleNamespace(heads={"wet": SimpleNamespace(kind="multilabel")}, rows=())
    [head] = heads_of({"wet": wet}, Evidence(shown, shown, {"wet": dry}, teacher, facts), "x")
    assert len(head.thresholds) == told
    assert min(head.thresholds) >= 0.5


def test_of_the_usual_gate_nothing_is_said() -> None:
    assert looser(gate_limits(gate_facts(Limits()))) == ""
    assert looser(gate_limits({"gate: points": "5", "gate: f1": "0.001"})) == "points 5 (not 0.5)"


def test_a_counter_that_does_not_grow_is_refused(
    quantised: Path, report: Path, shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A device may have seen it."""
    out = tmp_path / "b1.edge"
    (tmp_path / ".b1.edge.folder" / "b1.tmp").mkdir(parents=True)  # a kill left it
    assert pack(quantised, report, shop, out) == 0
    for counter in ("1", "0"):
        assert pack(quantised, report, shop, out, "--counter", counter) == 2
        assert f"--counter: {counter}, expected 2 or more" in capsys.readouterr().err
    assert pack(quantised, report, shop, out, "--counter", "5") == 0
    assert next_counter(out) == 6
    assert [file.name for file in tmp_path.iterdir()] == ["b1.edge"]


@pytest.mark.parametrize("name", ["b1.edge", "b1"])
def test_what_is_refused_leaves_nothing(
    name: str, quantised: Path, report: Path, shop: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("quantize.stages.pack.name_of", lambda asked, _: asked)
    assert pack(quantised, report, shop, tmp_path / name, "--name", "no/name") != 0
    assert "no/name" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_name_or_a_folder_that_no_bundle_can_have_is_told_with_the_flag_that_helps(
    quantised: Path, report: Path, shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pack(quantised, report, shop, tmp_path / "Äpfel.bundle") == 2
    assert "--out: name 'Äpfel', expected 1 to 64 of A-Z" in capsys.readouterr().err
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "1.jpg").touch()
    assert pack(quantised, report, shop, tmp_path / "photos") == 2
    assert "photos: a folder that is no bundle, expected a bundle" in capsys.readouterr().err


@pytest.mark.parametrize(("content", "says"), [(None, "no such file"), (b"junk", "does not load")])
def test_a_report_without_its_answers_is_told(
    content: bytes | None, says: str, quantised: Path, report: Path, shop: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    bare, _ = spoilt(report, tmp_path / "report")
    (bare / "int8-outputs.safetensors").unlink()
    if content is not None:
        (bare / "int8-outputs.safetensors").write_bytes(content)
    assert pack(quantised, bare, shop, tmp_path / "b1") == 2
    said = capsys.readouterr().err
    assert f"int8-outputs.safetensors: {says}" in said
    assert "edge-quantize compare" in said


def test_an_int8_that_was_changed_is_not_packed(
    quantised: Path, report: Path, shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = shuffled(quantised, tmp_path / "int8")
    assert pack(bad, report, shop, tmp_path / "shop.bundle") == 2
    assert "not the file that was judged" in capsys.readouterr().err
    assert pack(rewritten(bad), report, shop, tmp_path / "shop.bundle") == 2
    said = capsys.readouterr().err
    mine, other = (record.sha256((f / "student.onnx").read_bytes()) for f in (bad, quantised))
    assert f"SHA-256 is {mine[:16]}..., expected {other[:16]}..." in said
    assert "report.json" in said
    assert not (tmp_path / "shop.bundle").exists()


def test_a_report_that_names_no_files_is_to_be_made_again(
    quantised: Path, report: Path, shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = tuple(msgspec.structs.replace(row, sha256=())
                 for row in read_report(report / "report.json").rows)  # fmt: skip
    old, _ = spoilt(report, tmp_path / "report", rows=rows)
    assert pack(quantised, old, shop, tmp_path / "shop.bundle") == 2
    said = capsys.readouterr().err
    assert "of an older release and names no file" in said
    assert "compare again" in said
