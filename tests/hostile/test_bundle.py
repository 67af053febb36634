"""Damaged and malicious bundles: opened, or refused with a BundleError, and nothing else."""

from __future__ import annotations

import json
import os
import random
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.bundle import SCHEMA, files, manifest_read, open_bundle
from edge.bundle.read import MAX_TAGS
from edge.bundle.write import stored, zip_bundle
from edge.errors import BundleError
from tests.tiny import edited

Edit = Callable[[dict[str, Any]], object]


@pytest.fixture
def folder(tiny_bundle: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(tiny_bundle, tmp_path / "tiny"))


@pytest.fixture
def zipped(tiny_bundle: Path, tmp_path: Path) -> Path:
    zip_bundle(tiny_bundle, tmp_path / "tiny.edge")
    return tmp_path / "tiny.edge"


def read_all(path: Path) -> None:
    with open_bundle(path) as bundle:
        for file in bundle.manifest.files():
            bundle.read(file)


def change(folder: Path, edit: Edit) -> Path:
    """Edit the manifest."""
    file = folder / "bundle.json"
    manifest = json.loads(file.read_bytes())
    edit(manifest)
    file.write_text(json.dumps(manifest), "utf-8")
    return folder


def set_tags(folder: Path, data: bytes) -> Path:
    """Another tag list for the first head, rightly hashed."""
    (folder / "colours.txt").write_bytes(data)
    file = stored("colours.txt", data)
    fields = {"file": file.file, "size_bytes": file.size_bytes, "sha256": file.sha256}
    return change(folder, lambda m: m["heads"][0].update(tags=fields))


NAMES = ["bundle.json", "colours.txt", "hues.txt", "null/tiny.json", "golden/red.png"]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_cut_short_is_refused(folder: Path, name: str) -> None:
    data = (folder / name).read_bytes()
    for size in (0, 1, len(data) // 2, len(data) - 2):
        (folder / name).write_bytes(data[:size])
        with pytest.raises(BundleError, match=name):
            read_all(folder)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_has_grown_is_refused(folder: Path, name: str) -> None:
    with (folder / name).open("ab") as file:
        file.write(b"\0")
    with pytest.raises(BundleError, match=name):
        read_all(folder)


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_refused(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(BundleError, match=name):
        read_all(folder)


@pytest.mark.parametrize("name", NAMES[1:])
def test_one_flipped_bit_is_noticed_wherever_it_is(folder: Path, name: str) -> None:
    data = (folder / name).read_bytes()
    for at in range(len(data)):
        flipped = bytearray(data)
        flipped[at] ^= 1 << (at % 8)
        (folder / name).write_bytes(flipped)
        with pytest.raises(BundleError, match="SHA-256"):
            read_all(folder)


def test_a_flipped_bit_in_the_manifest_is_survived(folder: Path) -> None:
    """It may say something else afterwards, and be right: only a signature would tell."""
    data = (folder / "bundle.json").read_bytes()
    for at in range(0, len(data), 5):
        flipped = bytearray(data)
        flipped[at] ^= 1 << (at % 8)
        (folder / "bundle.json").write_bytes(flipped)
        opened_or_refused(folder)


def opened_or_refused(path: Path) -> bool:
    try:
        read_all(path)
    except BundleError:
        return False
    return True


@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "/etc/passwd",
        "a/../../secret",
        "C:/secret",
        "C:secret",
        "a\\b",
        "..\\secret",
        "a\0b",
        "a\nb",
        "\x1b[2J",
        "",
        ".",
        "a//b",
        "a/",
        "/",
        "./a",
        "\u202ea",
        "\ud800",
        "a" * 201,
        "~/a b",
        "CON:",
        "bundle.json",
    ],
)
def test_a_name_that_could_leave_the_bundle_is_refused(folder: Path, name: str) -> None:
    (folder.parent / "secret").write_bytes(b"secret")
    change(folder, lambda m: m["artifacts"][0]["files"][0].update(file=name))
    with pytest.raises(BundleError) as caught:
        open_bundle(folder)
    assert "\x1b" not in str(caught.value)
    assert "\0" not in str(caught.value)


def test_a_link_that_leaves_the_bundle_is_refused(folder: Path) -> None:
    inside = folder / "null" / "tiny.json"
    outside = inside.rename(folder.parent / "tiny.json")  # the right bytes, in the wrong place
    inside.symlink_to(outside)
    with pytest.raises(BundleError, match="link leads to"):
        read_all(folder)


