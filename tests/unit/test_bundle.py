"""Bundles: what goes in comes out, the same bytes every time, whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from edge.bundle import open_bundle
from edge.bundle import read as bundles
from edge.bundle.write import stored, write_bundle, zip_bundle
from edge.errors import BundleError
from tests.tiny import tiny_parts, write_tiny


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


@pytest.fixture(params=["folder", "zip"])
def either(request: pytest.FixtureRequest, tiny_bundle: Path, tmp_path: Path) -> Path:
    if request.param == "folder":
        return tiny_bundle
    zip_bundle(tiny_bundle, tmp_path / "tiny.edge")
    return tmp_path / "tiny.edge"


def test_what_was_written_is_read(either: Path) -> None:
    files, manifest = tiny_parts()
    with open_bundle(either) as bundle:
        assert bundle.manifest == manifest
        assert bundle.id == "tiny@3"
        assert bundle.root == either
        for file in manifest.files():
            assert bundle.read(file) == files[file.file]


def test_tags_come_with_their_groups(either: Path) -> None:
    with open_bundle(str(either)) as bundle:
        colours, hues = bundle.manifest.heads
        assert bundle.tags_of(colours) == (("red", "warm"), ("green", None), ("blue", "cold"))
        assert bundle.tags_of(hues) == (("reddish", None), ("greenish", None), ("bluish", None))


def test_an_artifact_is_found_by_engine_and_precision(tiny_bundle: Path) -> None:
    with open_bundle(tiny_bundle) as bundle:
        assert bundle.artifact("null").engine == "null"
        with pytest.raises(
            BundleError, match=r"no artifact tflite/int8, expected one of null/int8"
        ):
            bundle.artifact("tflite")
        with pytest.raises(BundleError, match="null/float"):
            bundle.artifact("null", "float")


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    files, manifest = tiny_parts()
    write_bundle(tmp_path / "a", files, manifest)
    write_bundle(tmp_path / "b", dict(reversed(files.items())), manifest)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    zip_bundle(tmp_path / "a", tmp_path / "a.edge")
    os.utime(tmp_path / "b" / "bundle.json", (1, 1))
    zip_bundle(tmp_path / "b", tmp_path / "b.edge")
    assert (tmp_path / "a.edge").read_bytes() == (tmp_path / "b.edge").read_bytes()


def test_the_manifest_is_for_people_too(tiny_bundle: Path) -> None:
    text = (tiny_bundle / "bundle.json").read_text("utf-8")
    assert text.startswith('{\n  "schema": 1,\n  "name": "tiny",\n')
    assert text.endswith("}\n")


def test_nothing_is_overwritten_unless_told(tmp_path: Path) -> None:
    files, manifest = tiny_parts()
    target = write_tiny(tmp_path / "a")
    before = tree(target)
    newer = msgspec.structs.replace(manifest, counter=4)
    with pytest.raises(BundleError, match="is there already"):
        write_bundle(target, files, newer)
    assert tree(target) == before
    write_bundle(target, files, newer, replace=True)
    assert open_bundle(target).id == "tiny@4"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_an_empty_folder_is_not_overwritten_either(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    files, manifest = tiny_parts()
    with pytest.raises(BundleError, match="is there already"):
        write_bundle(tmp_path / "a", files, manifest)


def test_a_zip_is_not_overwritten_unless_told(tiny_bundle: Path, tmp_path: Path) -> None:
    target = tmp_path / "a.edge"
    target.write_bytes(b"mine")
    with pytest.raises(BundleError, match="is there already"):
        zip_bundle(tiny_bundle, target)
    assert target.read_bytes() == b"mine"
    zip_bundle(tiny_bundle, target, replace=True)
    with open_bundle(target) as bundle:
        assert bundle.id == "tiny@3"


def test_files_and_manifest_must_name_the_same(tmp_path: Path) -> None:
    files, manifest = tiny_parts()
    with pytest.raises(ValueError, match=r"extra\.txt"):
        write_bundle(tmp_path / "a", files | {"extra.txt": b""}, manifest)
    del files["hues.txt"]
    with pytest.raises(ValueError, match=r"hues\.txt"):
        write_bundle(tmp_path / "a", files, manifest)


def test_what_would_not_open_is_not_written(tmp_path: Path) -> None:
    files, manifest = tiny_parts()
    with pytest.raises(BundleError, match="counter"):
        write_bundle(tmp_path / "a", files, msgspec.structs.replace(manifest, counter=-1))
    with pytest.raises(BundleError, match="SHA-256"):
        write_bundle(tmp_path / "a", files | {"hues.txt": files["hues.txt"].upper()}, manifest)
    assert not (tmp_path / "a").exists()


class Killed(BaseException):
    """What a power cut looks like from inside: nothing runs after it."""


def cuts(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Sets up a power cut before the first, second...

    thing that changes the disk, until none is left.
    """
    real = {"fsync": os.fsync, "rename": os.rename}
    for cut in range(1, 1000):
        count = 0

        def counted(name: str, cut: int) -> object:
            def call(*args: object) -> object:
                nonlocal count
                count += 1
                if count == cut:
                    raise Killed
                return real[name](*args)

            return call

        for name in real:
            monkeypatch.setattr(os, name, counted(name, cut))
        yield cut
        for name, function in real.items():
            monkeypatch.setattr(os, name, function)
        if count < cut:
            return


