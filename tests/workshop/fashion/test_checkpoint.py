"""F1: published files are read without running code, and their momentum and queues left out."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from safetensors.torch import save_file  # noqa: E402

from quantize.errors import WorkshopError  # noqa: E402
from quantize.fashion.checkpoint import load  # noqa: E402
from tests.workshop.fashion.synthetic import (  # noqa: E402
    KINDS,
    Plan,
    pictures,
    random_state,
    write,
)


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_is_loaded_or_dropped_with_a_reason(kind: str, tmp_path: Path) -> None:
    """F1: nothing renamed by hand, momentum and queues out, half of the tensors gone."""
    plan = Plan(kind)
    state = random_state(plan)
    network, report = load(write(state, tmp_path / "a.pth", 1000), heads=plan.heads)
    assert report.kind == kind == network.config.kind
    assert {*report.loaded, *report.dropped} == {*state, "optimizer", "lr_scheduler", "config",
                                                 "epoch"}  # fmt: skip
    twins = [key for key, why in report.dropped.items() if "momentum" in why]
    assert len(twins) == sum("_m." in key for key in state)
    assert not report.renamed
    if kind != "category":
        assert len(twins) > 0.4 * len(state)
        assert {"image_queue"} <= set(report.dropped)
    assert all(not torch.isnan(value).any() for value in network.state_dict().values())


def test_what_is_kept_is_half_of_the_file(tmp_path: Path) -> None:
    """F1: "file halves": by elements, as published: twins as large as what they follow."""
    plan = Plan("retrieval")
    state = random_state(plan)
    file = write(state, tmp_path / "a.pth")
    network, _ = load(file, heads=plan.heads)
    kept = sum(value.numel() for value in network.state_dict().values())
    assert kept < 0.52 * sum(value.numel() for value in state.values())


def test_safetensors_and_a_bare_dict_load_too(tmp_path: Path) -> None:
    """F1"""
    plan = Plan("tgir")
    state = random_state(plan)
    kept = {k: v.clone() for k, v in state.items() if "_m." not in k and "queue" not in k}
    save_file(kept, tmp_path / "a.safetensors")
    torch.save(state, tmp_path / "a.pth")
    files = [tmp_path / "a.safetensors", tmp_path / "a.pth"]
    one, other = (load(file, heads=plan.heads)[0] for file in files)
    image = pictures(plan, 1)
    assert torch.allclose(one.image_vectors(image), other.image_vectors(image), atol=1e-6)


def test_albef_names_of_the_text_tower_are_known(tmp_path: Path) -> None:
    """F1"""
    plan = Plan("retrieval")
    state = random_state(plan)
    albef = {k.replace("text_encoder.", "text_encoder.bert."): v for k, v in state.items()}
    _, report = load(write(albef, tmp_path / "a.pth"), heads=plan.heads)
    assert len(report.renamed) == sum(
        k.startswith("text_encoder.") and "position_ids" not in k for k in state
    )


def test_another_size_resizes_the_positions(tmp_path: Path) -> None:
    """F1"""
    plan = Plan("retrieval")
    file = write(random_state(plan), tmp_path / "a.pth")
    network, report = load(file, heads=plan.heads, image_size=64)
    assert report.resized == {"visual_encoder.pos_embed": "10 -> 17 tokens"}
    assert network.image_vectors(torch.zeros(1, 3, 64, 64)).shape == (1, plan.joint)
    with pytest.raises(WorkshopError, match="50 px"):
        load(file, heads=plan.heads, image_size=50)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda s: s.pop("vision_proj.bias"), "1 missing: vision_proj.bias"),
        (lambda s: s.update(extra=torch.zeros(1)), "1 unexpected: extra"),
        (lambda s: s.update({"temp": torch.zeros(2)}), r"temp is \(2,\), expected \(\)"),
        (lambda s: s.pop("visual_encoder.pos_embed"), "no network of FashionSAP"),
        (lambda s: s.update({"visual_encoder.pos_embed": torch.zeros(1, 9, 24)}), "8 patches"),
        (lambda s: s.pop("text_encoder.encoder.layer.0.intermediate.dense.weight"), "missing"),
    ],
)
def test_a_file_that_is_not_whole_is_refused_by_key(change, reason, tmp_path: Path) -> None:
    """F1"""
    state = random_state(Plan("retrieval"))
    change(state)
    with pytest.raises(WorkshopError, match=reason):
        load(write(state, tmp_path / "a.pth"), heads=4)


def test_a_file_for_another_task_is_refused(tmp_path: Path) -> None:
    """F1"""
    file = write(random_state(Plan("category")), tmp_path / "a.pth")
    with pytest.raises(WorkshopError, match="a category checkpoint, expected one for retrieval"):
        load(file, kind="retrieval", heads=4)


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    """F1: weights_only."""
    marker = tmp_path / "ran"
    torch.save({"model": _Evil(str(marker))}, tmp_path / "a.pth")
    with pytest.raises(WorkshopError, match="tensors alone"):
        load(tmp_path / "a.pth")
    assert not marker.exists()


@pytest.mark.parametrize("content", [b"", b"junk" * 100])
def test_what_is_no_checkpoint_is_refused(content, tmp_path: Path) -> None:
    """F1"""
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(WorkshopError, match="FashionSAP checkpoint"):
        load(tmp_path / "a.pth")


class _Evil:
    def __init__(self, file: str) -> None:
        self.file = file

    def __reduce__(self):
        return Path.touch, (Path(self.file),)
