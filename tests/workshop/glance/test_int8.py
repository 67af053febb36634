"""The stage `quantize-glance`, and its way into a bundle: proven, or refused with the numbers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")
onnx = pytest.importorskip("onnx", reason="pip install 'edge-tag[quantize]'")
pytest.importorskip("litert_torch", reason="pip install 'edge-tag[quantize]'")
pytest.importorskip("openvino", reason="pip install 'edge-tag[quantize]'")

from onnx import numpy_helper  # noqa: E402

from calib_data.shelves import shelf  # noqa: E402
from edge.bundle import Manifest  # noqa: E402
from edge.bundle.write import stored, write_bundle  # noqa: E402
from edge.engines import open_engine  # noqa: E402
from edge.errors import BundleError  # noqa: E402
from edge.tagger import open_tagger  # noqa: E402
from quantize import recipe  # noqa: E402
from quantize.cli import main  # noqa: E402
from quantize.errors import WorkshopError  # noqa: E402
from quantize.export import FILES, TOLERANCE, Deployed, artifact, differences, folded  # noqa: E402
from quantize.glance.bench import GlanceBench, distances  # noqa: E402
from quantize.glance.course import spec_of  # noqa: E402
from quantize.glance.network import load  # noqa: E402
from quantize.glance.packed import heat_map, recipe_of  # noqa: E402
from quantize.int8 import record  # noqa: E402
from quantize.int8.gate import Limits  # noqa: E402
from quantize.stages.quantize_glance import frames  # noqa: E402
from tests.tiny import tiny_parts  # noqa: E402
from tests.workshop.glance import tiny_glance  # noqa: E402

# The converters warn about one another's future; nothing of ours can be done about it.
pytestmark = pytest.mark.filterwarnings("ignore")

ENGINES = list(FILES)
FREE = Limits(slowdown=1e9)


@pytest.mark.parametrize("engine", ENGINES)
def test_each_float_file_is_the_glance(engine: str, glance_folder: Path, glance_int8: Path) -> None:
    glance, _ = load(glance_folder / "glance" / "glance.safetensors")
    seen = np.stack([f.seen for f in frames(glance_folder / "glance", "val", 3)])
    exact = Deployed(folded(glance.eval(), glance.side))
    found = differences(exact, engine, artifact(glance_int8 / "float", engine), seen)
    assert max(found.values()) < TOLERANCE / 5
    opened = open_engine(engine, artifact(glance_int8, engine), threads=1)
    assert opened.input.shape[1:] == (tiny_glance.SIDE, tiny_glance.SIDE, 3)
    assert [out.shape[-1] for out in opened.outputs] == [8 * 8 * 2, 8 * 8 * 3]


@pytest.mark.parametrize("engine", ENGINES)
def test_int8_is_smaller_and_its_spots_are_the_floats(engine: str, glance_int8: Path) -> None:
    made = record.verified(glance_int8)
    kept = made.kept[engine].tried
    assert kept.passed
    assert kept.kept_in_float == ()
    assert kept.heads["heat"].sqnr_db > 10
    row = next(row for row in kept.rows if row.measure == "average precision")
    assert abs(row.before - row.after) <= 0.02
    sizes = [len(artifact(folder, engine)[-1]) for folder in (glance_int8 / "float", glance_int8)]
    assert sizes[1] < 0.75 * sizes[0]


def test_several_methods_were_tried_and_the_recipe_says_what_came_of_it(glance_int8: Path) -> None:
    made = record.verified(glance_int8)
    for engine in ENGINES:
        assert len({t.method for t in made.tried if t.engine == engine}) >= 5
    result = recipe.read(glance_int8, "quantize-glance").result
    assert result["passed"] is True
    names = {f"{engine}/{precision}" for engine in ENGINES for precision in ("float", "int8")}
    assert set(result["average precision"]) == names
    assert made.pictures == {"ranges": 12, "judging": tiny_glance.JUDGED}


def test_a_second_run_makes_nothing(
    glance_folder: Path, glance_int8: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {file: file.stat().st_mtime_ns for file in glance_int8.rglob("*")}
    tiny_glance.quantised(glance_folder / "glance", glance_int8)
    assert {file: file.stat().st_mtime_ns for file in glance_int8.rglob("*")} == before
    assert "average precision" in capsys.readouterr().out


def again(glance_folder: Path, out: Path) -> list[str]:
    """The flags of the folder `glance_int8`, for a copy of it."""
    return ["quantize-glance", "--glance", str(glance_folder / "glance"), "--out", str(out),
            *tiny_glance.FEW, *tiny_glance.FREE, *tiny_glance.LOOSE]  # fmt: skip


def test_a_stopped_run_goes_on_after_the_last_whole_engine(
    glance_folder: Path, glance_int8: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(glance_int8, tmp_path / "int8"))
    recipe_without_result(folder)
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("student.*")}
    assert len(before) == 8
    assert main(again(glance_folder, folder)) == 0
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("student.*")} == before
    assert recipe.read(folder, "quantize-glance").result["passed"] is True


@pytest.mark.slow
def test_layers_that_hurt_stay_in_float_where_nothing_may_be_lost(
    glance_folder: Path, tmp_path: Path
) -> None:
    """Not even what a try gains or loses by chance: then the next layer is tried."""
    args = [*again(glance_folder, tmp_path / "int8")[:-2], "--engines", "onnxruntime"]
    main([*args, "--gate-precision", "-0.5"])
    made = record.verified(tmp_path / "int8")
    assert made.sensitivity
    assert max(len(tried.kept_in_float) for tried in made.tried) > 1
    assert not any("neck.heat" in tried.kept_in_float for tried in made.tried)  # it always is


def bench(glance_folder: Path, files: list[bytes], loss: float = 0.01) -> GlanceBench:
    glance, _ = load(glance_folder / "glance" / "glance.safetensors")
    judged = frames(glance_folder / "glance", "val", tiny_glance.JUDGED)
    return GlanceBench("onnxruntime", files, judged, spec_of(glance), (loss, FREE))


def scaled(data: bytes, ending: str, factor: float) -> bytes:
    """The ONNX file with the constants of that name multiplied."""
    model = onnx.load_from_string(data)
    changed = [t for t in model.graph.initializer if t.name.endswith(ending)]
    assert changed, [t.name for t in model.graph.initializer]
    for tensor in changed:
        array = (numpy_helper.to_array(tensor) * factor).astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    return model.SerializeToString()


@pytest.mark.parametrize(
    ("ending", "factor"), [("neck.heat.weight", -3), ("neck.geometry.weight", -30)]
)
def test_what_finds_less_is_refused_by_the_gate(
    ending: str, factor: float, glance_folder: Path, glance_int8: Path
) -> None:
    """Heat upside down; places somewhere else: the other output is as good as ever."""
    files = artifact(glance_int8 / "float", "onnxruntime")
    rules = bench(glance_folder, files)
    same = rules.measure(files, "float", (), False, 0.0)
    worse = rules.measure([scaled(files[0], ending, factor)], "broken", (), False, 0.0)
    rules.close()
    assert same.answers_pass
    assert not worse.answers_pass
    assert worse.rows[0].loss > 0.05
    assert worse.worst_db < 10 < same.worst_db


def test_outputs_that_are_no_numbers_are_as_far_as_can_be() -> None:
    exact = {"heat": np.zeros((2, 8), np.float32), "geometry": np.zeros((2, 12), np.float32)}
    rough = exact | {"geometry": np.full((2, 12), np.nan, np.float32)}
    assert distances(exact, rough, 1.0)["heat"].sqnr_db == -999
    assert distances(exact, exact, 0.0)["heat"].sqnr_db > 100


def test_a_gate_that_nothing_passes_refuses_with_the_table(
    glance_folder: Path, glance_int8: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From what an earlier run left, so that nothing is made again."""
    made = record.verified(glance_int8)
    tried = made.kept["tflite"].tried
    rows = tuple(msgspec.structs.replace(row, loss=0.3, passed=False) for row in tried.rows)
    failed = msgspec.structs.replace(tried, rows=rows)
    kept = msgspec.structs.replace(made.kept["tflite"], tried=failed)
    folder = Path(shutil.copytree(glance_int8, tmp_path / "int8"))
    record.write(msgspec.structs.replace(made, kept={**made.kept, "tflite": kept}), folder)
    assert main(again(glance_folder, folder)) == 2
    said = capsys.readouterr().err
    assert "int8 fails the gate in 2 of 6 rows (tflite/heat, tflite/ms)" in said
    assert "NO" in said
    with pytest.raises(WorkshopError, match="fails the gate"):
        heat_map(folder, ENGINES)


