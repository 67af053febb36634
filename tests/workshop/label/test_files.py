"""Soft targets on disk: whole or not there, read back as written, refused when damaged."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import msgspec
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from safetensors import safe_open  # noqa: E402
from safetensors.numpy import save_file  # noqa: E402

from quantize.disk import disk_error, replacing, write  # noqa: E402
from quantize.errors import WorkshopError  # noqa: E402
from quantize.labels import LabelManifest, LeftOut, load, shrink  # noqa: E402
from quantize.labels.job import Job, in_order, missing  # noqa: E402
from quantize.labels.manifest import read_manifest, write_manifest  # noqa: E402
from quantize.labels.processes import refused  # noqa: E402
from quantize.labels.shards import (  # noqa: E402
    Shard,
    file_of,
    is_whole,
    read_embedding,
    read_left_out,
    read_stored,
    write_shard,
)
from quantize.labels.summary import counted, fires, summary  # noqa: E402
from quantize.pictures import Sample  # noqa: E402
from quantize.teachers import Request  # noqa: E402
from tests.workshop.label import ROOT, files, half  # noqa: E402

TAGS = ("cap", "fez", "hat", "wig")


def rows(keys: list[str], size: int, seed: int = 0) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(seed)
    return {key: draw.normal(0, 5, size).astype(np.float32) for key in keys}


def manifest(**changes: object) -> LabelManifest:
    usual = LabelManifest(
        teacher="ram", kind="sigmoid", tags=TAGS, thresholds=(0.5, 1.0, 0.6, 0.7), embedding=3,
        logits="float32", pictures=3, shards=2, left_out=(LeftOut("d", "d.png: file is empty"),),
    )  # fmt: skip
    return msgspec.structs.replace(usual, **changes)


def write_set(folder: Path) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Two shards of pictures a, b and c; d is left out."""
    folder.mkdir(exist_ok=True)
    soft, embedding = rows(list("abc"), 4), rows(list("abc"), 3, 1)
    for number, keys in enumerate(["ab", "c"]):
        kept = [{key: table[key] for key in keys} for table in (soft, embedding)]
        write_shard(Shard(*kept, [LeftOut("d", "d.png: file is empty")] * number), folder, number)
    write_manifest(manifest(), folder)
    return soft, embedding


def test_labels_come_back_as_written_embeddings_to_half_precision(tmp_path: Path) -> None:
    soft, embedding = write_set(tmp_path)
    labels = load(tmp_path)
    assert (labels.kind, labels.tags, labels.teacher) == ("sigmoid", TAGS, "ram")
    assert list(labels.soft) == ["a", "b", "c"]
    assert labels.embedding is not None
    for key in "abc":
        assert labels.soft[key].dtype == np.float32
        assert np.array_equal(labels.soft[key], soft[key])
        assert np.array_equal(labels.embedding[key], half(embedding[key]))


@settings(max_examples=30, deadline=None)
@given(
    keys=st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=4, unique=True).filter(
        lambda keys: "__metadata__" not in keys
    ),
    values=st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1),
)
def test_any_key_and_any_finite_number_survive(
    tmp_path_factory: pytest.TempPathFactory, keys: list[str], values: list[float]
) -> None:
    folder = tmp_path_factory.mktemp("soft")
    row = np.array(values, np.float32)
    write_shard(Shard(dict.fromkeys(keys, row), {}, []), folder, 0)
    tags = tuple(map(str, range(len(row))))
    write_manifest(
        manifest(
            tags=tags, thresholds=None, embedding=0, pictures=len(keys), shards=1, left_out=()
        ),
        folder,
    )
    labels = load(folder)
    assert labels.embedding is None
    assert set(labels.soft) == set(keys)
    for found in labels.soft.values():
        assert np.array_equal(found, row)


def test_an_embedding_beyond_half_precision_is_cut_and_never_infinite(tmp_path: Path) -> None:
    row = np.array([1e6, -1e6, 1], np.float32)
    write_shard(Shard({"a": row}, {"a": row}, []), tmp_path, 0)
    assert read_embedding(tmp_path, 0)["a"].tolist() == [65504, -65504, 1]


def test_a_folder_of_half_precision_is_read_and_said_to_be_one(tmp_path: Path) -> None:
    """As written before logits were stored in single precision."""
    soft, _ = write_set(tmp_path)
    assert read_stored(tmp_path, 0) == "float32"
    for number, keys in enumerate(["ab", "c"]):
        file = file_of(tmp_path, number)
        with safe_open(file, "np") as stored:
            about = stored.metadata()
        save_file({key: soft[key].astype(np.float16) for key in keys}, file, about)
    told = json.loads((tmp_path / "manifest.json").read_text())
    assert told.pop("logits") == "float32"
    (tmp_path / "manifest.json").write_text(json.dumps(told))
    assert is_whole(tmp_path, 0, ["a", "b"])
    assert read_stored(tmp_path, 0) == "float16"
    assert read_manifest(tmp_path).logits == "float16"
    for key, row in load(tmp_path).soft.items():
        assert row.dtype == np.float32
        assert np.array_equal(row, half(soft[key]))


