"""The command: the same bytes whoever does the work and however often it is killed."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from PIL import Image  # noqa: E402
from safetensors import safe_open  # noqa: E402
from safetensors.numpy import load_file, save_file  # noqa: E402

from edge.pictures import pixels  # noqa: E402
from quantize import recipe  # noqa: E402
from quantize.errors import WorkshopError  # noqa: E402
from quantize.labels import load  # noqa: E402
from quantize.labels.manifest import read_manifest  # noqa: E402
from quantize.labels.ranks import Rank, rank_of  # noqa: E402
from quantize.ram import open_tagger  # noqa: E402
from quantize.ram.preprocess import open_picture  # noqa: E402
from quantize.teachers import Request, open_teacher  # noqa: E402
from tests.workshop.label import (  # noqa: E402
    BIAS,
    MEAN,
    ROOT,
    SCALE,
    SHARED,
    TAGS,
    WEIGHTS,
    files,
    flags,
    run,
    write_onnx,
    write_pictures,
    write_tags,
)
from tests.workshop.ram import synthetic  # noqa: E402


def start(arguments: list[str], **environment: str) -> subprocess.Popen[str]:
    """`python -m quantize label`, as a user starts it."""
    inherited = {k: v for k, v in os.environ.items() if k not in ("RANK", "WORLD_SIZE")}
    return subprocess.Popen(
        [sys.executable, "-m", "quantize", "label", *arguments],
        cwd=ROOT,
        env={**inherited, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def shards_of(out: Path) -> dict[str, bytes]:
    return {name: data for name, data in files(out).items() if name.endswith(".safetensors")}


def test_label_writes_what_the_teacher_says_and_lists_what_is_corrupt(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """R12: 11 pictures, one cut short: it is listed with the reason, and no black one labelled."""
    run(flags(tmp_path, "--out", str(tmp_path / "out")))
    said = capsys.readouterr().out
    labels = load(tmp_path / "out")
    assert (labels.kind, labels.tags, labels.teacher) == ("softmax", TAGS, "onnx")
    assert len(labels.soft) == 10
    assert labels.embedding is not None
    for file in sorted((tmp_path / "pictures").iterdir()):
        if file.stem == "004":
            continue
        key = next(key for key in labels.soft if key.endswith(file.name))
        picture = pixels.decode(file.read_bytes(), file.name)
        fitted = open_teacher_of(tmp_path).fit(picture)
        embedding = (fitted.astype(np.float64).mean((0, 1)) - MEAN) / SCALE
        assert np.allclose(labels.soft[key], WEIGHTS @ embedding + BIAS, atol=1e-2)
        assert np.allclose(labels.embedding[key], embedding, atol=1e-2)
    told = json.loads((tmp_path / "out/manifest.json").read_text())
    assert told["logits"] == "float32"
    assert [row["file"][-15:] for row in told["left_out"]] == ["pictures/004.png"[-15:]]
    assert "PNG is cut short" in told["left_out"][0]["reason"]
    assert "10 pictures labelled by onnx (5 tags, softmax), 1 left out" in said
    assert "004.png: PNG is cut short" in said
    done = recipe.read(tmp_path / "out", "label")
    assert (done.result["pictures"], done.result["left_out"], done.result["shards"]) == (10, 1, 3)


def open_teacher_of(folder: Path):
    request = Request(name="onnx", checkpoint=folder / "tiny.onnx", mean=MEAN, scale=SCALE)
    return open_teacher(request)


def test_a_finished_folder_is_left_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = flags(tmp_path, "--out", str(tmp_path / "out"))
    run(arguments)
    first, before = capsys.readouterr().out, files(tmp_path / "out")
    times = {file: file.stat().st_mtime_ns for file in (tmp_path / "out").glob("*.safetensors")}
    run(arguments)
    assert capsys.readouterr().out == first
    assert files(tmp_path / "out") == before
    assert {file: file.stat().st_mtime_ns for file in times} == times


def test_a_picture_that_was_taken_anew_is_another_job(tmp_path: Path) -> None:
    arguments = flags(tmp_path, "--out", str(tmp_path / "out"))
    run(arguments)
    sizes = load(tmp_path / "out").sizes
    assert sizes == {key: (tmp_path / "pictures" / Path(key).name).stat().st_size for key in sizes}
    assert len(sizes) == 10
    file = tmp_path / "pictures" / "002.png"
    file.write_bytes(file.read_bytes() + b"mended")
    with pytest.raises(WorkshopError, match="begun with images"):
        run(arguments)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        (["--batch", "3"], "batch 2"),
        (["--shard", "5"], "shard 4"),
        (["--threads", "2"], "threads 1"),
        (["--kind", "sigmoid"], "kind None"),
        (["--mean", "1"], r"mean \[100"),
        (["--tag-list", "OTHER"], "tag_list '"),
        (["--checkpoint", "OTHER"], "checkpoint '"),
        (["--images", "OTHER"], "images '"),
    ],
)
def test_other_settings_in_the_same_folder_are_refused(
    tmp_path: Path, changed: list[str], named: str
) -> None:
    run(flags(tmp_path, "--out", str(tmp_path / "out")))
    before = files(tmp_path / "out")
    if changed[1] == "OTHER":
        changed = [changed[0], str(_other(changed[0], tmp_path))]
    with pytest.raises(WorkshopError, match=f"begun with {named}"):
        run(flags(tmp_path, *changed, "--out", str(tmp_path / "out")))
    assert files(tmp_path / "out") == before


def _other(flag: str, folder: Path) -> Path:
    if flag == "--images":
        return write_pictures(folder / "others", 3)
    if flag == "--checkpoint":
        return write_onnx(folder / "other.onnx", "sigmoid")
    (folder / "other.txt").write_text("a\nb\nc\nd\ne\n")
    return folder / "other.txt"


def test_what_is_missing_or_damaged_is_made_again(tmp_path: Path) -> None:
    arguments = flags(tmp_path, "--out", str(tmp_path / "out"))
    run(arguments)
    before = files(tmp_path / "out")
    (tmp_path / "out/soft-00001.safetensors").unlink()
    (tmp_path / "out/embedding-00002.safetensors").write_bytes(b"\0" * 100)
    (tmp_path / "out/manifest.json").unlink()
    run(arguments)
    assert files(tmp_path / "out") == before


def test_stopped_between_shards_and_manifest(tmp_path: Path) -> None:
    arguments = flags(tmp_path, "--out", str(tmp_path / "out"))
    run(arguments)
    before = files(tmp_path / "out")
    (tmp_path / "out/manifest.json").unlink()
    run(arguments)
    assert files(tmp_path / "out") == before


def test_a_shard_of_an_older_run_is_kept_and_said_to_be_of_half_precision(tmp_path: Path) -> None:
    arguments = flags(tmp_path, "--out", str(tmp_path / "out"))
    run(arguments)
    (tmp_path / "out/manifest.json").unlink()
    file = tmp_path / "out/soft-00001.safetensors"
    with safe_open(file, "np") as stored:
        about = stored.metadata()
    save_file({k: v.astype(np.float16) for k, v in load_file(file).items()}, file, about)
    before = shards_of(tmp_path / "out")
    run(arguments)
    assert shards_of(tmp_path / "out") == before
    assert json.loads((tmp_path / "out/manifest.json").read_text())["logits"] == "float16"


MANY = 48


def test_killed_at_any_point_it_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    """SIGKILL at a random moment of a real process, again and again, until one gets through."""
    write_pictures(tmp_path / "pictures", MANY, bad=(7, 30))
    arguments = [*flags(tmp_path), "--shard", "2"]
    run([*arguments, "--out", str(tmp_path / "whole")])
    draw, kills, out = random.Random(3), 0, tmp_path / "out"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["quantize.stages.label", "tests.workshop.label"])
    for _ in range(60):
        process = context.Process(target=run, args=([*arguments, "--out", str(out)],))
        process.start()
        _wait_for_shards(out, process, draw.randint(1, 2))
        time.sleep(draw.uniform(0, 0.02))
        process.kill()
        process.join()
        kills += process.exitcode == -signal.SIGKILL
        if process.exitcode == 0:
            break
    assert process.exitcode == 0
    assert kills >= 1  # three or more, but how many is luck
    assert files(out) == files(tmp_path / "whole")


def _wait_for_shards(out: Path, process, more: int) -> None:
    """Until `more` shards are written, or the process ends."""
    before = len(list(out.glob("soft-*")))
    while process.is_alive() and len(list(out.glob("soft-*"))) < before + more:
        time.sleep(0.001)


def test_two_processes_killed_and_begun_again_write_what_one_writes(tmp_path: Path) -> None:
    """--workers 2, the whole command, killed after its first shard: its processes end with it."""
    write_pictures(tmp_path / "pictures", MANY, bad=(7,))
    arguments = [*flags(tmp_path), "--shard", "2"]
    run([*arguments, "--out", str(tmp_path / "one")])
    out = tmp_path / "two"
    command = [*arguments, "--workers", "2", "--out", str(out)]
    process = start(command)
    while process.poll() is None and not list(out.glob("soft-*")):
        time.sleep(0.001)
    helpers = _children_of(process.pid)
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 60
    while _alive(helpers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert helpers
    assert not _alive(helpers), "a process outlived its parent"
    assert not (out / "manifest.json").exists()
    run(command)
    assert files(out) == files(tmp_path / "one")


def _children_of(parent: int) -> set[int]:
    """Processes whose parent is `parent` now: field 4 of /proc/PID/stat, after the name."""
    found = set()
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(file.read_text().rpartition(")")[2].split()[1]) == parent:
                found.add(int(file.parent.name))
    return found


def _alive(processes: set[int]) -> set[int]:
    return {pid for pid in processes if Path(f"/proc/{pid}").exists()}


def test_two_ranks_write_what_one_process_writes(tmp_path: Path) -> None:
    """RANK and WORLD_SIZE as torchrun sets them, two real processes, one folder."""
    run(flags(tmp_path, "--out", str(tmp_path / "one")))
    command = flags(tmp_path, "--out", str(tmp_path / "two"))
    ranks = [
        start(command, RANK=str(rank), WORLD_SIZE="2", LOCAL_RANK=str(rank), LOCAL_WORLD_SIZE="2")
        for rank in (1, 0)
    ]
    said = {process: process.communicate() for process in ranks}
    for process, (_, err) in said.items():
        assert process.returncode == 0, err
    assert files(tmp_path / "two") == files(tmp_path / "one")
    last = "".join(out for out, _ in said.values())
    assert "10 pictures labelled" in last


def test_rank_is_read_as_torchrun_sets_it() -> None:
    assert rank_of({}) == Rank(0, 1, 0, 1)
    told = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4"}
    assert rank_of(told) == Rank(5, 8, 1, 4)
    for environment in ({"RANK": "2", "WORLD_SIZE": "2"}, {"RANK": "one"}):
        with pytest.raises(WorkshopError, match="RANK"):
            rank_of(environment)


def test_one_way_to_share_the_work_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(WorkshopError, match="WORLD_SIZE 2, expected one way"):
        run(flags(tmp_path, "--workers", "2", "--out", str(tmp_path / "out")))


def test_an_error_in_a_process_is_the_command_s(tmp_path: Path) -> None:
    write_onnx(tmp_path / "other.onnx", "lies")
    changed = ["--checkpoint", str(tmp_path / "other.onnx"), "--workers", "2"]
    with pytest.raises(WorkshopError, match="alone and in a batch of 3") as caught:
        run(flags(tmp_path, *changed, "--out", str(tmp_path / "out")))
    assert "export it again" in caught.value.fix


def test_numbers_that_are_none_stop_the_run(tmp_path: Path) -> None:
    state = synthetic.random_state(synthetic.Plan("ram"), captioner=False)
    state["fc.bias"] = torch.full((1,), float("inf"))
    weights = synthetic.write(state, tmp_path / "weights.pth")
    images = write_pictures(tmp_path / "pictures", 2)
    command = ["--teacher", "ram", "--checkpoint", str(weights), "--images", str(images)]
    with pytest.raises(WorkshopError, match="gives numbers that are none") as caught:
        run([*command, "--device", "cpu", "--threads", "1", "--out", str(tmp_path / "out")])
    assert "--precision" in caught.value.fix


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_ram_labels_a_folder(
    tmp_path: Path, precision: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A checkpoint in the published layout -> soft targets, thresholds, 64-d embeddings."""
    plan = synthetic.Plan("ram++")
    state = synthetic.random_state(plan, captioner=False)
    weights = synthetic.write(state, tmp_path / "weights.pth", junk=100)
    images = write_pictures(tmp_path / "pictures", 5, bad=(2,))
    (tmp_path / "tags.txt").write_text("".join(f"tag {i}\n" for i in range(plan.tags)))
    (tmp_path / "limits.txt").write_text("1\n" + "0.65\n" * (plan.tags - 1))
    write_tags(tmp_path / "chinese.txt", [f"名{i}" for i in range(plan.tags)])
    arguments = [
        "--teacher", "ram_plus", "--checkpoint", str(weights), "--images", str(images),
        "--tag-list", str(tmp_path / "tags.txt"), "--thresholds", str(tmp_path / "limits.txt"),
        "--chinese", str(tmp_path / "chinese.txt"),
        "--device", "cpu", "--threads", "1", "--precision", precision, "--batch", "2",
    ]  # fmt: skip
    run([*arguments, "--out", str(tmp_path / "out")])
    labels = load(tmp_path / "out")
    assert read_manifest(tmp_path / "out").chinese == tuple(f"名{i}" for i in range(plan.tags))
    assert labels.kind == "sigmoid"
    assert labels.thresholds is not None
    assert labels.thresholds[:2] == (1.0, 0.65)
    assert len(labels.soft) == 4
    assert labels.embedding is not None
    assert next(iter(labels.embedding.values())).shape == (plan.words,)
    assert "disabled, threshold 1: tag 0" in capsys.readouterr().out
    request = Request(
        name="ram_plus", checkpoint=weights, precision=precision, tag_list=tmp_path / "tags.txt"
    )
    picture = pixels.decode((images / "000.png").read_bytes(), "")
    key = next(key for key in labels.soft if key.endswith("000.png"))
    tolerance = 0.02 if precision == "fp32" else 0.5
    assert np.allclose(labels.soft[key], open_teacher(request).look([picture])[0], atol=tolerance)


