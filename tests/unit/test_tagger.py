"""Regions in, scores out; a bundle that does not reproduce is refused with the numbers."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from time import perf_counter, sleep

import msgspec
import numpy as np
import pytest

from edge.bundle import open_bundle
from edge.bundle.golden import NONE, check, golden_embedding, golden_scores
from edge.bundle.manifest import Accuracy
from edge.bundle.write import stored, write_bundle
from edge.engines.null import NullEngine
from edge.errors import (
    BundleError,
    EngineMissing,
    InferenceError,
    ProviderUnavailable,
    UsageError,
)
from edge.frames import tag_frame
from edge.heads.examples import example, none_example
from edge.pictures import pixels
from edge.records import F32, U8, Picture, Planes, Region
from edge.tagger import BATCH, open_tagger
from tests.tiny import here, i420, null_model, nv12, paint, tiny_parts, write_tiny


def halves() -> U8:
    """Left half red, right half blue; 40 x 80."""
    return np.hstack([paint("red", 40, 40), paint("blue", 40, 40)])


LEFT, RIGHT, FULL = Region(0, 0, 40, 40), Region(40, 0, 80, 40), Region(0, 0, 80, 40, "full")


@pytest.mark.parametrize("engine", ["null", "onnxruntime", "openvino", "tflite"])
def test_each_region_gets_the_scores_of_its_own_pixels(
    wide_bundle: Path, need_engine: Callable[[str], None], engine: str
) -> None:
    need_engine(engine)
    with open_tagger(wide_bundle, engine, threads=1) as tagger:
        looks = tagger.look(halves(), [RIGHT, LEFT, FULL])
    assert tagger.engine == f"{engine}/CPU"
    assert looks.scores["colours"].shape == (3, 4)  # with "none"
    assert looks.scores["hues"].shape == (3, 3)
    assert looks.scores["colours"].argmax(1)[:2].tolist() == [2, 0]
    np.testing.assert_allclose(looks.scores["hues"][1], [0.9933, 0.0067, 0.0067], atol=0.01)
    np.testing.assert_allclose(looks.embedding[:2], [[0, 0, 1], [1, 0, 0]], atol=1e-3)


def test_more_regions_than_a_batch_come_back_in_order(tiny_bundle: Path) -> None:
    regions = [LEFT if i % 3 else RIGHT for i in range(3 * BATCH + 1)]
    with open_tagger(tiny_bundle) as tagger:
        best = tagger.look(halves(), regions).scores["colours"].argmax(1)
    assert best.tolist() == [0 if i % 3 else 2 for i in range(3 * BATCH + 1)]


@pytest.mark.parametrize("engine", ["null", "onnxruntime", "openvino", "tflite"])
@pytest.mark.parametrize("kind", [pixels.rgb, i420, nv12], ids=["RGB", "I420", "NV12"])
def test_looks_one_after_the_other_are_looks_all_the_same(
    wide_bundle: Path,
    need_engine: Callable[[str], None],
    engine: str,
    kind: Callable[[Planes], Picture],
) -> None:
    need_engine(engine)
    rng = np.random.default_rng(0)
    chroma = (rng.integers(0, 256, (30, 40), np.uint8), rng.integers(0, 256, (30, 40), np.uint8))
    picture = kind(Planes(rng.integers(0, 256, (60, 80), np.uint8), chroma))
    regions = [Region(n, 2 * n, n + 31, 2 * n + 20) for n in range(12)]
    regions.append(Region(0, 0, 80, 60, "full"))
    with open_tagger(wide_bundle, engine, threads=1) as tagger:
        one_by_one = list(tagger.looks(picture, iter(regions)))
        for region, found in zip(regions, one_by_one, strict=True):
            alone = tagger.look(picture, [region])
            np.testing.assert_array_equal(found.embedding, alone.embedding)
            for head, row in alone.scores.items():
                np.testing.assert_array_equal(found.scores[head], row)
        together = tagger.look(picture, regions)
    for head in together.scores:
        rows = np.concatenate([found.scores[head] for found in one_by_one])
        np.testing.assert_allclose(rows, together.scores[head], atol=1e-6)


def test_looking_can_end_at_any_look(tiny_bundle: Path) -> None:
    with open_tagger(tiny_bundle) as tagger:
        for found in tagger.looks(halves(), [LEFT, RIGHT, LEFT]):
            assert found.scores["colours"].argmax(1).tolist() == [0]
            break
        best = [found.scores["colours"].argmax() for found in tagger.looks(halves(), [RIGHT, LEFT])]
        assert best == [2, 0]
        assert list(tagger.looks(halves(), [])) == []


def test_a_region_outside_is_refused_after_those_before_it(tiny_bundle: Path) -> None:
    with open_tagger(tiny_bundle) as tagger:
        found = tagger.looks(halves(), [LEFT, RIGHT, Region(0, 0, 81, 40)])
        assert next(found).engine_ms > 0
        next(found)
        with pytest.raises(ValueError, match="80 x 40"):
            next(found)


def test_time_in_the_engine_is_part_of_the_whole(tiny_bundle: Path) -> None:
    with open_tagger(tiny_bundle) as tagger:
        start = perf_counter()
        looks = tagger.look(halves(), [LEFT, RIGHT])
        whole_ms = (perf_counter() - start) * 1e3
    assert 0 < looks.engine_ms <= whole_ms


def test_no_region_is_the_callers_mistake(tiny_bundle: Path) -> None:
    with open_tagger(tiny_bundle) as tagger, pytest.raises(ValueError, match="empty"):
        tagger.look(halves(), [])


def test_an_embedding_has_length_one(tiny_bundle: Path) -> None:
    with open_tagger(tiny_bundle) as tagger:
        yellow, black = tagger.embed(paint("yellow", 30, 50)), tagger.embed(paint("black"))
    np.testing.assert_allclose(yellow, [0.5**0.5, 0.5**0.5, 0], atol=1e-6)
    assert yellow.dtype == np.float32
    np.testing.assert_array_equal(black, 0)  # nothing to normalise, and no NaN


def test_threads_take_turns(tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They share the memory that inputs are made in: what one cut, the other looked at."""
    run = NullEngine.run

    def slow(engine: NullEngine, batch: U8) -> dict[str, F32]:
        sleep(0.02)
        return run(engine, batch)

    with open_tagger(tiny_bundle) as tagger, ThreadPoolExecutor(2) as threads:
        monkeypatch.setattr(NullEngine, "run", slow)
        for ask in (tagger.embed, lambda rgb: [tag.tag for tag in tagger.tag(rgb)]):
            rows = [threads.submit(ask, paint(c)) for c in ("red", "blue") * 3]
            alone = [ask(paint(c)) for c in ("red", "blue")] * 3
            np.testing.assert_array_equal([row.result() for row in rows], alone)