def test_shards_are_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    soft, left_out = rows(list("abcdefgh"), 4), [LeftOut("i", "why"), LeftOut("j", "why not")]
    for number, table in enumerate([soft, dict(reversed(soft.items()))]):
        write_shard(Shard(table, {}, left_out), tmp_path, number)
    first, second = (file_of(tmp_path, n).read_bytes() for n in (0, 1))
    assert first == second
    assert read_left_out(tmp_path, 0) == left_out


def test_a_shard_is_whole_only_with_all_its_parts(tmp_path: Path) -> None:
    write_set(tmp_path)
    assert is_whole(tmp_path, 0, ["b", "a"])
    assert is_whole(tmp_path, 1, ["c", "d"])  # d is left out, and said so
    assert not is_whole(tmp_path, 0, ["a", "b", "c"])
    assert not is_whole(tmp_path, 2, ["e"])
    soft, embedding = file_of(tmp_path, 0), file_of(tmp_path, 0, "embedding")
    content = soft.read_bytes()
    for cut in (0, 5, 40, len(content) - 1):
        soft.write_bytes(content[:cut])
        assert not is_whole(tmp_path, 0, ["a", "b"])
    soft.write_bytes(content)
    assert is_whole(tmp_path, 0, ["a", "b"])
    embedding.unlink()
    assert not is_whole(tmp_path, 0, ["a", "b"])


def test_a_shard_of_nothing_but_corrupt_pictures(tmp_path: Path) -> None:
    write_shard(Shard({}, {}, [LeftOut("a", "bad")]), tmp_path, 0)
    assert is_whole(tmp_path, 0, ["a"])
    write_manifest(manifest(pictures=0, shards=1), tmp_path)
    assert load(tmp_path).soft == {}


def damage_soft(folder: Path) -> None:
    file_of(folder, 1).write_bytes(b"\0" * 40)


def lose_embedding(folder: Path) -> None:
    file_of(folder, 0, "embedding").unlink()


def lose_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def break_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"schema": 2}')


def uneven_thresholds(folder: Path) -> None:
    write_manifest(manifest(thresholds=(0.5,)), folder)


def other_tags(folder: Path) -> None:
    write_manifest(manifest(tags=TAGS[:2], thresholds=None), folder)


def other_count(folder: Path) -> None:
    write_manifest(manifest(pictures=4), folder)


def nan(folder: Path) -> None:
    write_shard(Shard({"c": np.full(4, np.nan, np.float32)}, {}, []), folder, 1)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (damage_soft, "soft-00001.safetensors: damaged"),
        (lose_embedding, "embedding-00000.safetensors: no such file"),
        (lose_manifest, "no manifest.json in it"),
        (break_manifest, "schema"),
        (uneven_thresholds, "1 thresholds, expected 4"),
        (other_tags, r"a has \(4,\), expected \(2,\)"),
        (other_count, "shards hold 3 pictures, expected 4"),
        (nan, "numbers that are none"),
    ],
)
def test_what_is_not_whole_is_refused_with_a_way_out(tmp_path: Path, spoil, message) -> None:
    write_set(tmp_path)
    spoil(tmp_path)
    with pytest.raises(WorkshopError, match=message) as caught:
        load(tmp_path)
    assert "edge-quantize label" in caught.value.fix


def test_a_vocabulary_shrinks_and_turns(tmp_path: Path) -> None:
    """R9, R16: kept tags keep their logits and thresholds, in the order asked for."""
    soft, _ = write_set(tmp_path)
    wanted = ["wig", "cap"]
    for labels in (shrink(load(tmp_path), wanted), load(tmp_path, tags=wanted)):
        assert labels.tags == ("wig", "cap")
        assert labels.thresholds == (0.7, 0.5)
        assert np.array_equal(labels.soft["b"], soft["b"][[3, 0]])
        assert labels.embedding is not None
    assert list(load(tmp_path, keys={"a", "c", "z"}).soft) == ["a", "c"]
    with pytest.raises(WorkshopError, match=r"no tag 'haz'.* like 'hat'"):
        shrink(load(tmp_path), ["cap", "haz"])
    for bad in ([], ["cap", "cap"]):
        with pytest.raises(WorkshopError, match="expected each once"):
            load(tmp_path, tags=bad)


