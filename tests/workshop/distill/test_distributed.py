"""Two processes under torchrun train as one does: real processes, gloo, 127.0.0.1."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")
if not torch.distributed.is_available():
    pytest.skip("this torch was built without torch.distributed", allow_module_level=True)

from safetensors.torch import load_file  # noqa: E402

from quantize import cli  # noqa: E402
from quantize.errors import WorkshopError  # noqa: E402
from quantize.training.distributed import ALONE, Group, Step, process_group  # noqa: E402
from quantize.training.shared_norm import share_norms  # noqa: E402
from tests.workshop.distill import worker, write_labels, write_pictures  # noqa: E402

ROOT = Path(__file__).parents[3]
SHORT = ["--student", "tiny", "--start", "random", "--side", "32", "--batch", "16"]
SHORT += ["--lr", "0.01", "--device", "cpu"]


def torchrun(*arguments: object) -> str:
    """worker.py in two processes. Returns what they wrote to stdout."""
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    # Without the dashes torchrun takes our --start for one of its own flags.
    done = subprocess.run(
        [*start, "-m", "tests.workshop.distill.worker", "--", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Warning" not in done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("images") / "images", 60)


@pytest.fixture(scope="module")
def made(images: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """What one process and what two processes make of the same."""
    folder = tmp_path_factory.mktemp("made")
    worker.check(ALONE, images, folder / "one")
    torchrun("check", images, folder / "two")
    return folder / "one", folder / "two"


def same(one: Path, other: Path, within: float) -> None:
    first, second = load_file(one), load_file(other)
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.allclose(value.double(), second[name].double(), rtol=0, atol=within), name


def test_two_processes_train_to_the_weights_of_one(made: tuple[Path, Path]) -> None:
    """The whole loop over two epochs, batch norms and averages and all."""
    one, two = made
    same(one / "weights.safetensors", two / "weights.safetensors", 1e-9)
    losses = [
        [json.loads(line)["loss"] for line in (out / "log.jsonl").read_text().splitlines()]
        for out in made
    ]
    assert len(losses[1]) == worker.EPOCHS  # one process writes
    assert losses[1] == pytest.approx(losses[0], rel=1e-9)
    assert losses[0][1] < losses[0][0]


def test_shared_norms_have_the_gradients_and_statistics_of_the_whole_batch(
    made: tuple[Path, Path],
) -> None:
    same(made[0] / "norms.safetensors", made[1] / "norms.safetensors", 1e-12)


def test_processes_that_see_different_checkpoints_are_refused(made: tuple[Path, Path]) -> None:
    """Two hosts without a shared --out: one would go on where the other begins."""
    said = {(made[1] / f"refused-{rank}.txt").read_text() for rank in (0, 1)}
    assert said == {"checkpoint.pt: processes see 0 and 1, expected the same in all of them"}
    assert not list(made[0].glob("refused*"))


@pytest.mark.slow
def test_the_stage_under_torchrun(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is written and spoken of once; a single process finds it done."""
    labels, out = write_labels(images, tmp_path / "soft"), tmp_path / "out"
    given = ["distill", "--images", images, "--labels", labels, "--out", out, "--epochs", 6, *SHORT]
    said = torchrun("cli", *given)
    assert said.count("mean AP") == 1
    assert len((out / "log.jsonl").read_text().splitlines()) == 6
    result = json.loads((out / "recipe.json").read_text())["result"]
    assert result["mean_ap"] > result["mean_ap_of_chance"] + 0.05
    assert cli.main(list(map(str, given))) == 0
    assert capsys.readouterr().out == said


class Row(msgspec.Struct, frozen=True, eq=False):
    pixels: torch.Tensor
    soft: torch.Tensor | None
    named: dict[str, torch.Tensor]


def test_parts_of_a_record_are_parts_of_all_it_holds() -> None:
    whole = Row(torch.arange(8), None, {"a": torch.arange(8) * 2})
    parts = [Group("cpu", rank, 4).part(whole) for rank in range(4)]
    assert torch.equal(torch.cat([p.pixels for p in parts]), whole.pixels)
    assert torch.equal(torch.cat([p.named["a"] for p in parts]), whole.named["a"])
    assert [p.soft for p in parts] == [None] * 4
    assert list(Group("cpu", 1, 2).part(np.arange(4))) == [2, 3]
    with pytest.raises(WorkshopError, match="6 pictures for 4 processes, expected a multiple of 4"):
        Group("cpu", 0, 4).part(list(range(6)))


def test_alone_nothing_is_wrapped_or_waited_for() -> None:
    step = Step(torch.nn.Linear(1, 1), lambda model, x: model(x).sum())
    assert ALONE.wrap(step) is step
    assert ALONE.part([1, 2, 3]) == [1, 2, 3]
    assert ALONE.once(lambda: 7) == 7
    assert ALONE.mean(torch.tensor(2.0)) == 2.0
    ALONE.agree("x", 1)
    ALONE.wait()


def test_without_torchrun_a_process_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with process_group("cpu") as group:
        assert group == Group("cpu", 0, 1)
        assert not torch.distributed.is_initialized()


def test_half_of_torchruns_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch system may set WORLD_SIZE for its own purposes."""
    for name in ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(WorkshopError, match="WORLD_SIZE without LOCAL_RANK") as refused:
        process_group("cpu").__enter__()
    assert refused.value.fix == "start with torchrun, or unset WORLD_SIZE"


def test_norms_that_do_more_than_norm_stay_as_they_are() -> None:
    """timm's have an activation in them, which torch's own conversion would drop."""

    class WithRelu(torch.nn.BatchNorm2d):
        pass

    plain, other = torch.nn.BatchNorm2d(2), WithRelu(2)
    network = torch.nn.Sequential(plain, other, torch.nn.BatchNorm2d(2, affine=False))
    share_norms(network)
    assert [type(m).__name__ for m in network] == ["SharedNorm", "WithRelu", "BatchNorm2d"]
    assert network[0].weight is plain.weight
    assert network[0].running_mean is plain.running_mean
    x = torch.randn(4, 2, 3, 3)
    assert torch.equal(network[0].eval()(x), plain.eval()(x))
