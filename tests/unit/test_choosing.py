"""`--engine auto`: the fastest that is right, remembered for as long as nothing changes."""

from __future__ import annotations

import logging

import msgspec
import pytest

from edge.bench import choosing
from edge.bench.choosing import (
    FILE,
    KEPT,
    EngineChoice,
    TaggerOptions,
    choose,
    key_of,
    measure,
    read_choices,
    sentence,
)
from edge.engines import installed
from edge.errors import EngineMissing
from tests.tiny import edited, here, write_tiny

pytestmark = pytest.mark.skipif(not installed(), reason="no engine is installed")


def wrong(folder, engine):
    """A bundle whose golden scores for `engine` nobody gives."""
    bundle = write_tiny(folder, here())
    manifest = msgspec.json.decode((bundle / "bundle.json").read_bytes())
    for golden in manifest["golden"]:
        golden["scores"][f"{engine}/int8"]["colours"]["red"] = 0.5
    return edited(bundle, golden=manifest["golden"])


def test_every_engine_is_measured_and_the_fastest_kept(wide_bundle):
    choice = measure(TaggerOptions(str(wide_bundle), threads=1))
    assert sorted(choice.ms) == sorted(installed())
    assert choice.ms[choice.engine] == min(choice.ms.values())


def test_an_engine_that_gives_other_answers_is_never_chosen(tmp_path):
    out = installed()[0]
    choice = measure(TaggerOptions(str(wrong(tmp_path / "b", out)), threads=1))
    assert out not in choice.ms
    assert "does not reproduce" in choice.refused[out]
    assert f"{out} refused" in sentence(choice, "now")


def test_without_any_engine_that_fits(tmp_path):
    bundle = write_tiny(tmp_path / "b")  # for null alone
    with pytest.raises(EngineMissing, match="--engine auto: no engine gives the golden answers"):
        choose(TaggerOptions(str(bundle)), tmp_path)


def test_a_choice_is_remembered_and_said(wide_bundle, tmp_path, monkeypatch, caplog):
    options = TaggerOptions(str(wide_bundle), threads=1)
    monkeypatch.setattr(logging.getLogger("edge"), "propagate", True)
    first = choose(options, tmp_path)
    assert "measured now" in caplog.text
    monkeypatch.setattr(choosing, "measure", lambda _: pytest.fail("measured again"))
    assert choose(options, tmp_path) == first
    assert "as measured before" in caplog.text


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"\xff", b'{"\xff": 1}', b'{"x": 1}', b"[" * 10_000]
)
def test_a_cache_that_is_none_of_ours_is_measured_over(wide_bundle, tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    engine = choose(TaggerOptions(str(wide_bundle), threads=1), tmp_path)
    assert [choice.engine for choice in read_choices(tmp_path / FILE).values()] == [engine]


def test_another_machine_version_bundle_or_question_is_another_choice(
    wide_bundle, tiny_bundle, monkeypatch
):
    options = TaggerOptions(str(wide_bundle), threads=1)
    keys = {
        key_of(options),
        key_of(TaggerOptions(str(wide_bundle), threads=2)),
        key_of(TaggerOptions(str(tiny_bundle))),
    }
    monkeypatch.setattr(choosing.host, "board", lambda: "another")
    keys.add(key_of(options))
    monkeypatch.setattr(choosing.host, "versions", lambda: {"openvino": "1"})
    keys.add(key_of(options))
    assert len(keys) == 5


def test_an_engine_that_is_gone_is_not_what_was_chosen(wide_bundle, tmp_path):
    options = TaggerOptions(str(wide_bundle), threads=1)
    old = {key_of(options): EngineChoice("gone", {"gone": 1.0})}
    (tmp_path / FILE).write_bytes(msgspec.json.encode(old))
    assert choose(options, tmp_path) in installed()


def test_the_cache_is_bounded(wide_bundle, tmp_path):
    many = {f"{n}": EngineChoice("gone", {"gone": 1.0}) for n in range(3 * KEPT)}
    (tmp_path / FILE).write_bytes(msgspec.json.encode(many))
    choose(TaggerOptions(str(wide_bundle), threads=1), tmp_path)
    kept = [*read_choices(tmp_path / FILE)]
    assert len(kept) == KEPT
    assert kept[:-1] == [f"{n}" for n in range(2 * KEPT + 1, 3 * KEPT)]


def test_where_nothing_can_be_written_it_works_all_the_same(
    wide_bundle, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(logging.getLogger("edge"), "propagate", True)
    (tmp_path / "file").write_text("no folder", "utf-8")
    assert choose(TaggerOptions(str(wide_bundle), threads=1), tmp_path / "file") in installed()
    assert "(measured now)" in caplog.text  # and not that it is remembered
