"""What is read of files is bounded, and an error of the kind that was asked for says why not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge.bounded import read
from edge.errors import BundleError, ConfigError


@pytest.mark.parametrize("content", [b"", b"x", b"12345678"])
def test_a_file_that_is_not_too_large_is_read_whole(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    assert read(tmp_path / "a", 8, ConfigError, "a profile", "name another") == content


def test_one_that_is_too_large_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"123456789")
    with pytest.raises(BundleError, match="a: larger than 8 bytes, expected a plane") as caught:
        read(tmp_path / "a", 8, BundleError, "a plane", "name another")
    assert caught.value.fix == "name another"


@pytest.mark.parametrize(("name", "says"), [("b", "b: No such file"), ("a\0", "no path, expected")])
def test_one_that_cannot_be_read_comes_with_the_fix(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        read(tmp_path / name, 8, ConfigError, "a profile", "name another")
    assert caught.value.fix == "name another"
    assert "\0" not in str(caught.value)


@pytest.mark.parametrize(("written", "fits"), [(8, True), (9, False)])
def test_a_pipe_does_not_say_how_much_comes(written: int, fits: bool) -> None:
    """`--config <(...)`"""
    out, into = os.pipe()
    pipe = Path(f"/dev/fd/{out}")
    os.write(into, b"x" * written)
    os.close(into)
    try:
        if fits:
            assert read(pipe, 8, ConfigError, "a profile", "name another") == b"x" * 8
        else:
            with pytest.raises(ConfigError, match="larger than 8 bytes"):
                read(pipe, 8, ConfigError, "a profile", "name another")
    finally:
        os.close(out)