def test_ram_reads_files_as_its_published_code_does(tmp_path: Path) -> None:
    """R4, the whole way: what `label` stores is what `open_tagger` says of the same file."""
    plan = synthetic.Plan("ram")
    weights = synthetic.write(synthetic.random_state(plan, captioner=False), tmp_path / "a.pth")
    images, draw = tmp_path / "pictures", np.random.default_rng(2)
    images.mkdir()
    colours = draw.integers(0, 256, (6, 9, 3), np.uint8).repeat(10, 0).repeat(10, 1)
    turned = Image.Exif()
    turned[0x0112] = 6  # by 90 degrees
    Image.fromarray(colours).save(images / "turned.jpg", exif=turned)
    Image.fromarray(colours).convert("CMYK").save(images / "cmyk.jpg")
    Image.fromarray(draw.integers(0, 65536, (60, 90), np.uint16)).save(images / "deep.png")
    (images / "broken.png").write_bytes(b"no picture at all")
    command = ["--teacher", "ram", "--checkpoint", str(weights), "--images", str(images)]
    run([*command, "--device", "cpu", "--threads", "1", "--out", str(tmp_path / "out")])
    labels, tagger = load(tmp_path / "out"), open_tagger(weights)
    assert len(labels.soft) == 3
    for key, row in labels.soft.items():
        wanted = tagger.look([open_picture(images / Path(key).name)])
        assert np.abs(row - wanted.logits[0]).max() < 1e-4, key
    [left_out] = json.loads((tmp_path / "out/manifest.json").read_text())["left_out"]
    assert left_out["reason"].endswith(
        "not a picture (of no known form), expected one that Pillow reads"
    )


