"""Counting what networks do, and fitting what it costs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge.boards.predict import Costs, Rates, batch_ms, parts_ms, read_costs
from edge.boards.profiles import Citation, Profile, Roofline
from edge.boards.work import Network, Work
from edge.bundle.read import open_bundle
from quantize.cli import main
from quantize.cost import making, published
from quantize.cost.bundled import counted_bundle
from quantize.cost.count import counted
from quantize.cost.fit import fitted, left_out
from quantize.cost.published import Board, Figure
from quantize.stages import cost as stage
from quantize.students import Student, load
from quantize.students.cost import gmac

ROOT = Path(__file__).parents[3]
COST = ROOT / "devices" / "cost"
KINDS = ("conv", "pointwise", "depthwise", "linear")


def graph(batch: object = "batch") -> onnx.ModelProto:
    """8 x 8 px: 3x3 convolution to 4 channels, depthwise 3x3, pointwise to 6, mean, 5 logits."""
    rng = np.random.default_rng(0)
    weights = {
        "a": (4, 3, 3, 3), "b": (4, 1, 3, 3), "c": (6, 4, 1, 1), "d": (6, 5),
    }  # fmt: skip
    pads = {"pads": [1, 1, 1, 1]}
    nodes = [
        helper.make_node("Cast", ["pixels"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["real"], ["x"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["x", "a"], ["y"], **pads),
        helper.make_node("Relu", ["y"], ["z"]),
        helper.make_node("Conv", ["z", "b"], ["u"], group=4, **pads),
        helper.make_node("Conv", ["u", "c"], ["v"]),
        helper.make_node("ReduceMean", ["v"], ["e"], axes=[2, 3], keepdims=0),
        helper.make_node("Gemm", ["e", "d"], ["tags"]),
    ]
    fed = helper.make_tensor_value_info("pixels", TensorProto.UINT8, [batch, 8, 8, 3])
    out = helper.make_tensor_value_info("tags", TensorProto.FLOAT, [batch, 5])
    held = [
        numpy_helper.from_array(rng.random(shape, np.float32), name)
        for name, shape in weights.items()
    ]
    made = helper.make_graph(nodes, "g", [fed], [out], held)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)])


def test_layers_are_counted_by_hand():
    network = counted(graph(), "small")
    assert network.side_px == 8
    assert network.work == {
        "conv": Work(1, 64 * 4 * 27, 4 * 27, 64 * 3 + 64 * 4),
        "depthwise": Work(1, 64 * 4 * 9, 4 * 9, 64 * 4 * 2),
        "pointwise": Work(1, 64 * 6 * 4, 6 * 4, 64 * 4 + 64 * 6),
        "other": Work(1, 0, 0, 64 * 6 + 6),
        "linear": Work(1, 30, 30, 6 + 5),
    }


def test_a_graph_whose_shapes_nobody_knows_is_refused():
    model = graph()
    model.opset_import.append(helper.make_opsetid("nowhere", 1))
    model.graph.node[2].op_type, model.graph.node[2].domain = "Mystery", "nowhere"
    with pytest.raises(ValueError, match="the shape of 'y' is not known"):
        counted(model, "odd")


def test_the_bundle_that_ships_is_counted_as_torch_counts_its_student():
    with open_bundle(None) as bundle:
        student, glance = counted_bundle(bundle)
    torch_student, _ = load(ROOT / "quantize" / "weights" / "default" / "student.safetensors")
    assert student.macs == pytest.approx(1e9 * gmac(torch_student, 224), rel=1e-6)
    assert student.work["depthwise"].layers == 17
    assert glance.side_px == 384
    recorded = msgspec.json.decode((COST / "networks.json").read_bytes(), type=list[Network])
    assert [student, glance] == [n for n in recorded if n.name.startswith(student.name)]


def made_up(seed: int, name: str) -> Network:
    rng = np.random.default_rng(seed)
    work = {
        k: Work(*(int(n) for n in rng.integers((1, 10**6, 10**3, 10**5), 10**8))) for k in KINDS
    }
    return Network(name, 224, {k: msgspec.structs.replace(w, layers=20) for k, w in work.items()})


RATES = Rates(
    50.0, 2.0, {"conv": 5.0, "pointwise": 4.0, "depthwise": 40.0, "linear": 9.0}, 80.0, 0.0, 0.0
)
TRUE = Costs(
    "made up", {"int8": 100.0, "float": 25.0}, {"tflite/int8": RATES}, {"int8": 1.0}, {"int8": 1.0}
)
NETWORKS = [made_up(seed, f"n{seed // 2}") for seed in range(16)]
PAIRS = [(network, sum(parts_ms(network, RATES, "int8"))) for network in NETWORKS]


def test_costs_are_found_again_and_none_is_below_0():
    found = fitted(PAIRS, "int8")
    for network in NETWORKS:
        wanted = sum(parts_ms(network, RATES, "int8"))
        assert sum(parts_ms(network, found, "int8")) == pytest.approx(wanted, rel=1e-3)
    cheap = [(network, 0.001) for network in NETWORKS]
    assert min(fitted(cheap, "int8").ns_a_kmac.values()) >= 0


def test_a_network_is_left_out_with_all_its_sizes():
    assert max(abs(m.off) for m in left_out(PAIRS, "int8")) < 0.01
    odd = [(n, 3 * ms if n.name == "n0" else ms) for n, ms in PAIRS]
    missed = left_out(odd, "int8")
    assert [m.off for m in missed if m.network == "n0@224"] == pytest.approx([-2 / 3] * 2, abs=0.01)


def test_three_networks_are_wanted():
    with pytest.raises(ValueError, match="expected 3 or more"):
        fitted(PAIRS[:2], "int8")


def board(name: str, slower: float) -> Board:
    roof = Roofline("cpu", "p", 40.0, (Citation("p", "arithmetic"),), float_gmac_s=20.0, cores=4)
    profile = Profile(name, name, "tflite", threads=4, roofline=roof)
    figures = tuple(
        Figure(f"{n.name}@224", "int8", slower * batch_ms(n, profile, TRUE, "int8", 1))
        for n in NETWORKS[::8]
    )
    return Board(name, "tflite", 4, "t", "https://example.org", roof, figures)


def test_the_factor_of_boards_is_found_and_a_board_is_judged_by_the_others():
    by_name = {f"{n.name}@224": n for n in NETWORKS[::8]}
    factor, compared = published.factor(
        [board("quick", 1.0), board("slow", 4.0)], by_name, TRUE, "int8"
    )
    assert factor == pytest.approx(2.0)
    assert {round(c.off, 6) for c in compared} == {4.0}  # each from the other alone
    with pytest.raises(ValueError, match="expected 2 or more"):
        published.factor([board("quick", 1.0)], by_name, TRUE, "int8")


def test_what_ships_is_what_the_command_fits_from_what_was_measured(tmp_path, capsys):
    shutil.copytree(COST, tmp_path / "cost")
    (tmp_path / "cost" / "model.json").unlink()
    assert main(["cost", "--out", str(tmp_path / "cost")]) == 0
    told = capsys.readouterr().out
    assert "each network predicted from the others" in told
    assert "a CPU board that is not here is predicted within a factor of" in told
    again, ships = read_costs(tmp_path / "cost" / "model.json"), read_costs()
    assert again.within == ships.within
    for key, rates in ships.rates.items():
        assert rates.middle_off == pytest.approx(again.rates[key].middle_off, abs=1e-3)
        assert rates.middle_off < 0.2  # else nothing should be predicted with it


def test_a_bundle_is_counted_beside_itself(tmp_path, capsys):
    copy = tmp_path / "shop"
    shutil.copytree(ROOT / "edge" / "bundles" / "default", copy)
    assert main(["cost", "--bundle", str(copy)]) == 0
    written = json.loads((tmp_path / "shop.networks.json").read_bytes())
    assert [n["name"] for n in written] == ["edge-tag-default", "edge-tag-default-glance"]


def test_without_measurements_the_command_says_how_to_get_them(tmp_path, capsys):
    assert main(["cost", "--out", str(tmp_path)]) == 2
    assert "--measure" in capsys.readouterr().err


def test_measuring_goes_on_after_the_last_network_that_was_timed(tmp_path, monkeypatch):
    timed = []

    def time(engines, seconds):
        timed.append(len(engines))
        if len(timed) == 2:
            raise KeyboardInterrupt
        return dict.fromkeys(engines, 1.0)

    fakes = {"SUBJECTS": (), "COUNTED": (), "timed": time, "refit": lambda out: time({}, 0)}
    for name, fake in fakes.items():
        monkeypatch.setattr(stage, name, fake)
    shutil.copytree(COST, tmp_path / "cost")
    args = ["cost", "--measure", "--out", str(tmp_path / "cost"), "--build", str(tmp_path / "b")]
    before = (tmp_path / "cost" / "measured.json").read_bytes()
    assert main(args) == 130
    assert (tmp_path / "cost" / "measured.json").read_bytes() == before
    timed.clear()
    assert main(args) == 130  # where it would fit
    assert timed == [3, 0]
    rows = json.loads((tmp_path / "cost" / "measured.json").read_bytes())["rows"]
    assert {row["network"] for row in rows} == {
        "edge-tag-default@224",
        "edge-tag-default-glance@384",
    }
    assert list((tmp_path / "b").iterdir()) == []


def test_a_converter_that_is_killed_leaves_no_half_artifact(tmp_path, monkeypatch):
    def killed(engine, model, side, folder):
        (folder / "student.onnx").write_bytes(b"hal")
        raise KeyboardInterrupt

    monkeypatch.setattr(making, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        making.export(Student({"tags": 2}).eval(), 32, tmp_path, "onnxruntime")
    assert not (tmp_path / "float" / "student.onnx").exists()