def test_a_linked_folder_that_leaves_the_bundle_is_refused(folder: Path) -> None:
    (folder / "null").rename(folder.parent / "elsewhere")
    (folder / "null").symlink_to(folder.parent / "elsewhere")
    with pytest.raises(BundleError, match="link leads to"):
        read_all(folder)


def test_a_linked_manifest_that_leaves_the_bundle_is_refused(folder: Path) -> None:
    (folder / "bundle.json").rename(folder.parent / "m.json")
    (folder / "bundle.json").symlink_to(folder.parent / "m.json")
    with pytest.raises(BundleError, match="link leads to"):
        open_bundle(folder)


def test_links_within_the_bundle_and_to_it_are_fine(folder: Path, tmp_path: Path) -> None:
    (folder / "null" / "tiny.json").rename(folder / "moved.json")
    (folder / "null" / "tiny.json").symlink_to("../moved.json")
    (tmp_path / "current").symlink_to(folder)
    read_all(tmp_path / "current")


def test_links_in_a_circle_are_refused(folder: Path) -> None:
    (folder / "hues.txt").unlink()
    (folder / "hues.txt").symlink_to("hues.txt")
    with pytest.raises(BundleError, match=r"hues\.txt"):
        open_bundle(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_and_not_waited_for(folder: Path) -> None:
    (folder / "hues.txt").unlink()
    os.mkfifo(folder / "hues.txt")
    with pytest.raises(BundleError, match="no regular file"):
        open_bundle(folder)


def test_a_directory_in_place_of_a_file_is_refused(folder: Path) -> None:
    (folder / "hues.txt").unlink()
    (folder / "hues.txt").mkdir()
    with pytest.raises(BundleError, match="no regular file"):
        open_bundle(folder)


def test_an_endless_manifest_is_not_read_to_its_end(folder: Path) -> None:
    with (folder / "bundle.json").open("r+b") as file:
        file.truncate(1 << 40)  # a hole: takes no disk
    with pytest.raises(BundleError, match="longer than"):
        open_bundle(folder)


def test_an_endless_file_is_refused_by_its_size(folder: Path) -> None:
    with (folder / "hues.txt").open("r+b") as file:
        file.truncate(1 << 40)
    with pytest.raises(BundleError, match="1099511627776 bytes"):
        open_bundle(folder)


BRACKETS = b"[" * 200_000


@pytest.mark.parametrize(
    "data",
    [
        BRACKETS,
        b'{"recipe":' * 100_000,
        b'{"schema":1,"recipe":{"a":' + BRACKETS,
        b"",
        b"null",
        b"1",
        b"[]",
        b"{}",
        b"\xff\xfe{\0}\0",
        b"\xef\xbb\xbf{}",
        b'{"schema":1}',
        b'{"schema":' + b"9" * 20_000 + b"}",
        b'{"schema":1e999}',
        b'{"schema":NaN}',
        b'{"schema":true}',
        b'{"schema":"1"}',
        b'{"schema":1.0}',
        b'{"schema":-1}',
        b'{"schema":0}',
        b'{"schema":1,"name":"\xff"}',
        b"\0" * 1000,
    ],
    ids=lambda data: repr(data[:24]),
)
def test_a_manifest_that_is_none_is_refused(folder: Path, data: bytes) -> None:
    (folder / "bundle.json").write_bytes(data)
    with pytest.raises(BundleError, match=r"bundle\.json"):
        open_bundle(folder)


def test_a_newer_schema_is_refused_before_its_unknown_keys(folder: Path) -> None:
    edited(folder, schema=SCHEMA + 1, aura="blue")
    with pytest.raises(BundleError, match="newer edge-tag") as caught:
        open_bundle(folder)
    assert "update" in caught.value.fix


def test_an_unknown_key_is_refused_with_the_nearest_known_one(folder: Path) -> None:
    change(folder, lambda m: m["heads"][0].update(treshold=[0.5]))
    with pytest.raises(BundleError, match=r"bundle\.json: heads\[.*treshold") as caught:
        open_bundle(folder)
    assert caught.value.fix == "did you mean 'thresholds'?"


@pytest.mark.parametrize("times", [1, 2])
def test_a_key_given_twice_is_refused(folder: Path, times: int) -> None:
    """Two readers might believe two different ones."""
    text = (folder / "bundle.json").read_text("utf-8")
    at = text.replace('"sha256"', "#" * 8, times - 1).index('"sha256"')
    text = text[:at] + '"sha256": "' + "0" * 64 + '", ' + text[at:]
    (folder / "bundle.json").write_text(text, "utf-8")
    with pytest.raises(BundleError, match="'sha256' is given twice"):
        open_bundle(folder)


def first(m: dict[str, Any], key: str) -> dict[str, Any]:
    item: dict[str, Any] = m[key][0]
    return item


EDITS: dict[str, Edit] = {
    "counter below 0": lambda m: m.update(counter=-1),
    "counter beyond JSON": lambda m: m.update(counter=2**53 + 1),
    "counter of 4,000 digits": lambda m: m.update(counter=10**4000),
    "counter as text": lambda m: m.update(counter="3"),
    "name with a slash": lambda m: m.update(name="a/b"),
    "name with a line end": lambda m: m.update(name="a\n"),
    "empty name": lambda m: m.update(name=""),
    "input of 0 px": lambda m: m["input"].update(height=0),
    "input of a million px": lambda m: m["input"].update(width=10**6),
    "other layout": lambda m: m["input"].update(layout="NCHW"),
    "embedding of nothing": lambda m: m.update(embedding_size=0),
    "endless embedding": lambda m: m.update(embedding_size=10**9),
    "no heads": lambda m: m.update(heads=[]),
    "heads given twice": lambda m: m["heads"].append(m["heads"][0]),
    "65 heads": lambda m: m.update(heads=[m["heads"][0] | {"name": f"h{i}"} for i in range(65)]),
    "head called embedding": lambda m: first(m, "heads").update(name="embedding"),
    "head of an unknown kind": lambda m: first(m, "heads").update(kind="oracle"),
    "temperature 0": lambda m: first(m, "heads").update(temperature=0),
    "temperature below 0": lambda m: first(m, "heads").update(temperature=-1),
    "threshold above 1": lambda m: first(m, "heads").update(thresholds=[1.01]),
    "threshold below 0": lambda m: first(m, "heads").update(thresholds=[-0.1]),
    "no threshold": lambda m: first(m, "heads").update(thresholds=[]),
    "two thresholds for three tags": lambda m: first(m, "heads").update(thresholds=[0.5, 0.5]),
    "none in a multilabel head": lambda m: m["heads"][1].update(has_none=True),
    "accuracy above 1": lambda m: first(m, "heads").update(
        accuracy={"float": {"count": 9, "top1": 2}}
    ),
    "accuracy of -1 pictures": lambda m: first(m, "heads").update(
        accuracy={"x": {"count": -1, "top1": 1}}
    ),
    "no artifact": lambda m: m.update(artifacts=[]),
    "artifact given twice": lambda m: m["artifacts"].append(m["artifacts"][0]),
    "artifact without files": lambda m: first(m, "artifacts").update(files=[]),
    "artifact without embedding": lambda m: first(m, "artifacts")["outputs"].pop("embedding"),
    "artifact without a head": lambda m: first(m, "artifacts")["outputs"].pop("hues"),
    "unknown precision": lambda m: first(m, "artifacts").update(precision="int1"),
    "size below 0": lambda m: first(m, "artifacts")["files"][0].update(size_bytes=-1),
    "size of a gigabyte": lambda m: first(m, "artifacts")["files"][0].update(size_bytes=1 << 30),
    "hash in capitals": lambda m: first(m, "artifacts")["files"][0].update(sha256="A" * 64),
    "hash too short": lambda m: first(m, "artifacts")["files"][0].update(sha256="a" * 63),
    "one file with two hashes": lambda m: first(m, "golden")["picture"].update(file="hues.txt"),
    "201 files": lambda m: first(m, "golden") and m.update(golden=golden_pictures(m, 201)),
    "300 MiB in all": lambda m: m.update(golden=golden_pictures(m, 5, 60 << 20)),
    "missing key": lambda m: m.pop("recipe"),
    "recipe with a list": lambda m: m.update(recipe={"a": []}),
}


def golden_pictures(manifest: dict[str, Any], count: int, size: int = 9) -> list[dict[str, Any]]:
    picture = {"size_bytes": size, "sha256": "0" * 64}
    return [{"picture": picture | {"file": f"{i}.png"}, "scores": {}} for i in range(count)]


@pytest.mark.parametrize("edit", EDITS.values(), ids=list(EDITS))
def test_a_manifest_that_makes_no_sense_is_refused(folder: Path, edit: Edit) -> None:
    with pytest.raises(BundleError, match=r"bundle\.json: ") as caught:
        open_bundle(change(folder, edit))
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity", "1e999", "1" * 400 + ".0"])
def test_numbers_that_are_none_are_refused(folder: Path, token: str) -> None:
    file = folder / "bundle.json"
    text = file.read_text("utf-8").replace('"temperature": 1.0', f'"temperature": {token}', 1)
    assert token in text
    file.write_text(text, "utf-8")
    with pytest.raises(BundleError, match=r"bundle\.json"):
        open_bundle(folder)


def test_engines_of_the_future_do_not_keep_a_bundle_from_opening(folder: Path) -> None:
    change(folder, lambda m: m["artifacts"].append(first(m, "artifacts") | {"engine": "photonic"}))
    with open_bundle(folder) as bundle:
        assert bundle.artifact("null")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"red\ngreen\nred\n", "line 3 is 'red' like line 1"),
        (b"red\n\nblue\n", "line 2"),
        (b"", "line 1"),
        (b"red\r\ngreen\r\nblue\r\n", "line 1"),
        (b"\xef\xbb\xbfred\ngreen\nblue\n", "line 1"),
        (b"red\tcold\tblue\n", "line 1"),
        (b"red\t\n", "line 1"),
        (b"red \n", "line 1"),
        (b"a\0b\n", "line 1"),
        (b"\x1b[2Jred\n", "line 1"),
        (b"\xff\xfe\n", "UTF-8"),
        (b"\n" * (MAX_TAGS + 1), "lines"),
    ],
)
def test_a_tag_list_that_is_none_is_refused(folder: Path, data: bytes, why: str) -> None:
    with pytest.raises(BundleError, match=rf"colours\.txt.*{why}"):
        open_bundle(set_tags(folder, data))