def test_what_became_of_the_checkpoint_s_keys_is_said_and_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """R1, R2, R3: an early file of a larger window with its captioner, told by key and in short."""
    plan = synthetic.Plan("ram", side=128, window=4)
    state = synthetic.random_state(plan)
    early = {key.replace("tagging_head", "vision_multi"): value for key, value in state.items()}
    weights = synthetic.write(early, tmp_path / "a.pth")
    command = ["--teacher", "ram", "--checkpoint", str(weights), "--side", "96", "--device", "cpu"]
    command += ["--images", str(write_pictures(tmp_path / "pictures", 1)), "--threads", "1"]
    run([*command, "--out", str(tmp_path / "out")])
    said = capsys.readouterr().out
    keys = len(open_tagger(weights).tagger.state_dict())
    network = "RAM, Swin of 2, 2, 2 and 2 blocks at 96 px"
    assert f"{network}; {keys} keys loaded, 32 of them renamed, " in said
    assert ", 8 resized (49 -> 25 rows); each in loaded.json" in said
    told = json.loads((tmp_path / "out/loaded.json").read_text())
    captioner = [key for key, why in told["dropped"].items() if why.startswith("captioner")]
    assert f"{len(captioner)} keys dropped: captioner: not used for tags" in said
    assert "3 keys dropped: not weights" in said
    assert len(told["renamed"]) == 32
    assert len(told["resized"]) == 8
    run([*command, "--out", str(tmp_path / "out")])
    assert capsys.readouterr().out == said


