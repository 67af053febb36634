"""R1, R5, R6, R22: logits equal to those of an independent reference, from the published layout."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from quantize.ram.checkpoint import load  # noqa: E402
from quantize.ram.configs import RAM_PLUS_SWIN_L_384, RAM_SWIN_L_384  # noqa: E402
from quantize.ram.tagger import build  # noqa: E402
from tests.workshop.ram.reference import answers  # noqa: E402
from tests.workshop.ram.synthetic import (  # noqa: E402
    FULL,
    Plan,
    layout,
    pictures,
    random_state,
    write,
)

SHARED = Path(__file__).parents[4] / "shared" / "reference"
KINDS = ("ram", "ram++", "tag2text")
TOLERANCE = 1e-4  # of R1; about 1e-5 is seen


def counts_of(plan: Plan) -> list[int]:
    return [plan.rows if plan.kind == "ram++" else 1] * plan.tags


def expected(plan: Plan, state: dict, image: object) -> tuple:
    return answers(state, image.double(), plan.kind, plan.heads, plan.window, counts_of(plan))


@pytest.mark.parametrize("kind", KINDS)
def test_logits_equal_the_reference_at_batch_1_2_3(kind: str, tmp_path: Path) -> None:
    """R1, R5, R6, R22"""
    plan = Plan(kind)
    state = random_state(plan)
    tagger, _ = load(write(state, tmp_path / "a.pth", 1000), tags=plan.tags)
    image = pictures(plan, 3)
    wanted, wanted_embedding = expected(plan, state, image)
    assert min(wanted.std(0).mean(), wanted.std(1).mean()) > 100 * TOLERANCE, "all alike"
    alone = torch.cat([tagger(image[i : i + 1])[0] for i in range(3)])
    for batch in (1, 2, 3):
        logits, embedding = tagger(image[:batch])
        assert (logits - wanted[:batch]).abs().max() < TOLERANCE
        assert (embedding - wanted_embedding[:batch]).abs().max() < TOLERANCE
        assert (logits - alone[:batch]).abs().max() < 1e-5  # a row does not know its neighbours


@pytest.mark.parametrize("kind", KINDS)
def test_windows_of_6_at_192_px(kind: str, tmp_path: Path) -> None:
    """R5, R6 at another window, head width and tag decoder width."""
    plan = Plan(kind, 192, 6, 48, (2, 2, 4, 2), (2, 4, 8, 16), words=48, hidden=96, inner=160)
    state = random_state(plan, seed=1)
    tagger, report = load(write(state, tmp_path / "a.pth"), tags=plan.tags)
    assert tagger.config.swin.side == 192
    assert not report.resized
    image = pictures(plan, 2)
    assert (tagger(image)[0] - expected(plan, state, image)[0]).abs().max() < TOLERANCE


@pytest.mark.parametrize("scale", [-2.0, 0.0, 1.5, 4.0])
def test_reweighting_follows_its_scale(scale: float) -> None:
    """R6: varied `reweight_scale`, against the loop over pictures and tags."""
    plan = Plan("ram++")
    state = random_state(plan) | {"reweight_scale": torch.tensor(scale)}
    tagger = build(_config(plan, state), counts_of(plan))
    tagger.load_state_dict(state)
    image = pictures(plan, 2)
    assert (tagger(image)[0] - expected(plan, state, image)[0]).abs().max() < TOLERANCE


@pytest.mark.parametrize("kind", KINDS)
def test_a_published_state_dict_loads_strictly_and_without_renaming(kind: str) -> None:
    plan = Plan(kind)
    state = random_state(plan)
    tagger = build(_config(plan, state), counts_of(plan))
    result = tagger.load_state_dict(state, strict=True)
    assert not result.missing_keys
    assert not result.unexpected_keys
    with pytest.raises(RuntimeError, match=r"fc\.bias2"):
        tagger.load_state_dict({**state, "fc.bias2": torch.zeros(1)}, strict=True)


@pytest.mark.parametrize("kind", KINDS)
def test_every_tensor_matters(kind: str) -> None:
    """A bias that is loaded and never added would pass no parity test, if it is zero there."""
    plan = Plan(kind, tags=3)
    state = random_state(plan, captioner=False)
    tagger = build(_config(plan, state), counts_of(plan))
    tagger.load_state_dict(state)
    with torch.enable_grad():
        logits, _ = tagger(pictures(plan, 1))
        (logits * torch.tensor([1.0, -2.0, 0.7])).sum().backward()
    for key, value in tagger.named_parameters():
        if not key.endswith("crossattention.self.key.bias"):  # all keys alike: softmax is blind
            assert value.grad is not None, key
            assert value.grad.abs().max() > 1e-7, key


@pytest.mark.parametrize("kind", ["ram", "ram++"])
def test_the_synthetic_layout_is_the_published_one(kind: str) -> None:
    published = published_layout(kind)
    assert layout(Plan(kind, **FULL)) == published


@pytest.mark.parametrize("kind", ["ram", "ram++"])
def test_the_full_size_network_has_the_published_keys(kind: str) -> None:
    published = published_layout(kind)
    config = RAM_SWIN_L_384 if kind == "ram" else RAM_PLUS_SWIN_L_384
    with torch.device("meta"):
        tagger = build(config, [51 if kind == "ram++" else 1] * 4585)
    ours = {key: tuple(value.shape) for key, value in tagger.state_dict().items()}
    left_out = r"relative_position_index|attn_mask|^tag_encoder|^text_decoder"
    assert ours == {k: v for k, v in published.items() if not re.search(left_out, k)}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ram", "ram++"])
def test_full_size_swin_l_at_384(kind: str, tmp_path: Path) -> None:
    """R1, R5, R6 at full size: 4,585 tags, batch 2 against the reference of each picture."""
    published_layout(kind)
    plan = Plan(kind, **FULL)
    state = random_state(plan)
    tagger, report = load(write(state, tmp_path / "a.pth"))
    assert len(report.loaded) + len(report.dropped) - 3 == len(state)
    image = pictures(plan, 2)
    with torch.inference_mode():
        logits, embedding = tagger(image)
        wanted, wanted_embedding = answers(
            state, image, kind, plan.heads, plan.window, counts_of(plan)
        )
    # 3e-6 was seen; RAM++'s 4,585 random tags differ by little, so 1e-4 would say little.
    assert wanted.std() > 100 * 2e-5
    assert (logits - wanted).abs().max() < 2e-5
    assert (embedding - wanted_embedding).abs().max() < TOLERANCE


def published_layout(kind: str) -> dict[str, tuple[int, ...]]:
    """Key -> shape from the lists in ../shared; skips where they are not."""
    file = SHARED / f"{'ram_plus' if kind == 'ram++' else 'ram'}_state_dict.txt"
    if not file.exists():
        pytest.skip(f"{file} is not here")
    rows = [line.split("\t") for line in file.read_text().splitlines() if line[0] != "#"]
    return {row[0]: tuple(int(n) for n in re.findall(r"\d+", row[1])) for row in rows}


def _config(plan: Plan, state: dict) -> object:
    from quantize.ram.detect import config_of

    return config_of(Path("state"), plan.kind, state, plan.side)