def glancing(engines: list[str], folder: Path) -> tuple[dict[str, bytes], Manifest]:
    """A tiny bundle with this glance."""
    files, manifest = tiny_parts(engines)
    glance, more = heat_map(folder, engines)
    manifest = msgspec.structs.replace(
        manifest, schema=2, glance=glance, recipe=manifest.recipe | recipe_of(folder)
    )
    return files | more, manifest


@pytest.fixture(scope="module")
def bundle(glance_int8: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Read only."""
    folder = tmp_path_factory.mktemp("bundle") / "glancing"
    write_bundle(folder, *glancing(ENGINES, glance_int8))
    return folder


@pytest.mark.parametrize("engine", ENGINES)
def test_the_bundle_opens_on_each_engine_and_glances(engine: str, bundle: Path) -> None:
    frame = shelf(1, (640, 360)).pixels
    with open_tagger(bundle, engine) as tagger:
        assert tagger.has_glance
        heat, engine_ms = tagger.glance(frame)
    assert heat.by_kind.shape == (8, 8, 2)
    assert engine_ms > 0
    assert all(0 <= s.box[0] < s.box[2] <= 640 for s in heat.spots)


def test_the_manifest_says_how_good_it_is_and_how_it_was_made(bundle: Path) -> None:
    with open_tagger(bundle, "onnxruntime") as tagger:
        manifest = tagger.bundle.manifest
    assert manifest.glance is not None
    assert set(manifest.glance.average_precision) >= {"tflite/float", "tflite/int8"}
    assert "not trained on" in manifest.glance.evaluation
    assert manifest.recipe["glance frames"] == tiny_glance.FRAMES
    assert manifest.recipe["glance method tflite"]
    for own in manifest.glance.artifacts:
        assert max(max(cell.heat.values()) for cell in own.golden) > 0.05


@pytest.mark.parametrize("engine", ENGINES)
def test_another_glance_in_its_place_is_refused_with_the_numbers(
    engine: str, bundle: Path, glance_int8: Path, tmp_path: Path
) -> None:
    """Every hash right, the shapes too: float, with its heat turned, where int8 was packed."""
    [data] = artifact(glance_int8 / "float", "onnxruntime")
    turned = scaled(data, "neck.heat.weight", -3)
    folder = Path(shutil.copytree(bundle, tmp_path / "bundle"))
    manifest = json.loads((folder / "bundle.json").read_bytes())
    own = next(a for a in manifest["glance"]["artifacts"] if a["engine"] == engine)
    if engine == "tflite":  # its neighbour's geometry is as wrong
        for cell in own["golden"]:
            cell["geometry"][2] += 2
    else:
        (folder / "other.onnx").write_bytes(turned)
        file = stored("other.onnx", turned)
        own["files"] = [{k: getattr(file, k) for k in ("file", "size_bytes", "sha256")}]
    (folder / "bundle.json").write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(BundleError, match=rf"glance of {engine}/int8 does not reproduce: row \d"):
        open_tagger(folder, engine)


SPOIL: dict[str, tuple[Callable[[Path], object], str]] = {
    "another file": (
        lambda folder: (folder / "student.onnx").write_bytes(b"junk"),
        "not the file that was judged",
    ),
    "a file less": (lambda folder: (folder / "student.tflite").unlink(), "file is missing"),
    "stopped": (
        lambda folder: recipe_without_result(folder),
        "was stopped before it was done",
    ),
    "no network": (
        lambda folder: (folder / "glance.safetensors").write_bytes(b"junk"),
        "does not load",
    ),
}


def recipe_without_result(folder: Path) -> None:
    file = folder / "recipe.json"
    file.write_text(json.dumps(json.loads(file.read_bytes()) | {"result": {}}), "utf-8")


@pytest.mark.parametrize("name", SPOIL)
def test_a_folder_that_was_changed_is_not_packed(
    name: str, glance_int8: Path, tmp_path: Path
) -> None:
    spoil, says = SPOIL[name]
    folder = Path(shutil.copytree(glance_int8, tmp_path / "int8"))
    spoil(folder)
    with pytest.raises(WorkshopError, match=says):
        heat_map(folder, ENGINES)


@pytest.mark.parametrize("flag", ["--ranges", "--judged"])
def test_no_frames_asked_for_is_refused(
    flag: str, glance_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*again(glance_folder, tmp_path / "int8"), flag, "0"]) == 2
    assert f"{flag}: 0, expected 1 or more" in capsys.readouterr().err
    assert not (tmp_path / "int8").exists()


def test_an_engine_of_the_bundle_without_a_glance_is_refused(glance_int8: Path) -> None:
    with pytest.raises(WorkshopError, match="no glance for null, expected one for each engine"):
        heat_map(glance_int8, [*ENGINES, "null"])


def test_a_folder_without_frames_is_refused(glance_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(glance_folder / "glance", tmp_path / "glance"))
    shutil.rmtree(folder / "frames")
    with pytest.raises(WorkshopError, match="no frame of split val"):
        frames(folder, "val", 3)