def test_a_tag_fires_strictly_above_its_threshold(tmp_path: Path) -> None:
    """R7: at its threshold a tag does not fire; one with threshold 1 never does, and is named."""
    logits = np.array([[0.0, 20.0, 0.1, -9.0], [0.001, 99.0, 2.0, 0.8472]], np.float32)
    told = manifest()
    assert fires(logits, told).tolist() == [[False] * 4, [True, False, True, False]]
    flat = manifest(thresholds=None)
    assert fires(logits, flat)[0].tolist() == [False, True, True, False]
    best = manifest(kind="softmax", thresholds=None)
    assert fires(logits, best).sum(1).tolist() == [1, 1]
    write_set(tmp_path)
    counts = counted(tmp_path, told)
    text = summary(tmp_path, told, np.array([5, 0, 7, 0]))
    assert counts.shape == (4,)
    assert "3 pictures labelled by ram (4 tags, sigmoid), 1 left out" in text
    assert "left out: d.png: file is empty" in text
    assert "fires most: hat 7 | cap 5\n" in text
    assert "disabled, threshold 1: fez\n" in text
    twice = manifest(chinese=("帽", "毡帽", "帽", "头巾"))
    text = summary(tmp_path, twice, np.array([5, 0, 7, 0]))
    assert "fires most: hat 帽 7 | cap 帽 5\n" in text


def sample(*parts: str, split: str = "train") -> Sample:
    return Sample(Path(*parts), "", "", split)


def test_pictures_are_in_the_order_of_their_keys_each_once() -> None:
    mixed = [sample("p", "b"), sample("p", "a"), sample("p", "b", split="val")]
    assert [s.file.as_posix() for s in in_order(mixed)] == ["p/a", "p/b"]
    deep = ["x", "1", "2", "3", "4", "a.png"]
    with pytest.raises(WorkshopError, match=r"filed under '1/2/3/4/a.png'"):
        in_order([sample(*deep), sample("y", *deep[1:])])


@given(pictures=st.integers(1, 40), shard=st.integers(1, 9), world=st.integers(1, 5))
@settings(max_examples=50, deadline=None)
def test_every_shard_is_made_by_exactly_one_rank(
    pictures: int, shard: int, world: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    samples = tuple(sample("p", f"{i:02d}") for i in range(pictures))
    out = tmp_path_factory.getbasetemp() / "none"
    job = Job(Request(name="onnx"), Path("p"), samples, out, 2, shard)
    shares = [missing(job, rank, world) for rank in range(world)]
    assert sorted(n for share in shares for n in share) == list(range(job.shards))
    assert tuple(s for n in range(job.shards) for s in job.of(n)) == samples


SMALL = """
import resource, signal, sys
from pathlib import Path
from quantize.disk import write
from quantize.errors import DiskError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
write(Path("small"), b"1" * 900)
try:
    write(Path("big"), b"2" * 5000)
except DiskError as e:
    sys.stdout.write(f"{e}\\n{e.fix}")
"""


def test_a_disk_that_takes_no_more_leaves_what_was_whole(tmp_path: Path) -> None:
    """The kernel itself cuts the write short, as it does on a full disk."""
    done = subprocess.run(
        [sys.executable, "-c", SMALL], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "big: File too large" in done.stdout
    assert "free some space and run the same command again" in done.stdout
    assert files(tmp_path) == {"small": b"1" * 900}


@pytest.mark.parametrize(
    ("number", "fix"),
    [(errno.ENOSPC, "free some space"), (errno.EACCES, "let it be written"),
     (errno.ENOENT, "mend that")],
)  # fmt: skip
def test_what_helps_depends_on_what_the_disk_says(number: int, fix: str) -> None:
    found = disk_error(OSError(number, os.strerror(number), "a/b"))
    assert str(found) == f"a/b: {os.strerror(number)}"
    assert found.fix.startswith(fix)


def test_an_error_of_another_process_keeps_its_exit_code() -> None:
    assert [refused("x", "y", code).exit_code for code in (74, 2)] == [74, 2]


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    file = tmp_path / "a"
    write(file, b"old")
    (tmp_path / ".a.tmp").write_bytes(b"of a run that was kil")
    write(file, b"new")
    assert files(tmp_path) == {"a": b"new"}


def test_a_writer_that_is_stopped_halfway_leaves_the_old_file_alone(tmp_path: Path) -> None:
    write(tmp_path / "a", b"old")
    with suppress(KeyboardInterrupt), replacing(tmp_path / "a") as stream:
        stream.write(b"n")
        raise KeyboardInterrupt
    assert files(tmp_path) == {"a": b"old"}
