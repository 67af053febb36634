"""F1, F3, F6, F7: outputs equal to an independent reference, from the published layout."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from quantize.fashion.checkpoint import load, resized  # noqa: E402
from quantize.fashion.configs import FashionConfig  # noqa: E402
from quantize.fashion.network import FashionNet  # noqa: E402
from tests.workshop.fashion import reference as ref  # noqa: E402
from tests.workshop.fashion.synthetic import (  # noqa: E402
    FULL,
    KINDS,
    Plan,
    layout,
    pictures,
    random_state,
    texts,
    write,
)

SHARED = Path(__file__).parents[4] / "shared" / "reference" / "fashionsap_state_dict.txt"
TOLERANCE = 1e-4  # of F1; about 1e-6 is seen
LENGTHS = [7, 4, 5]


def opened(kind: str, folder: Path) -> tuple[Plan, dict, FashionNet]:
    plan = Plan(kind)
    state = random_state(plan)
    network, _ = load(write(state, folder / "a.pth", 100), heads=plan.heads)
    return plan, ref.double(state), network


def fused(plan: Plan, s: dict, image, ids, mask) -> list:
    """State of each pair, by the reference."""
    return [
        ref.fused_state(
            s,
            ref.text_state(s, ids[i, : int(mask[i].sum())], plan.heads, plan.fused_from),
            ref.image_state(s, image[i].double(), plan.heads),
            plan.heads,
            plan.fused_from,
        )
        for i in range(len(ids))
    ]


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_retrieval_vectors_equal_the_reference(batch: int, tmp_path: Path) -> None:
    """F1: pictures and texts of different lengths, at batch 1, 2, 3."""
    plan, s, network = opened("retrieval", tmp_path)
    image, (ids, mask) = pictures(plan, batch), texts(plan, LENGTHS[:batch])
    seen, read = network.image_vectors(image), network.text_vectors(ids, mask)
    for i in range(batch):
        wanted = ref.image_vector(s, image[i].double(), plan.heads)
        own = ref.text_state(s, ids[i, : LENGTHS[i]], plan.heads, plan.fused_from)
        assert (seen[i] - wanted).abs().max() < TOLERANCE
        assert (read[i] - ref.text_vector(s, own[0])).abs().max() < TOLERANCE
    assert torch.allclose(seen.norm(dim=1), torch.ones(batch))


@pytest.mark.parametrize("kind", ["retrieval", "pretrain"])
def test_matching_equals_the_reference(kind: str, tmp_path: Path) -> None:
    """F1"""
    plan, s, network = opened(kind, tmp_path)
    image, (ids, mask) = pictures(plan, 3), texts(plan, LENGTHS)
    wanted = [ref.linear(s, "itm_head", x[0]) for x in fused(plan, s, image, ids, mask)]
    got = network.matching(image, ids, mask)
    assert (got - torch.stack(wanted)).abs().max() < TOLERANCE


@pytest.mark.parametrize("at", [0, 3])
def test_category_logits_equal_the_reference(at: int, tmp_path: Path) -> None:
    """F1, F6: at the first token, and at that of a mask."""
    plan, s, network = opened("category", tmp_path)
    image, (ids, mask) = pictures(plan, 3), texts(plan, LENGTHS)
    wanted = [ref.category_logits(s, x[at]) for x in fused(plan, s, image, ids, mask)]
    got = network.categories(image, ids, mask, torch.full((3,), at))
    assert got.shape == (3, plan.classes)
    assert (got - torch.stack(wanted)).abs().max() < TOLERANCE


def test_query_vectors_equal_the_reference(tmp_path: Path) -> None:
    """F1, F7"""
    plan, s, network = opened("tgir", tmp_path)
    image, (ids, mask) = pictures(plan, 3), texts(plan, LENGTHS)
    wanted = [ref.text_vector(s, x[0]) for x in fused(plan, s, image, ids, mask)]
    got = network.query_vectors(image, ids, mask)
    assert (got - torch.stack(wanted)).abs().max() < TOLERANCE


def test_words_and_replacements_equal_the_reference(tmp_path: Path) -> None:
    """F1, F8"""
    plan, s, network = opened("pretrain", tmp_path)
    image, (ids, mask) = pictures(plan, 3), texts(plan, LENGTHS)
    states = fused(plan, s, image, ids, mask)
    words = network.words(image, ids, mask)
    replaced = network.replace_predict_layer(network.fused(image, ids, mask))
    for i, state in enumerate(states):
        n = LENGTHS[i]
        assert (words[i, :n] - ref.word_logits(s, state)).abs().max() < TOLERANCE
        assert (replaced[i, :n] - ref.replaced_logits(s, state)).abs().max() < TOLERANCE


def test_padding_changes_no_vector(tmp_path: Path) -> None:
    """F3: a text padded to 10 or to 180 tokens, alone or beside a longer one."""
    plan, _, network = opened("retrieval", tmp_path)
    ids, mask = texts(plan, [6])
    alone = network.text_vectors(ids, mask)
    for length in (10, 180):
        more = torch.nn.functional.pad(ids, (0, length - 6)), torch.zeros(1, length).long()
        more[1][:, :6] = 1
        assert (network.text_vectors(*more) - alone).abs().max() < 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_every_tensor_matters(kind: str) -> None:
    """F1: a bias that is loaded and never added would pass no parity test, if it is zero there."""
    plan = Plan(kind)
    network, state = _fresh(plan), random_state(plan)
    network.load_state_dict({k: v for k, v in state.items() if k in network.state_dict()})
    image, (ids, mask) = pictures(plan, 2), texts(plan, LENGTHS[:2])
    with torch.enable_grad():
        total = sum(out.flatten() @ torch.linspace(-1, 1.7, out.numel())
                    for out in _outputs(network, image, ids, mask))  # fmt: skip
        total.backward()
    for key, value in network.named_parameters():
        if not key.endswith(("self.key.bias", "temp")):  # all keys alike: softmax is blind
            assert value.grad is not None, key
            assert value.grad.abs().max() > 1e-7, key


@pytest.mark.parametrize("kind", KINDS)
def test_the_synthetic_layout_is_the_published_one(kind: str) -> None:
    """F1"""
    assert layout(Plan(kind, **FULL)) == published(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_the_full_size_network_has_the_published_keys(kind: str) -> None:
    """F1"""
    with torch.device("meta"):
        network = FashionNet(FashionConfig(kind, classes=48))
    ours = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    left_out = r"_m\.|queue|position_ids"
    assert ours == {k: v for k, v in published(kind).items() if not re.search(left_out, k)}


def test_positions_are_resized_as_bicubic_does() -> None:
    """F1: the token of the picture stays; a constant grid stays constant, a slope stays a slope."""
    slope = torch.arange(8.0)[:, None].expand(8, 8).reshape(1, 64, 1)
    out = resized(torch.cat([torch.full((1, 1, 1), 9.0), slope], 1), 17)[0, :, 0]
    assert out[0] == 9
    grid = out[1:].reshape(4, 4)
    assert torch.allclose(grid, grid[:, :1].expand(4, 4), atol=1e-5)
    assert torch.allclose(grid[1:3, 0], torch.tensor([2.5, 4.5]), atol=1e-5)


def published(kind: str) -> dict[str, tuple[int, ...]]:
    """Key -> shape from the list in ../shared; skips where it is not."""
    if not SHARED.exists():
        pytest.skip(f"{SHARED} is not here")
    rows = [line.split("\t") for line in SHARED.read_text().splitlines() if line[0] != "#"]
    name = "catereg48" if kind == "category" else kind
    return {
        row[1]: tuple(int(n) for n in re.findall(r"\d+", row[2])) for row in rows if row[0] == name
    }


def _fresh(plan: Plan) -> FashionNet:
    from quantize.fashion.layout import config_of, sorted_out

    kept, _, _ = sorted_out(random_state(plan))
    return FashionNet(config_of(Path("a"), plan.kind, kept, None, plan.heads)).eval()


def _outputs(network: FashionNet, image, ids, mask) -> list:
    if network.config.kind == "category":
        return [network.categories(image, ids, mask, torch.zeros(2, dtype=torch.long))]
    outputs = [network.image_vectors(image), network.query_vectors(image, ids, mask)]
    if network.config.kind != "tgir":
        outputs.append(network.matching(image, ids, mask))
    if network.config.kind == "pretrain":
        outputs.append(network.words(image, ids, mask))
        outputs.append(network.replace_predict_layer(network.fused(image, ids, mask)))
    return outputs
