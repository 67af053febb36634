"""A plane that is missing, cut short, edited, newer or nonsense is refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.errors import ConfigError
from edge.length.plane_file import Lens, PlaneFile, digest, read_plane, write_plane

LENS = Lens(
    1640, 1232, (1900.0, 1900.0), (820.0, 616.0), (-0.1, 0.05, 0.0, 0.0, 0.0),
    ((0.4, 0.0, 0.0), (0.0, 0.4, 0.0), (0.0, 0.0, 1.0)),
)  # fmt: skip
GOOD = PlaneFile(1, "camera-plane", "2026-01-01T00:00:00+00:00", 9, 20.0, 0.1, 0.1, 0.002, LENS)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "plane.json"
    write_plane(path, GOOD)
    return path


def edited(file: Path, rehash: bool, **changes: object) -> Path:
    """With other values; hashed anew, as an attacker would, or not."""
    table = json.loads(file.read_bytes())
    for key, value in changes.items():
        (table["plane"] if key in table["plane"] else table)[key] = value
    if rehash:
        table["sha256"] = digest(msgspec.convert(table | {"sha256": ""}, PlaneFile))
    file.write_text(json.dumps(table), "utf-8")
    return file


def test_s5_what_was_written_is_read(file: Path) -> None:
    plane = read_plane(file)
    assert (plane.width, plane.height, plane.sd_share) == (1640, 1232, 0.002)
    assert plane.to_plane == LENS.to_plane


def test_what_stood_there_stays_when_the_disk_is_full(file: Path, monkeypatch) -> None:
    before = file.read_bytes()
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(Exception, match="full"):
        write_plane(file, msgspec.structs.replace(GOOD, boards=10))
    assert file.read_bytes() == before


def test_a_plane_edited_by_hand_is_refused(file: Path) -> None:
    with pytest.raises(ConfigError, match="the file was changed"):
        read_plane(edited(file, False, boards=10))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"width": 0}, "plane.width is 0"),
        ({"height": 10**9}, "plane.height"),
        ({"focal_px": [0.0, 1.0]}, "plane.focal_px"),
        ({"focal_px": [1e9, 1e9]}, "plane.focal_px"),
        ({"to_plane": [[0.0] * 3] * 3}, "plane.to_plane"),
        ({"to_plane": [[1e9, 0.0, 0.0], [0.0, 1e9, 0.0], [0.0, 0.0, 1.0]]}, "plane.to_plane"),
        ({"distortion": [1e200, 0.0, 0.0, 0.0, 0.0]}, "plane.distortion"),
        ({"sd_share": -1.0}, "sd_share"),
    ],
    ids=["no width", "huge", "no lens", "endless lens", "singular", "scale", "wild lens", "sd"],
)  # fmt: skip
def test_values_that_are_no_plane_are_refused(file: Path, changes: dict, says: str) -> None:
    with pytest.raises(ConfigError, match=says.replace(".", r"\.")):
        read_plane(edited(file, True, **changes))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "does not parse"),
        (b"\x00" * 70_000, "larger than 65536 bytes"),
        (b"[" * 60_000, "plane.json"),
        (b'{"schema": 2}', "schema is 2"),
        (b'{"schema": 1, "kind": "camera-plane"}', "missing required field"),
        (b'{"schema": 1, "schema": 1}', "given twice"),
    ],
    ids=["empty", "large", "deep", "newer", "half", "twice"],
)
def test_content_that_is_none_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "plane.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=says):
        read_plane(path)


def test_a_misspelt_key_is_named(file: Path) -> None:
    table = json.loads(file.read_bytes())
    table["bords"] = table.pop("boards")
    file.write_text(json.dumps(table), "utf-8")
    with pytest.raises(ConfigError) as caught:
        read_plane(file)
    assert "boards" in f"{caught.value} {caught.value.fix}"


@pytest.mark.parametrize("name", ["missing.json", "."])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError):
        read_plane(tmp_path / name)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(at=st.integers(0, 900), byte=st.integers(0, 255))
def test_a_byte_that_flipped_is_read_or_refused_and_nothing_else(file, at, byte) -> None:
    data = bytearray(file.read_bytes())
    data[at % len(data)] = byte
    flipped = file.with_name("flipped.json")
    flipped.write_bytes(data)
    try:
        read_plane(flipped)
    except ConfigError:
        return
    assert json.loads(bytes(data)) == json.loads(file.read_bytes())
