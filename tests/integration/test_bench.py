"""`edge-tag bench` as it is called, and `--engine auto` in a run."""

from __future__ import annotations

import json

import cv2
import pytest

from edge.bench import files
from edge.bench.line import SCHEMA
from edge.boards.profiles import find
from edge.cli import main
from edge.engines import installed
from edge.opening.defaults import with_defaults
from edge.verbs import bench
from tests.tiny import paint, write_tiny

QUICK = ["bench", "--min-seconds", "0.01", "--batch", "1", "2"]


def test_a_run_that_is_too_short_is_invalid_and_kept_all_the_same(
    tiny_bundle, tmp_path, capfdbinary
):
    out = ["--bundle", str(tiny_bundle), "--out", str(tmp_path)]
    assert main([*QUICK, *out, "--json", "--html", str(tmp_path / "page.html")]) == 6
    said = capfdbinary.readouterr()
    assert b"bench: INVALID: too short" in said.err
    line = json.loads(said.out)
    assert (line["schema"], line["verdict"], line["engine"]) == (SCHEMA, "INVALID", "null")
    [file] = tmp_path.glob("*.jsonl")
    assert json.loads(file.read_text("utf-8")) == line
    assert "null int8" in (tmp_path / "page.html").read_text("utf-8")


def test_a_person_gets_a_table(tiny_bundle, tmp_path, capfdbinary):
    assert main([*QUICK, "--bundle", str(tiny_bundle), "--out", str(tmp_path)]) == 6
    table = capfdbinary.readouterr().out.decode()
    for words in ("engine, ms", "by stage, ms", "batch 2", "golden", "INVALID", "kept in"):
        assert words in table


def test_a_report_measures_nothing(tiny_bundle, tmp_path, capfdbinary):
    assert main(["bench", "report", "--out", str(tmp_path)]) == 3
    assert b"has no results" in capfdbinary.readouterr().err
    main([*QUICK, "--bundle", str(tiny_bundle), "--out", str(tmp_path)])
    kept = files.read([tmp_path])
    assert main(["bench", "report", "--out", str(tmp_path)]) == 0
    assert files.read([tmp_path]) == kept
    assert (tmp_path / "report.html").is_file()


def test_what_is_predicted_is_not_measured(tmp_path, capfdbinary):
    words = ["--engine", "virtual", "--device", "rpi5", "--out", str(tmp_path)]
    assert main([*QUICK, *words]) == 2
    assert b"there is nothing to measure" in capfdbinary.readouterr().err


def test_a_missing_bundle_is_no_invalid_result(tmp_path):
    assert main([*QUICK, "--bundle", str(tmp_path / "none"), "--out", str(tmp_path)]) == 4
    assert not [*tmp_path.glob("*.jsonl")]


def test_the_roofline_is_the_profiles():
    for words, expected in ((["--device", "rpi5"], find("rpi5").roofline), ([], None)):
        flags = with_defaults(bench.parsed(words))
        assert bench._settings(flags).roofline == expected


@pytest.mark.skipif(not installed(), reason="no engine is installed")
def test_engine_auto_chooses_says_so_and_remembers(tmp_path, monkeypatch, capfdbinary):
    monkeypatch.setenv("CACHE_DIRECTORY", str(tmp_path / "cache"))
    bundle = write_tiny(tmp_path / "wide", installed())
    cv2.imwrite(str(tmp_path / "red.png"), paint("red")[..., ::-1])
    words = [str(tmp_path / "red.png"), "--bundle", str(bundle), "--engine", "auto", "--json"]
    told = []
    for how in (b"measured now", b"as measured before"):
        assert main(words) == 0
        said = capfdbinary.readouterr()
        assert how in said.err
        told.append(json.loads(said.out)["engine"])
    assert told[0] == told[1]
    assert told[0].split("/")[0] in installed()
