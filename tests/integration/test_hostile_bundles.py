"""A damaged or hostile bundle given to the command: exit code 4, where and what, no traceback."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.test_cli import edge_tag, only_ours, photo  # noqa: F401


def _edit(folder: Path, change: Callable[[bytes], bytes], name: str = "bundle.json") -> Path:
    file = folder / name
    file.write_bytes(change(file.read_bytes()))
    return folder


def _artifact(folder: Path) -> str:
    [file] = (folder / "null").iterdir()
    return str(file.relative_to(folder))


def _bomb(folder: Path) -> Path:
    bomb = folder.with_suffix(".edge")
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("bundle.json", b"\0" * 50_000_000)
    return bomb


def _missing(folder: Path) -> Path:
    (folder / _artifact(folder)).unlink()
    return folder


def _renamed(folder: Path, to: str) -> Path:
    old = f'"{_artifact(folder)}"'.encode()
    return _edit(folder, lambda data: data.replace(old, f'"{to}"'.encode()))


DAMAGE: dict[str, Callable[[Path], Path]] = {
    "truncated": lambda f: _edit(f, lambda data: data[: len(data) // 2]),
    "artifact truncated": lambda f: _edit(f, lambda data: data[:-9], _artifact(f)),
    "bit flipped": lambda f: _edit(f, lambda d: bytes([d[0] ^ 1]) + d[1:], _artifact(f)),
    "path escape": lambda f: _renamed(f, "../../etc/passwd"),
    "zip bomb": _bomb,
    "200 KB of [": lambda f: _edit(f, lambda _: b"[" * 200_000),
    "NUL in a name": lambda f: _renamed(f, "a\\u0000b"),
    "wrong schema": lambda f: _edit(f, lambda d: d.replace(b'"schema": 1', b'"schema": 99')),
    "missing artifact": _missing,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_is_refused_with_4(damage: str, tiny_bundle: Path, tmp_path: Path, photo: Path) -> None:  # noqa: F811
    folder = shutil.copytree(tiny_bundle, tmp_path / "tiny")
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    bad = DAMAGE[damage](folder)
    after = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert bad != folder or before != after, "the damage did nothing"
    ran = edge_tag("--json", "--bundle", bad, photo)
    assert (ran.returncode, ran.stdout) == (4, "")
    assert only_ours(ran.stderr)
    assert str(bad) in ran.stderr
    assert "expected" in ran.stderr.lower() or "missing" in ran.stderr