def test_a_tagger_that_is_closed_says_so(tiny_bundle: Path) -> None:
    with open_tagger(tiny_bundle) as tagger:
        tagger.close()
    for ask in (tagger.tag, tagger.embed):
        with pytest.raises(ValueError, match="tagger is closed"):
            ask(paint("red", 400, 400))


def test_whoever_closes_a_tagger_waits_for_who_is_at_it(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, begun, done = NullEngine.run, Event(), []

    def slow(engine: NullEngine, batch: U8) -> dict[str, F32]:
        begun.set()
        sleep(0.02)
        done.append("run")
        return run(engine, batch)

    with open_tagger(tiny_bundle) as tagger, ThreadPoolExecutor(1) as thread:
        monkeypatch.setattr(NullEngine, "run", slow)
        monkeypatch.setattr(NullEngine, "close", lambda engine: done.append("close"))
        found = thread.submit(tagger.tag, paint("red", 40, 40))
        begun.wait()
        tagger.close()
        assert found.result()
        assert done[-1] == "close"


def test_a_tagger_is_opened_by_a_thread_that_outlives_the_main_one(tiny_bundle: Path) -> None:
    """Python then loads nothing that wants to be told of the end, and begins no work ahead."""
    code = """
import sys, threading, time
import edge, numpy as np
def work():
    threading.main_thread().join()
    time.sleep(0.2)  # until Python, too, has seen its end
    with edge.open_tagger(sys.argv[1]) as tagger:
        print(tagger.tag(np.zeros((20, 20, 3), np.uint8) + 90))
threading.Thread(target=work).start()
"""
    command = [sys.executable, "-c", code, str(tiny_bundle)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr, done.stdout[:1]) == (0, "", "(")


def test_a_forked_process_is_told_to_open_its_own(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that makes inputs is not in it: a closer look waited for ever."""
    with open_tagger(tiny_bundle) as tagger:
        monkeypatch.setattr("os.getpid", lambda: -1)
        for ask in (tagger.tag, tagger.embed):
            with pytest.raises(ValueError, match="forked"):
                ask(paint("red"))
        monkeypatch.setattr(NullEngine, "close", lambda engine: pytest.fail("waits for ever"))
        tagger.close()
        monkeypatch.undo()


def test_without_a_wish_the_best_engine_here_is_taken(wide_bundle: Path) -> None:
    order = [name for name in ("onnxruntime", "openvino", "tflite", "null") if name in here()]
    with open_tagger(wide_bundle) as tagger:
        assert tagger.engine == f"{order[0]}/CPU"


def test_an_engine_that_the_bundle_lacks_is_refused(tiny_bundle: Path) -> None:
    with pytest.raises(BundleError, match="expected one of null/int8"):
        open_tagger(tiny_bundle, "tflite")


def test_an_engine_that_nobody_knows_is_no_fault_of_the_bundle(tiny_bundle: Path) -> None:
    with pytest.raises(UsageError, match="engine 'nope' is unknown, expected one of onnxruntime"):
        open_tagger(tiny_bundle, "nope")


def test_a_provider_that_is_not_here_is_refused(tiny_bundle: Path) -> None:
    with pytest.raises(ProviderUnavailable):
        open_tagger(tiny_bundle, provider="npu")


def test_no_engine_installed_gives_the_pip_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_tiny(tmp_path / "a", ["onnxruntime"])
    for package in ("onnxruntime", "openvino", "ai_edge_litert", "tflite_runtime"):
        monkeypatch.setitem(sys.modules, package, None)  # Python takes it for one that is not there
    with pytest.raises(EngineMissing) as caught:
        open_tagger(folder)
    assert caught.value.fix == "pip install 'edge-tag[onnx]'"


def test_a_bundle_for_engines_of_the_future_is_opened_and_refused_clearly(tmp_path: Path) -> None:
    files, manifest = tiny_parts()
    later = msgspec.structs.replace(manifest.artifacts[0], engine="photonic")
    write_bundle(tmp_path / "a", files, msgspec.structs.replace(manifest, artifacts=(later,)))
    with pytest.raises(BundleError, match="photonic") as caught:
        open_tagger(tmp_path / "a")
    assert "update" in caught.value.fix


def test_float_is_used_where_there_is_no_int8(tmp_path: Path) -> None:
    files, manifest = tiny_parts()
    float_only = msgspec.structs.replace(manifest.artifacts[0], precision="float")
    golden = tuple(
        msgspec.structs.replace(g, scores={"null/float": g.scores["null/int8"]})
        for g in manifest.golden
    )
    write_bundle(
        tmp_path / "a",
        files,
        msgspec.structs.replace(manifest, artifacts=(float_only,), golden=golden),
    )
    with open_tagger(tmp_path / "a") as tagger:
        assert tagger.artifact.precision == "float"
    with pytest.raises(BundleError, match="null/int8"):
        open_tagger(tmp_path / "a", precision="int8")


@pytest.mark.parametrize(
    ("before", "after", "is_told"),
    [(0.90, 0.80, True), (0.90, 0.896, False), (0.85, 0.90, False), (0.90, 0.87, False)],
)
def test_what_int8_loses_by_the_bundles_own_numbers_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, before: float, after: float, is_told: bool
) -> None:
    """A loss of 3 points is three pictures of 100: chance."""
    files, manifest = tiny_parts()
    accuracy = {"null/float": Accuracy(100, before), "null/int8": Accuracy(100, after)}
    first = msgspec.structs.replace(manifest.heads[0], accuracy=accuracy)
    heads = (first, *manifest.heads[1:])
    write_bundle(tmp_path / "a", files, msgspec.structs.replace(manifest, heads=heads))
    open_tagger(tmp_path / "a").close()
    said = f"head {first.name!r} loses 10.0 points as null/int8: 90.0% right as float, 80.0% now"
    assert [said in line for line in caplog.messages] == [True] * is_told


def with_model(tmp_path: Path, edit: Callable[[dict[str, dict[str, list[object]]]], None]) -> Path:
    """The tiny bundle with another model, rightly hashed."""
    files, manifest = tiny_parts()
    model = json.loads(null_model())
    edit(model["outputs"])
    name = "null/tiny.json"
    files[name] = json.dumps(model).encode()
    artifact = msgspec.structs.replace(manifest.artifacts[0], files=(stored(name, files[name]),))
    write_bundle(tmp_path / "a", files, msgspec.structs.replace(manifest, artifacts=(artifact,)))
    return tmp_path / "a"


def test_a_model_that_answers_otherwise_is_refused_with_both_numbers(tmp_path: Path) -> None:
    folder = with_model(tmp_path, lambda outputs: outputs["colours"].update(bias=[-9, 0, 0, 2]))
    with pytest.raises(BundleError, match=r"'red' is 0\.\d+, expected 0\.99\d \+- 0\.05") as caught:
        open_tagger(folder)
    assert "golden/red.png" in str(caught.value)
    assert "does not reproduce" in str(caught.value)


def test_a_small_difference_is_let_pass(tmp_path: Path) -> None:
    folder = with_model(tmp_path, lambda outputs: outputs["colours"].update(bias=[0.1, 0, 0, 2]))
    open_tagger(folder).close()


def test_channels_in_the_wrong_order_are_noticed(tmp_path: Path) -> None:
    """The mistake that a golden check is there for."""

    def swap(outputs: dict[str, dict[str, list[object]]]) -> None:
        for layer in outputs.values():
            layer["weights"] = [weights[::-1] for weights in layer["weights"]]  # type: ignore

    with pytest.raises(BundleError, match="does not reproduce"):
        open_tagger(with_model(tmp_path, swap))


def test_an_output_of_the_wrong_size_is_refused(tmp_path: Path) -> None:
    folder = with_model(
        tmp_path, lambda outputs: outputs["hues"].update(weights=[[1, 1, 1]] * 2, bias=[0, 0])
    )
    with pytest.raises(BundleError, match=r"output 'hues' .* is \(1, 2\), expected \(1, 3\)"):
        open_tagger(folder)


def test_an_output_that_is_not_there_is_refused(tmp_path: Path) -> None:
    folder = with_model(tmp_path, lambda outputs: outputs.pop("hues") and None)
    with pytest.raises(BundleError, match=r"output 'hues'.*missing"):
        open_tagger(folder)


def test_numbers_that_are_none_are_refused(tmp_path: Path) -> None:
    folder = with_model(tmp_path, lambda outputs: outputs["hues"].update(bias=[1e39, 0, 0]))
    with pytest.raises(InferenceError, match="NaN or infinity"), np.errstate(over="ignore"):
        open_tagger(folder)


def test_a_bundle_without_proof_for_this_artifact_is_refused(tmp_path: Path) -> None:
    files, manifest = tiny_parts()
    bare = tuple(msgspec.structs.replace(g, scores={}) for g in manifest.golden)
    write_bundle(tmp_path / "a", files, msgspec.structs.replace(manifest, golden=bare))
    with pytest.raises(BundleError, match="no golden scores for null/int8"):
        open_tagger(tmp_path / "a")


def test_a_golden_picture_must_have_the_input_size(tmp_path: Path, tiny_bundle: Path) -> None:
    import cv2

    files, manifest = tiny_parts()
    name = "golden/red.png"
    files[name] = cv2.imencode(".png", paint("red", 9, 9))[1].tobytes()
    first = msgspec.structs.replace(manifest.golden[0], picture=stored(name, files[name]))
    write_bundle(
        tmp_path / "a",
        files,
        msgspec.structs.replace(manifest, golden=(first, *manifest.golden[1:])),
    )
    with pytest.raises(BundleError, match="9 x 9 px, expected the input size, 12 x 8"):
        open_tagger(tmp_path / "a")


def test_check_finds_every_kind_of_difference(tiny_bundle: Path) -> None:
    with open_bundle(tiny_bundle) as bundle:
        artifact = bundle.artifact("null")
        rows = {
            "colours": np.array([0.2, 0.7, 0.1, 0], np.float32),
            "hues": np.array([1, np.nan, 0], np.float32),
        }
        findings = check(bundle, artifact, lambda _: rows)
    assert any(
        "golden/red.png: colours: best is 'green' at 0.700, expected 'red'" in f for f in findings
    )
    assert any("hues: 'greenish' is nan, expected" in f for f in findings)
    assert any("golden/black.png: colours: '' is 0.000" in f for f in findings)


def test_check_lets_a_tie_fall_either_way(tmp_path: Path) -> None:
    files, manifest = tiny_parts()
    close = {"null/int8": {"colours": {"red": 0.41, "green": 0.40}}}
    only = (msgspec.structs.replace(manifest.golden[0], scores=close),)
    for golden in manifest.golden[1:]:
        del files[golden.picture.file]
    write_bundle(tmp_path / "a", files, msgspec.structs.replace(manifest, golden=only))
    hues = np.zeros(3, np.float32)
    with open_bundle(tmp_path / "a") as bundle:
        artifact = bundle.artifact("null")
        tie = {"colours": np.array([0.40, 0.41, 0.1, 0.09], np.float32), "hues": hues}
        assert check(bundle, artifact, lambda _: tie) == []
        none = {"colours": np.array([0.37, 0.37, 0.0, 0.43], np.float32), "hues": hues}
        assert check(bundle, artifact, lambda _: none) == [
            "golden/red.png: colours: best is '' at 0.430, expected 'red'"
        ]


def test_check_names_a_golden_tag_that_the_head_does_not_have(tmp_path: Path) -> None:
    files, manifest = tiny_parts()
    odd = msgspec.structs.replace(manifest.golden[0], scores={"null/int8": {"hues": {"pink": 0.5}}})
    write_bundle(
        tmp_path / "a", files, msgspec.structs.replace(manifest, golden=(odd, *manifest.golden[1:]))
    )
    with pytest.raises(BundleError, match="'pink' is no tag of the head"):
        open_tagger(tmp_path / "a")


def test_golden_scores_are_the_best_few_with_none_under_its_own_key() -> None:
    names = (("red", None), ("green", None), ("blue", None))
    row = np.array([0.1, 0.2, 0.05, 0.65], np.float32)
    assert golden_scores(names, row, keep=2) == {NONE: 0.65, "green": 0.2}
    assert golden_scores(names, row[:3], keep=9) == {"green": 0.2, "red": 0.1, "blue": 0.05}


def with_embedding(path: Path, sample: tuple[float, ...]) -> Path:
    """A tiny bundle whose golden red has this embedding; it is (1, 0, 0)."""
    files, manifest = tiny_parts()
    red = manifest.golden[0]
    known = msgspec.structs.replace(red, embedding={"null/int8": sample})
    golden = (known, *manifest.golden[1:])
    write_bundle(path, files, msgspec.structs.replace(manifest, schema=3, golden=golden))
    return path


def test_a_golden_picture_knows_its_embedding(tmp_path: Path) -> None:
    sample = golden_embedding(np.array([2, 0, 0], np.float32))
    assert sample == (1.0, 0.0, 0.0)
    open_tagger(with_embedding(tmp_path / "right", sample)).close()
    open_tagger(with_embedding(tmp_path / "near", (0.96, 0.05, 0.05))).close()


@pytest.mark.parametrize(
    "sample", [(0.9, 0.14, 0), (1.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 0.0)], ids=str
)
def test_an_embedding_that_is_another_is_refused(tmp_path: Path, sample) -> None:
    with pytest.raises(BundleError, match="embedding is off by"):
        open_tagger(with_embedding(tmp_path / "a", sample))


def test_a_long_embedding_is_sampled() -> None:
    row = np.arange(1280, dtype=np.float32)
    assert len(golden_embedding(row)) == 64
    assert golden_embedding(row)[1] == pytest.approx(20 / np.linalg.norm(row), abs=1e-5)


def test_a_damaged_artifact_is_found_before_it_is_loaded(tiny_bundle: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_bundle, tmp_path / "a")
    model = folder / "null" / "tiny.json"
    model.write_bytes(model.read_bytes().replace(b"8", b"9"))
    with pytest.raises(BundleError, match="SHA-256"):
        open_tagger(folder)


def test_what_is_no_frame_is_not_enrolled(tiny_bundle: Path) -> None:
    with open_tagger(tiny_bundle) as tagger:
        for wrong in (np.ones((40, 40, 3), bool), np.ones((40, 40, 3), np.float32), None):
            for one in (example, none_example):
                with pytest.raises(ValueError, match="frame is"):
                    one(tagger, wrong)  # type: ignore[operator]


def test_what_no_head_knows_is_listed_as_none(tiny_bundle: Path) -> None:
    with open_tagger(tiny_bundle) as tagger:
        [nothing] = tag_frame(tagger, paint("black")).none
        assert nothing.heads == {"colours": pytest.approx(0.711, abs=0.01)}
        assert (nothing.track, nothing.box) == (None, (0, 0, 12, 8))
        assert tag_frame(tagger, paint("red")).none == ()
