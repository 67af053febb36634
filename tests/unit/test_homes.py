"""Where our own files lie, whoever runs us."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.cli import main
from edge.homes import PLACES, own_folder


@pytest.fixture(autouse=True)
def _nobody_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for service, users, _ in PLACES.values():
        for name in (service, *users):
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/pi")


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("state", {}, "/home/pi/.local/state/edge-tag"),
        ("data", {}, "/home/pi/.local/share/edge-tag"),
        ("cache", {}, "/home/pi/.cache/edge-tag"),
        ("state", {"XDG_STATE_HOME": "/s"}, "/s/edge-tag"),
        ("data", {"XDG_DATA_HOME": "/d", "LOCALAPPDATA": "/a"}, "/d/edge-tag"),
        ("data", {"LOCALAPPDATA": "/a"}, "/a/edge-tag"),
        ("cache", {"XDG_CACHE_HOME": ""}, "/home/pi/.cache/edge-tag"),
        ("state", {"STATE_DIRECTORY": "/var/a:/var/b", "XDG_STATE_HOME": "/s"}, "/var/a"),
        ("data", {"STATE_DIRECTORY": "/var/a"}, "/var/a"),
        ("cache", {"CACHE_DIRECTORY": "/var/c"}, "/var/c"),
    ],
)
def test_a_service_has_its_own_folder_and_a_user_the_one_that_the_system_says(
    monkeypatch, kind, given, expected
):
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert own_folder(kind) == Path(expected)


def homeless(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """As with an id that no name belongs to, or with the HOME of another."""

    def refuse(*_: object) -> Path:
        raise error

    monkeypatch.setattr(Path, "home", refuse)


@pytest.mark.parametrize("error", [RuntimeError("no home"), PermissionError(13, "denied")])
def test_who_has_no_home_has_a_folder_at_the_root(monkeypatch, error):
    homeless(monkeypatch, error)
    assert own_folder("state") == Path("/.local/state/edge-tag")


def test_who_has_no_home_tags_pictures(monkeypatch, tiny_bundle, capfd):
    """The outbox is only a disk to watch, the gallery only looked for."""
    homeless(monkeypatch, RuntimeError("no home"))
    picture = tiny_bundle / "golden" / "red.png"
    assert main(["--json", "--bundle", str(tiny_bundle), str(picture)]) == 0
    assert '"red"' in capfd.readouterr().out
