"""R21: the predicted work and weights are those that were measured on the published networks."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from torch.nn.attention import SDPBackend, sdpa_kernel  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from quantize.ram.configs import (  # noqa: E402
    RAM_PLUS_SWIN_L_384,
    RAM_SWIN_B_384,
    RAM_SWIN_L_224,
    RAM_SWIN_L_384,
    TAG2TEXT_SWIN_B_384,
)
from quantize.ram.cost import cost  # noqa: E402
from quantize.ram.detect import config_of  # noqa: E402
from quantize.ram.tagger import build  # noqa: E402
from tests.workshop.ram.synthetic import Plan, pictures, random_state  # noqa: E402

ALL = [1] * 4585


def test_ram_at_384_px() -> None:
    """seeds.md 1.2, measured: encoder 104.08, projection 0.11, labels 1.80, decoder 56.43 GMAC."""
    found = cost(RAM_SWIN_L_384, ALL)
    assert found.gmac == pytest.approx(162.4, rel=0.02)
    assert found.encoder_gmac == pytest.approx(104.08, rel=0.005)
    assert found.projection_gmac == pytest.approx(0.11, abs=0.01)
    assert found.labels_gmac == pytest.approx(1.80, abs=0.01)
    assert found.decoder_gmac == pytest.approx(56.43, rel=0.005)
    assert found.weight_bytes == pytest.approx(0.85e9, rel=0.02)


def test_a_trimmed_vocabulary() -> None:
    assert cost(RAM_SWIN_L_384, [1] * 214).gmac == pytest.approx(107, rel=0.02)


def test_ram_plus_at_384_px() -> None:
    found = cost(RAM_PLUS_SWIN_L_384, [51] * 4585)
    assert found.gmac - cost(RAM_SWIN_L_384, ALL).gmac == pytest.approx(0.24, abs=0.01)
    assert found.weight_bytes == pytest.approx(4 * 329.49e6, rel=1e-4)
    assert found.label_bytes == pytest.approx(0.48e9, rel=0.01)
    assert cost(RAM_PLUS_SWIN_L_384, [51] * 4585, "int8").weight_bytes * 4 == found.weight_bytes


def test_smaller_networks_cost_less() -> None:
    assert cost(RAM_SWIN_B_384, ALL).encoder_gmac < 0.5 * cost(RAM_SWIN_L_384, ALL).encoder_gmac
    swin_l_224 = cost(RAM_SWIN_L_224, ALL).encoder_gmac
    assert swin_l_224 == pytest.approx(34.5, rel=0.02)  # table 1 of the Swin paper
    assert cost(TAG2TEXT_SWIN_B_384, [1] * 3429).labels_gmac == 0


@pytest.mark.parametrize("kind", ["ram", "ram++", "tag2text"])
@pytest.mark.parametrize("is_folded", [False, True])
def test_equal_to_what_torch_counts(kind: str, is_folded: bool) -> None:
    """At reduced width, to the last multiplication; and bytes to the last weight."""
    plan = Plan(kind)
    state = random_state(plan, captioner=False)
    config = config_of(Path("state"), kind, state, plan.side)
    counts = [plan.rows if kind == "ram++" else 1] * plan.tags
    tagger = build(config, counts)
    tagger.load_state_dict(state)
    tagger.requires_grad_(False)
    if is_folded:
        tagger.fold()
    # The counter does not know the fused attention of a CPU.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        tagger(pictures(plan, 1))
    found = cost(config, counts, folded=is_folded)
    row_wise = plan.tags * plan.hidden if kind == "tag2text" else 0  # no matrix product
    assert round(1e9 * found.gmac) == counter.get_total_flops() // 2 + row_wise
    assert found.weight_bytes == 4 * sum(p.numel() for p in tagger.parameters())
    assert cost(config, counts, "float16").weight_bytes * 2 == found.weight_bytes