def test_a_power_cut_leaves_no_half_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files, manifest = tiny_parts()
    target, hit = tmp_path / "a", 0
    for cut in cuts(monkeypatch):
        shutil.rmtree(target, ignore_errors=True)
        try:
            write_bundle(target, files, manifest)
        except Killed:
            hit = cut
        if target.exists():
            assert tree(target).keys() == files.keys() | {"bundle.json"}
    assert hit > len(files)
    assert open_bundle(target).id == "tiny@3"  # and what a cut left behind is in nobody's way


def test_a_power_cut_while_replacing_leaves_old_or_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, manifest = tiny_parts()
    newer = msgspec.structs.replace(manifest, counter=4)
    pristine = write_tiny(tmp_path / "pristine")
    target, seen = tmp_path / "a", set()
    for _ in cuts(monkeypatch):
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(pristine, target)
        with suppress(Killed):
            write_bundle(target, files, newer, replace=True)
        whole = target if target.exists() else tmp_path / "a.old"  # cut between the two renames
        with open_bundle(whole) as bundle:
            seen.add(bundle.id)
            for file in bundle.manifest.files():
                bundle.read(file)
    assert seen == {"tiny@3", "tiny@4"}


def test_stored_says_size_and_hash() -> None:
    file = stored("a/b.txt", b"abc")
    assert (file.file, file.size_bytes) == ("a/b.txt", 3)
    assert file.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_none_is_the_default_bundle_and_its_absence_is_clear(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundles, "DEFAULT", tmp_path / "default")
    with pytest.raises(BundleError, match="without its default bundle") as caught:
        open_bundle()
    assert "--bundle" in caught.value.fix
    shutil.copytree(tiny_bundle, tmp_path / "default")
    assert open_bundle().id == "tiny@3"


def test_a_bundle_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is missing"):
        open_bundle(tmp_path / "nowhere")


def test_a_shared_file_is_stored_once(tmp_path: Path) -> None:
    """One ONNX file can serve two engines."""
    files, manifest = tiny_parts()
    again = msgspec.structs.replace(manifest.artifacts[0], engine="other")
    write_bundle(
        tmp_path / "a",
        files,
        msgspec.structs.replace(manifest, artifacts=(*manifest.artifacts, again)),
    )
    with open_bundle(tmp_path / "a") as bundle:
        assert len(bundle.manifest.files()) == len(files)
        assert bundle.artifact("other").files == bundle.artifact("null").files
