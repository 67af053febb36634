"""A1, A6 and A7: the loss, the learning rates, the loop, and what it leaves of itself: nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from torch import Tensor, nn  # noqa: E402

from quantize.lowdata import train as lowdata  # noqa: E402
from quantize.lowdata.batches import Batch, TrainingSet, judge_on  # noqa: E402
from quantize.lowdata.settings import RunSettings, head_ratio, lr_share  # noqa: E402
from quantize.lowdata.train import (  # noqa: E402
    Selection,
    divergence,
    loss_of,
    new_head,
    optimizer_of,
    train,
)
from tests.workshop.lowdata.tiny_nets import TAGS, TinyCnn, TinyVit  # noqa: E402

ALPHA = 0.1


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """A second thread costs networks this small more than it brings."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Given(nn.Module):
    """Embeddings and logits as they come in: x is (N, D + T)."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"embedding": x[:, :4], "shape": x[:, 4:]}


def views(crops: int, seed: int = 0) -> Batch:
    draw = torch.Generator().manual_seed(seed)
    parts = [torch.randn(5, 7, generator=draw).mul(2).requires_grad_() for _ in range(1 + crops)]
    return Batch(parts[0], tuple(parts[1:]), torch.tensor([0, 2, 1, 1, 0]))


def by_hand(batch: Batch, alpha: float) -> float:
    """Formula of seeds.md 2.3, element by element in double precision."""

    def softmax(row: np.ndarray) -> np.ndarray:
        e = np.exp(row - row.max())
        return e / e.sum()

    main, *crops = (x.detach().double().numpy() for x in (batch.main, *batch.crops))
    n = len(main)
    value = -sum(np.log(softmax(main[i, 4:])[batch.labels[i]]) for i in range(n)) / n
    if not crops:
        return float(value)
    teacher = crops[1] if len(crops) == 2 else main
    apart = 0.0
    for i in range(n):
        p, q = softmax(teacher[i, :4]), softmax(crops[0][i, :4])
        apart += sum(p[d] * (np.log(p[d]) - np.log(q[d])) for d in range(4))
    return float(value + alpha * apart / n)


@pytest.mark.parametrize("crops", [0, 1, 2])
def test_a1_the_loss_equals_a_hand_written_one(crops: int) -> None:
    batch = views(crops)
    assert loss_of(Given(), "shape", batch, ALPHA).item() == pytest.approx(
        by_hand(batch, ALPHA), rel=1e-6
    )
    if crops:
        assert by_hand(batch, ALPHA) > by_hand(Batch(batch.main, (), batch.labels), 0) + 0.01


@pytest.mark.parametrize("crops", [1, 2])
def test_a1_both_sides_of_the_divergence_learn(crops: int) -> None:
    batch = views(crops)
    loss_of(Given(), "shape", batch, ALPHA).backward()
    strong, teacher = batch.crops[0], batch.crops[1] if crops == 2 else batch.main
    for side in (strong, teacher):
        assert side.grad is not None
        assert side.grad[:, :4].abs().min() > 0
    # with two crops the label alone moves the main view
    assert (batch.main.grad[:, :4].abs().max() > 0) == (crops == 1)


def test_a1_the_gradient_is_that_of_the_formula() -> None:
    batch = views(2)
    loss_of(Given(), "shape", batch, ALPHA).backward()
    for which in (0, 1):
        values = []
        for step in (1e-3, -1e-3):
            changed = [crop.detach().double() for crop in batch.crops]
            changed[which][2, 1] += step
            values.append(by_hand(Batch(batch.main, tuple(changed), batch.labels), ALPHA))
        slope = (values[0] - values[1]) / 2e-3
        assert batch.crops[which].grad[2, 1].item() == pytest.approx(slope, rel=1e-3)


def test_a1_an_infinite_divergence_is_left_out_of_its_step() -> None:
    batch = views(2)
    with torch.no_grad():
        batch.crops[0][:, 0] = -torch.inf  # the strong crop calls impossible what the weak one sees
    assert torch.isinf(divergence(batch.crops[1][:, :4], batch.crops[0][:, :4]))
    value = loss_of(Given(), "shape", batch, ALPHA)
    value.backward()
    assert value.item() == pytest.approx(by_hand(Batch(batch.main, (), batch.labels), 0), rel=1e-6)
    assert torch.isfinite(batch.main.grad).all()


def test_a1_features_that_agree_are_zero_apart_and_temperature_is_one() -> None:
    f, g = torch.tensor([[0.0, 0.0]]), torch.tensor([[float(np.log(3)), 0.0]])
    assert divergence(f, f).item() == 0
    assert divergence(f, g + 5).item() == pytest.approx(0.5 * np.log(4 / 3), rel=1e-5)
    assert divergence(f.repeat(7, 1), g.repeat(7, 1)).item() == pytest.approx(
        0.5 * np.log(4 / 3), rel=1e-5
    )


def test_a1_each_view_is_a_forward_pass_of_its_own_through_batch_norm() -> None:
    net = TinyCnn().train()
    x = torch.randn(4, 3, 32, 32)
    loss_of(net, "shape", Batch(x, (x + 3, x - 3), torch.zeros(4, dtype=torch.long)), ALPHA)
    assert net.norm.num_batches_tracked == 3


def test_a1_the_head_learns_faster_the_fewer_pictures_there_are() -> None:
    ratios = [head_ratio(split) for split in ("5", "10", "15", "30", "50", "100", "1i")]
    assert ratios == [20, 10, 6.5, 3.5, 2, 1, 10]
    groups = optimizer_of(TinyCnn(), "shape", run("double_crop", batch=12)).param_groups
    assert [g["full_lr"] for g in groups] == [0.015, 0.15]
    assert all(g["nesterov"] and g["momentum"] == 0.9 and not g["weight_decay"] for g in groups)
    sizes = [sum(p.numel() for p in g["params"]) for g in groups]
    assert sizes == [3 * 8 * 9 + 16, 8 * TAGS + TAGS]


def test_the_learning_rate_falls_in_four_stairs() -> None:
    shares = [round(lr_share(step, 40_000), 9) for step in (0, 19_999, 20_000, 30_000, 36_000)]
    assert shares == [1, 1, 0.1, 0.01, 0.001]
    assert lr_share(39_999, 40_000) == pytest.approx(1e-4)


def test_a_new_head_depends_on_its_seed_and_is_small() -> None:
    one, other = TinyCnn(), TinyCnn()
    for net in (one, other):
        new_head(net, "shape", 3)
    assert torch.equal(one.heads["shape"].weight, other.heads["shape"].weight)
    assert 0.003 < one.heads["shape"].weight.std() < 0.02
    assert not one.heads["shape"].bias.any()


def run(method: str, **changes: object) -> RunSettings:
    return RunSettings(method, "10", **{"steps": 6, "side": 32, "batch": 4, "every": 2} | changes)  # type: ignore[arg-type]


def shapes(count: int = 9) -> TrainingSet:
    """Pictures of one colour each: red, green, blue."""
    rng = np.random.default_rng(0)
    pictures = []
    for i in range(count):
        rgb = rng.integers(0, 60, (40, 44, 3), np.uint8)
        rgb[..., i % TAGS] += 180
        pictures.append(rgb)
    return TrainingSet(pictures, np.arange(count) % TAGS)


def net(kind: Callable[[], nn.Module] = TinyCnn) -> nn.Module:
    torch.manual_seed(0)
    return kind()


@pytest.mark.parametrize("kind", [TinyCnn, TinyVit])
@pytest.mark.parametrize("method", ["vanilla", "double_crop", "single_crop"])
def test_a6_any_network_learns_with_the_recipe(
    tmp_path: Path, kind: Callable[[], nn.Module], method: str
) -> None:
    model, pool = net(kind), shapes()
    asked = judge_on(np.stack(pool.pictures)[:, 4:36, 4:36], pool.labels.tolist(), "shape")
    kept = train(model, "shape", pool, run(method, steps=24, every=8), tmp_path, asked)
    assert [step for step, _ in kept.looks] == [8, 16, 24]
    assert kept.validation == max(share for _, share in kept.looks) == asked(model)
    assert asked(model) > 0.9


def test_methods_differ_from_vanilla_and_from_each_other(tmp_path: Path) -> None:
    weights = []
    for method in ("vanilla", "double_crop", "single_crop"):
        model = net()
        train(model, "shape", shapes(), run(method, middle=1.0), tmp_path / method)
        weights.append(model.conv.weight.detach().clone())
    assert not torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[1], weights[2])


class KilledError(Exception):
    pass


@pytest.mark.parametrize("after", [3, 6])
def test_a_killed_run_goes_on_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    judge = judge_on(np.stack(shapes().pictures)[:, 4:36, 4:36], shapes().labels.tolist(), "shape")
    whole = net()
    wanted = train(whole, "shape", shapes(), run("double_crop"), tmp_path / "whole", judge)
    real, calls = lowdata.batch_at, []

    def dying(*args: object) -> Batch:
        calls.append(args)
        if len(calls) > after:
            raise KilledError
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(lowdata, "batch_at", dying)
    if after < 6:
        with pytest.raises(KilledError):
            train(net(), "shape", shapes(), run("double_crop"), tmp_path / "killed", judge)
    else:  # after its last step, before anything was written beside the checkpoint
        train(net(), "shape", shapes(), run("double_crop"), tmp_path / "killed", judge)
    monkeypatch.undo()
    again = net()
    kept = train(again, "shape", shapes(), run("double_crop"), tmp_path / "killed", judge)
    assert kept == wanted
    for name, value in whole.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name


def test_the_weights_that_are_kept_are_the_best_ones_and_the_later_of_equals(
    tmp_path: Path,
) -> None:
    shares, seen = iter([0.5, 0.7, 0.7, 0.6]), []

    def judge(model: nn.Module) -> float:
        seen.append(model.conv.weight.detach().clone())
        return next(shares)

    model = net()
    kept = train(model, "shape", shapes(), run("vanilla", steps=8), tmp_path, judge)
    assert kept == Selection(6, 0.7, ((2, 0.5), (4, 0.7), (6, 0.7), (8, 0.6)))
    assert torch.equal(model.conv.weight, seen[2])
    assert not torch.equal(model.conv.weight, seen[3])


def test_without_held_out_pictures_the_last_step_is_kept(tmp_path: Path) -> None:
    assert train(net(), "shape", shapes(), run("vanilla"), tmp_path) == Selection(6, None)


class Stated(nn.Module):
    """A network as an exporter wants it: tensors out."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        outputs = self.inner(x)
        return outputs["embedding"], outputs["shape"]


@pytest.mark.filterwarnings("ignore")  # the exporter warns of its own insides
def test_a7_what_is_exported_costs_the_same_after_either_run(tmp_path: Path) -> None:
    graphs = []
    for method in ("vanilla", "double_crop"):
        model = net()
        train(model, "shape", shapes(), run(method, steps=2), tmp_path / method)
        program = torch.onnx.export(
            Stated(model.eval()), (torch.zeros(2, 3, 32, 32),), dynamo=True, verbose=False
        )
        graphs.append(program.model_proto.graph)
    vanilla, crops = ([node.op_type for node in graph.node] for graph in graphs)
    assert len(vanilla) > 3
    assert crops == vanilla
    sizes = [[tuple(x.dims) for x in graph.initializer] for graph in graphs]
    assert sizes[0] == sizes[1]