@pytest.mark.skipif(not SHARED.exists(), reason="../shared/data is not here")
def test_real_photos_and_a_real_teacher(tmp_path: Path) -> None:
    """Two of the photos of ../shared, by the teacher of the default bundle; no network (R19)."""
    images = tmp_path / "photos"
    images.mkdir()
    for name in ("004.jpg", "008.jpg"):
        (images / name).symlink_to(SHARED / "photos" / name)
    teachers = SHARED / "teachers"
    run(
        [
            "--teacher",
            "tflite",
            "--tag-list",
            str(teachers / "imagenet_labels.txt"),
            "--checkpoint",
            str(teachers / "mobilenet_edgetpu_224_1.0_uint8.tflite"),
            "--images",
            str(images),
            "--threads",
            "1",
            "--out",
            str(tmp_path / "out"),
        ]
    )
    labels = load(tmp_path / "out")
    best = {key[-7:]: labels.tags[int(row.argmax())] for key, row in labels.soft.items()}
    assert best == {"004.jpg": "goldfish, Carassius auratus", "008.jpg": best["008.jpg"]}
    assert best["008.jpg"].startswith("seashore")


def test_the_network_is_not_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """R19"""
    import socket

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    run(flags(tmp_path, "--out", str(tmp_path / "out")))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (["--images", "/no/such"], "no such folder"),
        (["--checkpoint", "/no/such"], "no such file"),
        (["--checkpoint", "/usr"], "a folder, expected a file"),
        (["--tag-list", "/no/such"], "no such file"),
        (["--device", "cuda", "--teacher", "ram"], "--mean: given to ram, which does not heed it"),
    ],
)
def test_bad_paths_are_refused_before_anything_is_written(
    tmp_path: Path, changed: list[str], message: str
) -> None:
    with pytest.raises(WorkshopError, match=message):
        run(flags(tmp_path, *changed, "--out", str(tmp_path / "out")))
    assert not list((tmp_path / "out").glob("*.safetensors"))


