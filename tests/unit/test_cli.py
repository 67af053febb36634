"""What the command makes of its words; what it does is in tests/integration."""

from __future__ import annotations

import os
import threading

import pytest

from edge.cli import VERBS, main, parse
from edge.errors import UsageError


@pytest.mark.parametrize(
    ("words", "verb", "sources"),
    [
        ("photo.jpg", "run", ["photo.jpg"]),
        ("run photo.jpg", "run", ["photo.jpg"]),
        (
            "a.jpg b/ --source rtsp://x/1 --camera 0",
            "run",
            ["a.jpg", "b/", "rtsp://x/1", "camera:0"],
        ),
        ("a.jpg --json b.jpg --threads 2 c.jpg", "run", ["a.jpg", "b.jpg", "c.jpg"]),
        ("./check", "run", ["./check"]),
        ("--camera 2", "run", ["camera:2"]),
        ("capture --camera 0 --out set", "capture", ["camera:0"]),
    ],
)
def test_the_first_word_is_a_verb_or_an_input(words, verb, sources):
    flags = parse(words.split())
    assert (flags.verb, flags.sources) == (verb, sources)


def test_a_misspelt_command_is_told_as_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for words in (["enrol", "--name", "Acme", "a.jpg"], ["doctr"]):
        with pytest.raises(UsageError, match="no command has this name") as caught:
            parse(words)
        assert "did you mean" in caught.value.fix
    assert parse(["benches", "--config", "edge.toml"]).sources == ["benches"]  # a camera's name
    (tmp_path / "benches").mkdir()
    assert parse(["benches"]).sources == ["benches"]


def test_the_first_help_names_every_command(capsys):
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    assert [verb for verb in VERBS if f"edge-tag {verb}" not in told] == []


def test_what_is_not_given_is_left_to_the_profile_and_the_engine():
    flags = parse(["x.jpg"])
    assert [flags.engine, flags.provider, flags.threads, flags.budget_ms] == [None] * 4


@pytest.mark.parametrize(
    "words",
    [
        "",
        "--top-k 0 x.jpg",
        "--top-k 1.5 x.jpg",
        "--every-s -1 x.jpg",
        "--every-s inf x.jpg",
        "--threads 1e3 x.jpg",
        "--camera front",
        "--explain-keep 0 x.jpg",
        "--explain-every-s -1 x.jpg",
        "--thread 2 x.jpg",
        "-v -q x.jpg",
        "check a b",
        "devices x y",
        "capture --camera 0",
    ],
)
def test_a_wrong_word_is_a_usage_error(words):
    with pytest.raises(UsageError) as caught:
        parse(words.split())
    assert caught.value.fix


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--frames 2000000000 x.jpg", "'2000000000' is given, expected less than 1,000,000,000"),
        ("--every-s inf x.jpg", "'inf' is given, expected less than 1,000,000,000"),
        ("--frames 0 x.jpg", "'0' is given, expected a whole number, 1 or more"),
        ("--every-s nan x.jpg", "'nan' is given, expected seconds, 0 or more"),
    ],
)
def test_a_number_is_told_the_side_on_which_it_is_out_of_range(words, says):
    with pytest.raises(UsageError, match=says):
        parse(words.split())


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb, capsys):
    assert main([verb, "--help"]) == 0
    assert "usage: edge-tag" in capsys.readouterr().out


def test_the_process_is_as_it_was_afterwards(tiny_bundle, tmp_path, capfd):
    """File descriptors and signal handlers are put back; a second command works."""
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # an open folder would count itself
    for _ in range(2):
        assert main(["check", str(tiny_bundle)]) == 0
        assert capfd.readouterr().out.count("gives the golden answers") == 1
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
    print("still stdout")  # noqa: T201
    assert capfd.readouterr().out == "still stdout\n"


def test_it_runs_outside_the_main_thread(capfd):
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(main(["devices"])))
    thread.start()
    thread.join()
    assert codes == [0]
    assert "rpi5" in capfd.readouterr().out
