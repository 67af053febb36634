"""int8 artifacts: what the stage makes of a student, and what the gate does not let through."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")
onnx = pytest.importorskip("onnx", reason="pip install 'edge-tag[quantize]'")
pytest.importorskip("onnxruntime", reason="pip install 'edge-tag[quantize]'")

from onnx import TensorProto, numpy_helper  # noqa: E402

from edge.engines import open_engine  # noqa: E402
from edge.errors import EdgeError  # noqa: E402
from edge.records import F32, U8  # noqa: E402
from quantize import recipe  # noqa: E402
from quantize.cli import main  # noqa: E402
from quantize.errors import WorkshopError  # noqa: E402
from quantize.export import FILES, Deployed, artifact, folded, write  # noqa: E402
from quantize.int8 import record  # noqa: E402
from quantize.int8.backends import prepare  # noqa: E402
from quantize.int8.bench import Bench, Candidate, answers  # noqa: E402
from quantize.int8.calibration import Calibration, learning  # noqa: E402
from quantize.int8.gate import Limits, Truth, judge  # noqa: E402
from quantize.int8.making import earlier  # noqa: E402
from quantize.int8.rounding import rounded  # noqa: E402
from quantize.int8.search import search  # noqa: E402
from quantize.int8.sensitivity import sensitivity  # noqa: E402
from quantize.int8.subject import Subject  # noqa: E402
from quantize.int8.tables import refuse  # noqa: E402
from quantize.pictures import Sample  # noqa: E402
from quantize.students import Student  # noqa: E402
from tests.workshop.int8 import breakages  # noqa: E402
from tests.workshop.int8 import tiny_student as tiny  # noqa: E402

# The converters warn about one another's future; nothing of ours can be done about it.
pytestmark = pytest.mark.filterwarnings("ignore")

ENGINES = ["onnxruntime", "openvino", "tflite"]
KINDS = {"things": "softmax", "marks": "multilabel"}
TRUTHS = {head: Truth(kind) for head, kind in KINDS.items()}
MANY = tiny.drawn(300, 21)[0]  # of 60, one picture that flips decides
RANGES, JUDGING = tiny.drawn(60, 20)[0], tiny.drawn(60, 21)[0]
FREE = Limits(slowdown=1e9)  # so small a student says nothing about speed


def outputs(engine: str, files: list[bytes], judging: U8 = JUDGING) -> dict[str, F32]:
    opened = open_engine(engine, files, threads=1)
    return answers(opened, judging, ("embedding", *tiny.HEADS))


@pytest.fixture(scope="module")
def flat(student: Student) -> Student:
    return folded(student, tiny.SIDE)


def subject_of(flat: Student) -> Subject:
    return Subject(Deployed(rounded(flat, torch.from_numpy(RANGES))), flat)


def searched(
    engine: str, flat: Student, folder: Path, *, may_rescue: bool, judging: U8 = JUDGING
) -> Candidate:
    """The best int8 of an engine, and the float file in `folder`."""
    write(engine, Deployed(flat), tiny.SIDE, folder)
    backend = prepare(engine, subject_of(flat), RANGES, folder / "between", {})
    bench = Bench(engine, artifact(folder, engine), ("embedding", *tiny.HEADS), judging, TRUTHS,
                  FREE)  # fmt: skip
    hurts = sensitivity(flat, torch.from_numpy(RANGES), KINDS) if may_rescue else []
    return search(bench, backend, [hurt.unit for hurt in hurts])[0]


def test_the_stage_leaves_what_later_ones_read(quantised: Path) -> None:
    made = record.verified(quantised)
    result = recipe.read(quantised, "quantize").result
    assert result["passed"] is True
    assert made.verdict.passed
    assert {tried.method for tried in made.tried} >= {"widest", "percentile", "entropy", "squared"}
    assert made.kept["onnxruntime"].tried in made.tried
    assert made.pictures["ranges"] == 60
    assert made.pictures["judging"] == 30
    assert len(made.sensitivity) == 2 * 18
    assert {file.name for file in quantised.iterdir()} == {
        "converters.log", "quantize.json", "recipe.json", "student.onnx", "student.safetensors",
        "tags.json",
    }  # fmt: skip


def test_a_second_run_says_the_same_and_makes_nothing(
    quantised: Path, exported: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {file.name: file.stat().st_mtime_ns for file in quantised.iterdir()}
    args = ["quantize", "--float", str(exported), "--images", str(images), "--out", str(quantised)]
    assert main([*args, "--engines", "onnxruntime", "--pictures", "90", *tiny.FAST]) == 0
    assert {file.name: file.stat().st_mtime_ns for file in quantised.iterdir()} == before
    out = capsys.readouterr().out
    assert "kept  onnxruntime" in out
    assert "same where sure %" in out


def test_an_engine_that_was_killed_between_its_files_and_its_record_is_made_again(
    quantised: Path, tmp_path: Path
) -> None:
    out = tiny.copied(quantised, tmp_path / "int8")
    before = earlier(out)
    assert before == record.read(out)
    (out / "student.onnx").write_bytes(b"of a later try")
    again = earlier(out)
    assert again is not None
    assert (again.kept, again.tried) == ({}, ())
    assert again.sensitivity == before.sensitivity
    with pytest.raises(WorkshopError, match="not the file that was judged"):
        record.verified(out)  # what pack and compare read


def test_other_flags_for_the_same_folder_are_refused(
    quantised: Path, exported: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["quantize", "--float", str(exported), "--images", str(images), "--out", str(quantised)]
    assert main([*args, "--engines", "onnxruntime", "--pictures", "60", *tiny.FAST]) == 2
    assert "begun with pictures 90" in capsys.readouterr().err


def test_int8_onnx_has_no_float_step_before_the_first_convolution(quantised: Path) -> None:
    graph = onnx.load(quantised / "student.onnx").graph
    assert graph.input[0].type.tensor_type.elem_type == TensorProto.UINT8
    ahead = []
    for node in graph.node:
        if node.op_type == "Conv":
            break
        ahead.append(node.op_type)
    assert set(ahead) <= {"Transpose", "DequantizeLinear"}
    kinds = {t.name: t.data_type for t in graph.initializer}
    weights = [kinds[n.input[0]] for n in graph.node if n.op_type == "DequantizeLinear"
               and n.input[0] in kinds and kinds[n.input[0]] != TensorProto.INT32]  # fmt: skip
    assert set(weights) == {TensorProto.INT8}  # by channel, see the scales below
    scales = [numpy_helper.to_array(t).size for t in graph.initializer if t.name.endswith("_scale")]
    assert max(scales) > 100


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_r15_int8_follows_the_student(engine: str, flat: Student, tmp_path: Path) -> None:
    chosen = searched(engine, flat, tmp_path, may_rescue=True)
    assert chosen.tried.passed
    assert chosen.tried.kept_in_float == ()
    assert chosen.tried.worst_db > 25
    assert sum(map(len, chosen.files[-1:])) < 0.7 * len(artifact(tmp_path, engine)[-1])


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_a_layer_kept_in_float_still_takes_raw_pixels(
    engine: str, flat: Student, tmp_path: Path
) -> None:
    """R15: the first layer and a head in higher precision, and the file is as right as before."""
    backend = prepare(engine, subject_of(flat), RANGES, tmp_path, {})
    kept = frozenset({"backbone.0.conv", "heads.things", "input of heads.marks"})
    whole, part = (
        backend.build("widest" if engine != "openvino" else "qdq_widest"),
        backend.build("widest" if engine != "openvino" else "qdq_widest", kept),
    )
    assert len(part[-1]) > len(whole[-1])
    with torch.no_grad():
        exact = {n: o.numpy() for n, o in zip(("embedding", *tiny.HEADS),
                 Deployed(flat)(torch.from_numpy(JUDGING)))}  # fmt: skip
    off = [
        float(np.abs(outputs(engine, files)["things"] - exact["things"]).mean())
        for files in (whole, part)
    ]
    assert off[1] < 1.2 * off[0]
    assert off[1] < 0.05 * np.ptp(exact["things"])


# What must be refused. Each one as an engine's own quantiser makes it, with no layer rescued.

BROKEN = {
    "dead channels": breakages.dead,
    "wide activations": lambda flat: breakages.wide(flat, 1000.0),
    "overflowing bias": lambda flat: breakages.overflowing(flat, channels=64),
}


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_quantisation_is_refused_or_is_none(
    engine: str, name: str, flat: Student, tmp_path: Path
) -> None:
    """Where an engine's quantiser copes, its answers must be the float's; the gate must know."""
    chosen = searched(engine, BROKEN[name](flat), tmp_path, may_rescue=False)
    copes = name == "overflowing bias" and engine != "tflite"  # they widen the weight's step
    assert chosen.tried.passed == copes
    if not chosen.files:
        assert chosen.tried.error
        return
    exact, rough = (outputs(engine, f) for f in (artifact(tmp_path, engine), chosen.files))
    verdict = judge(engine, exact, rough, TRUTHS, limits=FREE)
    same = float((exact["things"].argmax(1) == rough["things"].argmax(1)).mean())
    assert verdict.passed == copes
    assert (same > 0.97) == copes
    if not copes:
        with pytest.raises(WorkshopError, match=f"{engine}/things"):
            refuse(verdict, "int8")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "name"),
    [(engine, "wide activations") for engine in ENGINES] + [("onnxruntime", "dead channels")],
)
def test_layers_that_hurt_are_found_and_kept_in_float(
    engine: str, name: str, flat: Student, tmp_path: Path
) -> None:
    """Of 36 units at most two thirds: with dead channels 7 to 21 were, of three students."""
    chosen = searched(engine, BROKEN[name](flat), tmp_path, may_rescue=True, judging=MANY)
    assert chosen.tried.answers_pass
    assert 0 < len(chosen.tried.kept_in_float) <= 24
    exact, rough = (outputs(engine, f, MANY) for f in (artifact(tmp_path, engine), chosen.files))
    assert (exact["things"].argmax(1) == rough["things"].argmax(1)).mean() > 0.97
    assert len(chosen.files[-1]) < len(artifact(tmp_path, engine)[-1])


def damaged(
    data: bytes, ending: str, change: Callable[[np.ndarray], np.ndarray]
) -> Iterator[bytes]:
    """The file with one constant changed, for each constant whose name ends so."""
    names = [t.name for t in onnx.load_from_string(data).graph.initializer]
    for name in (n for n in names if n.endswith(ending)):
        model = onnx.load_from_string(data)
        for tensor in model.graph.initializer:
            if tensor.name == name:
                array = numpy_helper.to_array(tensor).copy()
                tensor.CopyFrom(numpy_helper.from_array(change(array).astype(array.dtype), name))
        yield model.SerializeToString()


def half_dead(scales: np.ndarray) -> np.ndarray:
    scales = scales.copy()
    scales[: -(-scales.size // 2)] = 1e-12
    return scales


DAMAGE = {  # on a file that passes
    "dead channels": ("conv.weight_scale", half_dead),
    "wide activations": ("_scale", lambda s: s * 1000 if s.size == 1 else s * 0 + 1e-12),
    "overflowing bias": ("bias_quantized", lambda b: np.full_like(b, 2**31 - 1)),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_every_damage_to_a_good_file_is_refused(name: str, quantised: Path, exported: Path) -> None:
    """One constant at a time; those that change no answer at all may pass."""
    [good] = artifact(quantised, "onnxruntime")
    exact = outputs("onnxruntime", artifact(exported, "onnxruntime"), MANY)
    fine = outputs("onnxruntime", [good], MANY)
    assert judge("onnxruntime", exact, fine, TRUTHS, limits=FREE).passed
    refused = kept = 0
    for file in damaged(good, *DAMAGE[name]):
        rough = outputs("onnxruntime", [file], MANY)
        verdict = judge("onnxruntime", exact, rough, TRUTHS, limits=FREE)
        wrong = float((exact["things"].argmax(1) != rough["things"].argmax(1)).mean())
        refused, kept = refused + (not verdict.passed), kept + verdict.passed
        assert verdict.passed <= (wrong <= 0.02), "answers changed and it passed"
    assert refused >= 5
    assert refused > kept


def test_an_embedding_that_says_nothing_is_refused(quantised: Path, exported: Path) -> None:
    """What galleries and attributes rest on; every head answers as before."""
    [good] = artifact(quantised, "onnxruntime")
    exact, fine, rough = (
        outputs("onnxruntime", [data])
        for data in (*artifact(exported, "onnxruntime"), good, breakages.numb(good))
    )
    assert all(np.array_equal(rough[head], fine[head]) for head in KINDS)
    assert judge("onnxruntime", exact, fine, TRUTHS).passed
    with pytest.raises(WorkshopError, match="onnxruntime/embedding"):
        refuse(judge("onnxruntime", exact, rough, TRUTHS), "numb")


def another_student(exported: Path) -> bytes:
    """The float ONNX of a student whose things are in another order."""
    [data] = artifact(exported, "onnxruntime")
    [other] = damaged(data, "heads.things.weight", lambda w: np.roll(w, 1, 0))
    return other


def test_an_int8_file_of_another_student_is_refused(
    quantised: Path, exported: Path, tmp_path: Path
) -> None:
    other = another_student(exported)
    exact = outputs("onnxruntime", [other])
    rough = outputs("onnxruntime", artifact(quantised, "onnxruntime"))
    with pytest.raises(WorkshopError, match="onnxruntime/things"):
        refuse(judge("onnxruntime", exact, rough, TRUTHS), "swapped")
    changed = tiny.copied(quantised, tmp_path / "int8")
    (changed / "student.onnx").write_bytes(other)
    with pytest.raises(WorkshopError, match="not the file that was judged"):
        record.verified(changed)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        ("cut", "onnxruntime does not open it"),
        ("other", "onnxruntime at batch 1 computes something else"),
        ("missing", "file is missing"),
    ],
)
def test_float_artifacts_are_checked_before_they_are_believed(
    spoil: str, says: str, exported: Path, images: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    folder = tiny.copied(exported, tmp_path / "float")
    file = folder / "student.onnx"
    if spoil == "cut":
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    elif spoil == "missing":
        file.unlink()
    else:
        file.write_bytes(another_student(exported))
    args = ["quantize", "--float", str(folder), "--images", str(images), "--engines", "onnxruntime",
            "--out", str(tmp_path / "int8"), "--pictures", "30"]  # fmt: skip
    assert main(args) == 2
    said = capsys.readouterr().err
    assert says in said
    assert "fix:" in said


def test_a_student_no_int8_can_follow_is_refused_with_a_table(
    exported: Path, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By a gate that nothing passes: slower than a hundredth of float's time."""
    args = ["quantize", "--float", str(exported), "--images", str(images), "--engines",
            "onnxruntime", "--out", str(tmp_path / "int8"), "--pictures", "30",
            "--gate-slowdown", "0.01"]  # fmt: skip
    for _ in range(2):  # the second time from what the first one left
        assert main(args) == 2
        said = capsys.readouterr().err
        assert "int8 fails the gate in 1 of 5 rows (onnxruntime/ms)" in said
        assert "NO" in said
    assert recipe.read(tmp_path / "int8", "quantize").result["passed"] is False


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--pictures", "3"], "expected 12 or more"),
        (["--qat", "-1"], "expected 0 or more"),
        (["--qat-lr", "nan"], "--qat-lr: nan, expected between 0 and 1"),
        (["--seed", "-1"], "--seed: -1, expected 0 or more"),
        (["--gate-points", "-1"], "expected 0 or more"),
        (["--gate-f1", "nan"], "--gate-f1: nan, expected 0 or more"),
        (["--gate-slowdown", "nan"], "--gate-slowdown: nan, expected 0 or more"),
        (["--float-layers", "-1"], "--float-layers: -1, expected 0 or more"),
        (["--engines", "abacus"], "'abacus' is unknown"),
        (["--calibration-set", "x"], "both or none given"),
    ],
)
def test_wrong_flags_are_refused(
    flags: list[str], says: str, exported: Path, images: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    args = ["quantize", "--float", str(exported), "--images", str(images)]
    assert main([*args, "--out", str(tmp_path / "int8"), *flags]) == 2
    assert says in capsys.readouterr().err


def test_fine_tuning_leaves_out_what_cannot_be_read(images: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    files = [*sorted(images.rglob("*.png"))[:2], tmp_path / "broken.png"]
    samples = [Sample(file, "things", "", "train") for file in files]
    nothing = Calibration(RANGES, JUDGING, (), ())
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # what Python will not do for ever
        assert len(learning(samples, nothing, 3, 0)) == 2
        assert len(learning(samples[2:], nothing, 3, 0)) == len(RANGES)


def test_too_few_pictures_are_refused_and_the_unreadable_one_named(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "images" / "train"
    folder.mkdir(parents=True)
    (folder / "broken.png").write_bytes(b"no picture")
    args = ["quantize", "--float", str(exported), "--images", str(folder.parent)]
    assert main([*args, "--out", str(tmp_path / "int8")]) == 2
    assert "broken.png" in capsys.readouterr().err


@pytest.mark.slow
def test_the_whole_stage_on_every_engine_from_a_captured_set(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    captured = tiny.captured(tmp_path / "captured", 60)
    out = tmp_path / "int8"
    args = ["quantize", "--float", str(exported), "--calibration-set", str(captured)]
    assert main([*args, "--out", str(out), "--pictures", "60", *tiny.FAST]) == 0
    made = record.verified(out)
    assert set(made.kept) == set(FILES)
    assert any(tried.method.startswith("nncf") for tried in made.tried)
    for engine in FILES:
        exact, rough = (outputs(engine, artifact(f, engine)) for f in (exported, out))
        assert judge(engine, exact, rough, TRUTHS, limits=FREE).passed
        assert engine in capsys.readouterr().out or engine != "onnxruntime"


@pytest.fixture
def wide_floats(student: Student, images: Path, tmp_path: Path) -> Callable[[float], Path]:
    """What `export` writes for ONNX Runtime of a student with wide activations."""

    def made(factor: float) -> Path:
        folder = tiny.stored(breakages.wide(student, factor), tmp_path / "student")
        args = ["export", "--student", str(folder), "--images", str(images), "--engines",
                "onnxruntime", "--out", str(tmp_path / "float")]  # fmt: skip
        assert main(args) == 0
        return tmp_path / "float"

    return made


def test_the_stage_refuses_a_broken_student_and_says_which_head(
    wide_floats: Callable[[float], Path], images: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    args = ["quantize", "--float", str(wide_floats(1000.0)), "--images", str(images), *tiny.FAST,
            "--out", str(tmp_path / "int8"), "--pictures", "60"]  # fmt: skip
    assert main([*args, "--float-layers", "0"]) == 2
    said = capsys.readouterr().err
    assert "onnxruntime/things" in said
    assert "NO" in said


@pytest.mark.slow
def test_the_stage_mends_the_same_student_with_layers_in_float(
    wide_floats: Callable[[float], Path], images: Path, tmp_path: Path
) -> None:
    floats, out = wide_floats(1000.0), tmp_path / "int8"
    args = [
        "quantize",
        "--float",
        str(floats),
        "--images",
        str(images),
        *tiny.FAST,
        "--out",
        str(out),
    ]
    assert main([*args, "--pictures", "60"]) == 0
    kept = record.verified(out).kept["onnxruntime"].tried.kept_in_float
    assert any(name in unit for unit in kept for name in breakages.READERS)


@pytest.mark.slow
def test_fine_tuning_helps_where_no_layer_may_stay_in_float(
    wide_floats: Callable[[float], Path], images: Path, tmp_path: Path
) -> None:
    floats, out = wide_floats(300.0), tmp_path / "int8"
    args = ["quantize", "--float", str(floats), "--images", str(images), *tiny.FAST, "--out",
            str(out), "--pictures", "60", "--float-layers", "0", "--qat", "100", "--qat-lr", "2e-4",
            "--gate-points", "0", "--gate-f1", "0"]  # fmt: skip
    # By 2 dB: of three students, at 100 and 200 steps, with exact sums and without, 2.3 to 8.0.
    main(args)  # so few steps may not be enough for a gate of nothing
    made = record.read(out)
    best = {tuned: max(t.worst_db for t in made.tried if t.tuned == tuned) for tuned in (0, 1)}
    assert best[True] > best[False] + 2
    assert made.kept["onnxruntime"].tried.tuned


def test_errors_of_the_workshop_leave_with_code_2() -> None:
    assert issubclass(WorkshopError, EdgeError)
    assert WorkshopError("a", "b", "c", "d").exit_code == 2