def test_tags_of_any_language_are_fine(folder: Path) -> None:
    words = [
        "\u062f\u0633\u062a\u200c\u0628\u0646\u062f",
        "cr\u00e8me br\u00fbl\u00e9e",
        "\U0001f41f",
    ]
    with open_bundle(set_tags(folder, "\n".join(words).encode())) as bundle:
        assert [tag for tag, _ in bundle.tags_of(bundle.manifest.heads[0])] == words


def rezip(source: Path, target: Path, extra: Callable[[zipfile.ZipFile], object]) -> Path:
    """The same bundle with something more in it."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            new.writestr(info, old.read(info))
        extra(new)
    return target


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a\\b", "C:/x", "a/../../b"])
def test_a_zip_entry_that_would_escape_is_refused(zipped: Path, tmp_path: Path, name: str) -> None:
    bad = rezip(zipped, tmp_path / "bad.edge", lambda z: z.writestr(name, b"x"))
    with pytest.raises(BundleError, match="file name is"):
        open_bundle(bad)


def test_a_zip_with_one_name_twice_is_refused(zipped: Path, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        bad = rezip(zipped, tmp_path / "bad.edge", lambda z: z.writestr("hues.txt", b"x"))
    with pytest.raises(BundleError, match=r"hues\.txt is in the zip twice"):
        open_bundle(bad)


def test_an_encrypted_entry_is_refused(zipped: Path) -> None:
    data = bytearray(zipped.read_bytes())
    at = data.index(b"PK\1\2")
    data[at + 8] |= 1
    zipped.write_bytes(data)
    with pytest.raises(BundleError, match="encrypted"):
        open_bundle(zipped)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_oddly_packed_entry_is_refused(zipped: Path, tmp_path: Path, method: int) -> None:
    bad = rezip(zipped, tmp_path / "bad.edge", lambda z: z.writestr("x", b"x" * 99, method))
    with pytest.raises(BundleError, match="zip method"):
        open_bundle(bad)


def test_a_zip_bomb_is_not_unpacked(zipped: Path, tmp_path: Path) -> None:
    """100 MB of zeros as the manifest; and the same with a header that lies about it."""
    bomb = tmp_path / "bomb.edge"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("bundle.json", b"\0" * 100_000_000)
    with pytest.raises(BundleError, match="longer than 1048576 bytes"):
        open_bundle(bomb)
    data = bytearray(bomb.read_bytes())
    at = data.index(b"PK\1\2")
    data[at + 24 : at + 28] = struct.pack("<L", 100)
    bomb.write_bytes(data)
    with pytest.raises(BundleError):
        open_bundle(bomb)


def test_a_packed_zip_opens_as_well(tiny_bundle: Path, tmp_path: Path) -> None:
    """As somebody's zip program makes it, with entries for directories."""
    made = shutil.make_archive(str(tmp_path / "made"), "zip", tiny_bundle)
    read_all(Path(made))


