"""Device profiles."""

from __future__ import annotations

import pytest

from edge.boards.profiles import VIRTUAL, files, find, read
from edge.engines import ENGINES
from edge.errors import ConfigError

GOOD = 'name = "x"\ntitle = "X"\n'


@pytest.fixture
def written(tmp_path):
    def write(text: str):
        path = tmp_path / "board.toml"
        path.write_bytes(text.encode())
        return path

    return write


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_every_profile_that_ships_can_be_read(path):
    profile = read(path)
    assert profile.name == path.stem
    assert profile.engine in (*ENGINES, VIRTUAL)
    assert profile.roofline is not None
    assert profile.note
    assert find(path.stem) == profile


def test_profiles_ship():
    assert {"generic-arm", "generic-x86", "rpi5"} <= {path.stem for path in files()}


def test_a_profile_by_file(written):
    assert find(str(written(GOOD + "threads = 3"))).threads == 3


@pytest.mark.parametrize(
    ("text", "message", "fix"),
    [
        (GOOD + "thraeds = 2", "unknown key 'thraeds'", "did you mean 'threads'?"),
        (GOOD + 'threads = "2"', "threads: Expected int", ""),
        (GOOD + "threads = 0", "threads is 0, expected 1 or more", ""),
        (GOOD + "budget_ms = nan", "budget_ms is nan", ""),
        (GOOD + "budget_ms = -1", "budget_ms is -1", ""),
        ("title = 'x'", "missing required field name", ""),
        ("name = ", "expected TOML", ""),
        (GOOD + "x = " + "[" * 50_000, "expected TOML", ""),
        ("#" * 70_000, "larger than", ""),
        ("name = '\xff'", "", ""),
    ],
    ids=["unknown", "type", "range", "nan", "negative", "missing", "toml", "deep", "long", "latin"],
)
def test_a_wrong_profile_names_file_and_key(written, text, message, fix):
    path = written(text)
    if text.startswith("name = '\xff'"):
        path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)
    assert caught.value.fix
    assert fix in caught.value.fix
    assert caught.value.exit_code == 78


def test_an_unknown_device_lists_the_known_ones():
    with pytest.raises(
        ConfigError, match=r"'rpi55' is unknown, expected auto or one of .*rpi5"
    ) as caught:
        find("rpi55")
    assert caught.value.fix == "did you mean 'rpi5'?"


ROOF = (
    GOOD + '[roofline]\nkind = "cpu"\nprocessor = "P"\nint8_gmac_s = 40\n'
    '[[roofline.sources]]\nsays = "40"\ntitle = "T"\nurl = "https://example.org"\n'
)


def test_a_roofline_that_says_who_says_so_is_read(written):
    roofline = read(written(ROOF)).roofline
    assert (roofline.int8_gmac_s, roofline.sources[0].title) == (40.0, "T")


@pytest.mark.parametrize(
    ("wrong", "right", "message", "fix"),
    [
        ("procesor", "processor", "roofline: unknown key 'procesor'", "did you mean 'processor'?"),
        ("say =", "says =", "roofline.sources[0]: unknown key 'say'", "did you mean 'says'?"),
        ('"tpu"', '"cpu"', "roofline.kind: Invalid enum value 'tpu'", ""),
        ("= -40", "= 40", "roofline: int8_gmac_s is -40.0, expected more than 0", ""),
        ("= nan", "= 40", "roofline: int8_gmac_s is nan, expected more than 0", ""),
        ("memory_gb_s = 0\n[[", "[[", "roofline: memory_gb_s is 0.0, expected more than 0", ""),
        ("float_gmac_s = 0\n[[", "[[", "roofline: float_gmac_s is 0.0, expected more than 0", ""),
        ("launch_ms = nan\n[[", "[[", "roofline: launch_ms is nan, expected 0 or more", ""),
        ("layer_us = -1\n[[", "[[", "roofline: layer_us is -1.0, expected 0 or more", ""),
        ("share = 2\n[[", "[[", "roofline: share is 2.0, expected more than 0, and 1 at most", ""),
        ("cores = 0\n[[", "[[", "roofline: cores is 0, expected 1 or more", ""),
        ("http:", "https:", "expected https://..., or title arithmetic", ""),
        ("input_px = [8]\n[roofline]", "[roofline]", "input_px is (8,), expected 32 to", ""),
        ('precision = "int4"\n[roofline]', "[roofline]", "precision: Invalid enum value", ""),
    ],
)
def test_a_wrong_roofline_names_file_and_key(written, wrong, right, message, fix):
    path = written(ROOF.replace(right, wrong, 1))
    with pytest.raises(ConfigError) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)
    assert caught.value.fix
    assert fix in caught.value.fix


def test_a_roofline_without_a_source_is_refused(written):
    text = ROOF[: ROOF.index("[[")] + "sources = []\n"
    with pytest.raises(ConfigError, match="sources is empty, expected who says so"):
        read(written(text))


def test_a_missing_file_is_a_config_error():
    with pytest.raises(ConfigError, match=r"nowhere\.toml: No such file"):
        find("nowhere.toml")