@pytest.mark.parametrize(
    "changed",
    [["--batch", "0"], ["--mean", "a"], ["--scale", "1,2"], ["--teacher", "raam"], ["--ends", "x"]],
)
def test_bad_flags_are_usage_errors(tmp_path: Path, changed: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(flags(tmp_path, *changed, "--out", str(tmp_path / "out")))
    assert caught.value.code == 2


def test_a_folder_that_vanishes_leaves_nobody_out(tmp_path: Path) -> None:
    """An unmounted disk is no reason to list every picture as missing."""
    from quantize.labels.job import Job, in_order
    from quantize.labels.work import work
    from quantize.pictures import read_folder

    flags(tmp_path)
    images = tmp_path / "pictures"
    job = Job(Request(name="onnx"), images, in_order(read_folder(images).samples), tmp_path, 2, 4)
    teacher = open_teacher_of(tmp_path)
    (images / "001.png").unlink()
    work(job, [0], teacher, lambda _: None)
    assert "file is missing" in (tmp_path / "soft-00000.safetensors").read_bytes().decode("latin1")
    images.rename(tmp_path / "elsewhere")
    with pytest.raises(WorkshopError, match="the folder is gone"):
        work(job, [1], teacher, lambda _: None)


def test_stored_logits_are_the_teacher_s(tmp_path: Path) -> None:
    """To the last bit: an outside check wants them equal to 1e-4, and half precision is not."""
    run(flags(tmp_path, "--out", str(tmp_path / "out")))
    labels, teacher = load(tmp_path / "out"), open_teacher_of(tmp_path)
    picture = pixels.decode((tmp_path / "pictures/000.png").read_bytes(), "")
    key = next(key for key in labels.soft if key.endswith("000.png"))
    assert np.array_equal(labels.soft[key], teacher.look([picture])[0][0])