def test_a_zip_with_too_many_files_is_refused(zipped: Path, tmp_path: Path) -> None:
    def fill(out: zipfile.ZipFile) -> None:
        for i in range(files.MAX_FILES):
            out.writestr(f"x{i}", b"")

    with pytest.raises(BundleError, match="files, expected at most 202"):
        open_bundle(rezip(zipped, tmp_path / "bad.edge", fill))


def test_an_index_that_would_fill_the_memory_is_not_read(zipped: Path) -> None:
    data = bytearray(zipped.read_bytes())
    data[-10:-6] = struct.pack("<L", 200 << 20)
    zipped.write_bytes(data)
    with pytest.raises(BundleError, match="zip index is"):
        open_bundle(zipped)


def test_zip64_and_comments_are_refused(zipped: Path, tmp_path: Path) -> None:
    data = zipped.read_bytes()
    locator = b"PK\6\7" + b"\0" * 16
    zipped.write_bytes(data[:-22] + locator + data[-22:])
    with pytest.raises(BundleError, match="zip64"):
        open_bundle(zipped)
    zipped.write_bytes(data[:-2] + b"\3\0abc")
    with pytest.raises(BundleError, match="comment"):
        open_bundle(zipped)


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\5\6" + b"\0" * 18, b"x" * 5000, BRACKETS])
def test_a_file_that_is_no_zip_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.edge").write_bytes(data)
    with pytest.raises(BundleError, match=r"a\.edge"):
        open_bundle(tmp_path / "a.edge")


