"""F2: the image tower with its projections folded into one, for three engines, and in int8."""

from __future__ import annotations

import warnings
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")
for package in ("onnxscript", "onnxslim", "openvino", "litert_torch", "ai_edge_quantizer"):
    pytest.importorskip(package, reason="pip install 'edge-tag[quantize]'")

from edge.engines import open_engine  # noqa: E402
from quantize.export import Deployed, artifact, check, write  # noqa: E402
from quantize.fashion.checkpoint import load  # noqa: E402
from quantize.fashion.judged import VectorBench, rows_of, same_neighbour  # noqa: E402
from quantize.fashion.tower import FoldedTower, as_published, folded  # noqa: E402
from quantize.int8.backends import prepare  # noqa: E402
from quantize.int8.rounding import rounded  # noqa: E402
from quantize.int8.search import attempt  # noqa: E402
from quantize.int8.subject import Subject  # noqa: E402
from quantize.students import normalise  # noqa: E402
from tests.workshop.fashion.synthetic import Plan, random_state  # noqa: E402
from tests.workshop.fashion.synthetic import write as write_state  # noqa: E402

ENGINES = ("onnxruntime", "openvino", "tflite")
PLAN = Plan("retrieval", side=64, width=32, depth=2, joint=16)


@pytest.fixture(scope="module")
def tower(tmp_path_factory: pytest.TempPathFactory):
    """Network, folded tower, 24 pictures."""
    file = write_state(random_state(PLAN), tmp_path_factory.mktemp("fashion") / "a.pth")
    network, _ = load(file, heads=PLAN.heads)
    draw = np.random.default_rng(0)
    coarse = draw.integers(0, 256, (24, 8, 8, 3), np.uint8)
    pictures = coarse.repeat(PLAN.side // 8, 1).repeat(PLAN.side // 8, 2)
    return network, FoldedTower(network).eval(), pictures


@pytest.fixture(scope="module")
def float_files(tower, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("float")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for engine in ENGINES:
            write(engine, Deployed(tower[1]), PLAN.side, folder)
    return folder


def test_folding_changes_no_vector(tower) -> None:
    """F2: fold error below 1e-5, CLIP's normalisation taken in, length 1."""
    network, tower_, pictures = tower
    exact = network.image_vectors(as_published(pictures))
    got = tower_(normalise(torch.from_numpy(pictures)))["embedding"]
    assert (got - exact).abs().max() < 1e-5
    assert torch.allclose(got.norm(dim=1), torch.ones(len(pictures)), atol=1e-6)
    assert exact.std(0).mean() > 0.01, "all alike"


def test_two_linear_layers_are_one() -> None:
    """F2"""
    first, second = torch.nn.Linear(7, 5), torch.nn.Linear(5, 3)
    x = torch.randn(4, 7)
    assert (folded(first, second)(x) - second(first(x))).abs().max() < 1e-6


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_computes_the_same_at_batch_1_2_3(engine, tower, float_files) -> None:
    """F2"""
    _, tower_, pictures = tower
    files = artifact(float_files, engine)
    found = check(Deployed(tower_), engine, files, pictures[:3], engine)
    assert set(found) == {1, 2, 3}
    with closing(open_engine(engine, files, threads=1)) as opened:
        [vectors] = opened.run(pictures[:2]).values()
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 1e-5


@pytest.fixture(scope="module")
def backends() -> dict:
    """Those that were prepared: OpenVINO's takes over what was done for ONNX Runtime."""
    return {}


@pytest.mark.parametrize(
    ("engine", "method"),
    [("onnxruntime", "widest"), ("openvino", "qdq_widest"), ("tflite", "widest")],
)
def test_int8_keeps_vectors(engine, method, tower, float_files, backends, tmp_path) -> None:
    """F2: the workshop's int8; random weights are harder on it than trained ones."""
    _, tower_, pictures = tower
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        subject = Subject(Deployed(rounded(tower_, torch.from_numpy(pictures))), tower_)
        backends[engine] = prepare(engine, subject, pictures[:16], tmp_path, backends)
        with closing(VectorBench(engine, artifact(float_files, engine), pictures[8:])) as bench:
            tried = attempt(bench, backends[engine], method).tried
    assert not tried.error
    cosine = next(row for row in tried.rows if row.measure == "cosine")
    assert cosine.after > 0.95
    assert tried.heads["embedding"].sqnr_db > 10


def test_the_judge_counts_neighbours_that_are_sure() -> None:
    exact = np.eye(4, dtype=np.float32)
    exact[1] = [0.8, 0.6, 0, 0]  # near the first
    assert same_neighbour(exact, exact) == (1.0, 2)
    other = exact.copy()
    other[0] = [0, 0, 0, 1]
    share, asked = same_neighbour(exact, other)
    assert (share, asked) == (0.5, 2) or share < 1
    near, same = rows_of("onnxruntime", exact, other)
    assert not near.passed
    assert not same.passed
    assert not rows_of("onnxruntime", exact, np.full_like(exact, np.nan))[0].passed