def test_a_zip_cut_short_anywhere_is_refused(zipped: Path) -> None:
    data = zipped.read_bytes()
    for size in range(0, len(data), 97):
        zipped.write_bytes(data[:size])
        with pytest.raises(BundleError):
            open_bundle(zipped)


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000, "\ud800"])
def test_a_path_that_cannot_be_is_refused(path: str) -> None:
    with pytest.raises(BundleError):
        open_bundle(path)


quick = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_subnormal=False)
    | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=8,
)


@quick
@given(
    data=st.binary(max_size=300)
    | st.text(alphabet='{}[]",:0123456789eE.-\\ualse tr', max_size=99).map(str.encode)
)
def test_any_bytes_as_manifest_are_opened_or_refused(folder: Path, data: bytes) -> None:
    """Nothing but a BundleError comes out, whatever goes in."""
    (folder / "bundle.json").write_bytes(data)
    opened_or_refused(folder)


@quick
@given(seed=st.integers(0, 2**32), value=anything)
def test_any_value_anywhere_in_the_manifest_is_opened_or_refused(
    tiny_bundle: Path, folder: Path, seed: int, value: object
) -> None:
    """One place of a right manifest is overwritten with something else."""
    manifest = json.loads((tiny_bundle / "bundle.json").read_bytes())
    rng = random.Random(seed)
    here: Any = manifest
    while True:
        key = rng.choice(list(here) if isinstance(here, dict) else range(len(here)))
        inner = here[key]
        if not isinstance(inner, (dict, list)) or not inner or rng.random() < 0.2:
            break
        here = inner
    here[key] = value
    (folder / "bundle.json").write_text(json.dumps(manifest), "utf-8")
    opened_or_refused(folder)


@settings(quick, max_examples=300)
@given(data=st.data())
def test_any_damaged_bytes_of_a_zip_are_opened_or_refused(
    zipped: Path, tmp_path: Path, data: st.DataObject
) -> None:
    """Up to three bytes changed, weighted to the index at the end, where they do most."""
    content = bytearray(zipped.read_bytes())
    index = content.index(b"PK\1\2")
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.sampled_from([0, index, len(content) - 22]))
        content[data.draw(st.integers(start, len(content) - 1))] = data.draw(st.integers(0, 255))
    damaged = tmp_path / "damaged.edge"
    damaged.write_bytes(content)
    opened_or_refused(damaged)


def test_limits_are_those_of_the_design() -> None:
    assert manifest_read.MAX_MANIFEST_BYTES == 1 << 20
    assert files.MAX_FILE_BYTES == 64 << 20
    assert files.MAX_BUNDLE_BYTES == 256 << 20
