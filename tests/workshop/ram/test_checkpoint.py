"""R1, R2, R3: what a checkpoint must be, and what is said of one that is not."""

from __future__ import annotations

import contextlib
import pickle
import random
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from safetensors.torch import save_file  # noqa: E402

from quantize.errors import WorkshopError  # noqa: E402
from quantize.ram.checkpoint import load  # noqa: E402
from quantize.ram.detect import config_of  # noqa: E402
from quantize.ram.layout import why_dropped  # noqa: E402
from quantize.ram.tagger import build  # noqa: E402
from quantize.students.state_file import read_state  # noqa: E402
from tests.workshop.ram.synthetic import Plan, layout, pictures, random_state, write  # noqa: E402

SMALL = {"tags": 4}
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module", params=["ram", "ram++"])
def plan(request: pytest.FixtureRequest) -> Plan:
    return Plan(request.param, **SMALL)


@pytest.fixture(scope="module")
def state(plan: Plan) -> dict:
    return random_state(plan)


def refusal(file: Path, **flags: object) -> str:
    with pytest.raises(WorkshopError) as caught:
        load(file, **flags)
    assert caught.value.exit_code == 2
    assert caught.value.fix
    return str(caught.value)


def test_only_the_weights_for_tags_are_kept(plan: Plan, state: dict, tmp_path: Path) -> None:
    """R1: optimiser, config, epoch, captioner, tied keys, buffers dropped, each with a reason."""
    tagger, report = load(write(state, tmp_path / "a.pth", 10), tags=plan.tags)
    assert report.is_complete
    assert report.kind == plan.kind
    assert set(report.loaded) == set(tagger.state_dict())
    assert report.dropped["optimizer"] == report.dropped["epoch"] == "not weights"
    masks = [key for key in state if key.endswith(("attn_mask", "position_index"))]
    assert {report.dropped[key] for key in masks} == {"rebuilt for the window"}
    if plan.kind == "ram":
        assert report.dropped["text_decoder.cls.predictions.bias"].startswith("captioner")
        tied = "tag_encoder.encoder.layer.1.crossattention.self.query.weight"
        assert "tagging_head" in report.dropped[tied]
        own = "tag_encoder.encoder.layer.1.attention.self.query.weight"
        assert report.dropped[own].startswith("captioner")
    beside = {"optimizer", "config", "epoch"}
    assert {*report.loaded, *report.dropped} == {*state, *beside}


def test_early_files_call_the_decoder_vision_multi(plan: Plan, state: dict, tmp_path: Path) -> None:
    """R3"""
    early = {key.replace("tagging_head", "vision_multi"): value for key, value in state.items()}
    tagger, report = load(write(early, tmp_path / "a.pth"), tags=plan.tags)
    usual, _ = load(write(state, tmp_path / "b.pth"), tags=plan.tags)
    image = pictures(plan, 1)
    assert torch.equal(tagger(image)[0], usual(image)[0])
    assert all("vision_multi" in key for key in report.renamed)
    assert len(report.renamed) == 32


def test_a_bare_state_dict_and_safetensors_load_alike(
    plan: Plan, state: dict, tmp_path: Path
) -> None:
    torch.save(state, tmp_path / "bare.pth")
    kept = {k: v.contiguous() for k, v in state.items() if not k.startswith(("tag_e", "text_d"))}
    save_file(kept, tmp_path / "a.safetensors")
    one, _ = load(tmp_path / "bare.pth", tags=plan.tags)
    two, _ = load(tmp_path / "a.safetensors", tags=plan.tags)
    image = pictures(plan, 1)
    assert torch.allclose(one(image)[0], two(image)[0], atol=1e-5)  # memory is aligned otherwise


def test_half_precision_files_compute_in_single(plan: Plan, state: dict, tmp_path: Path) -> None:
    half = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
    tagger, _ = load(write(half, tmp_path / "a.pth"), tags=plan.tags)
    assert {v.dtype for v in tagger.state_dict().values()} == {torch.float32}


def test_files_older_than_torch_1_6_load(plan: Plan, state: dict, tmp_path: Path) -> None:
    torch.save({"model": state}, tmp_path / "a.pth", _use_new_zipfile_serialization=False)
    assert load(tmp_path / "a.pth", tags=plan.tags)[1].is_complete


@pytest.mark.parametrize(
    "key",
    [
        "fc.bias",
        "image_proj.weight",
        "label_embed",
        "visual_encoder.norm.weight",
        "visual_encoder.patch_embed.proj.weight",
        "visual_encoder.layers.1.blocks.1.attn.relative_position_bias_table",
        "visual_encoder.layers.2.blocks.0.attn.relative_position_bias_table",
        "tagging_head.encoder.layer.0.intermediate.dense.weight",
        "tagging_head.encoder.layer.1.output.LayerNorm.bias",
    ],
)
def test_a_key_that_is_missing_or_renamed_is_named(
    key: str, plan: Plan, state: dict, tmp_path: Path
) -> None:
    """R2"""
    damaged = dict(state)
    value = damaged.pop(key)
    assert key in refusal(write(damaged, tmp_path / "a.pth"), tags=plan.tags)
    damaged[f"{key}.old"] = value
    said = refusal(write(damaged, tmp_path / "b.pth"), tags=plan.tags)
    assert key in said


def test_a_key_too_many_is_named(plan: Plan, state: dict, tmp_path: Path) -> None:
    """R2"""
    state = dict(state)
    file = write({**state, "surprise.weight": torch.ones(2)}, tmp_path / "a.pth")
    assert "1 unexpected: surprise.weight" in refusal(file, tags=plan.tags)
    _, report = load(file, tags=plan.tags, unexpected="ignore")
    assert report.unexpected == ("surprise.weight",)
    assert not report.is_complete
    del state["fc.bias"]
    file = write({**state, "surprise.weight": torch.ones(2)}, tmp_path / "b.pth")
    assert "1 missing: fc.bias; 1 un" in refusal(file, tags=plan.tags, unexpected="ignore")


@pytest.mark.parametrize(
    ("key", "shape", "said"),
    [
        ("fc.weight", (1, 97), "(1, 97), expected (1, 64)"),
        ("visual_encoder.layers.0.blocks.0.attn.qkv.bias", (100,), "(100,), expected (72,)"),
        (
            "visual_encoder.layers.3.blocks.0.attn.relative_position_bias_table",
            (49, 24),
            "(49, 24)",
        ),
        ("visual_encoder.layers.0.blocks.0.attn.relative_position_bias_table", (26, 3), "(26, 3)"),
        ("image_proj.weight", (32,), "2 dimensions"),
    ],
)
def test_a_wrong_shape_is_named(
    key: str, shape: tuple[int, ...], said: str, plan: Plan, state: dict, tmp_path: Path
) -> None:
    """R2"""
    file = write({**state, key: torch.ones(shape)}, tmp_path / "a.pth")
    found = refusal(file, tags=plan.tags)
    assert key in found or said in found
    assert said in found


def test_another_kind_is_refused_with_the_reason(plan: Plan, state: dict, tmp_path: Path) -> None:
    """R2"""
    file = write(state, tmp_path / "a.pth")
    other = "ram" if plan.kind == "ram++" else "ram++"
    said = refusal(file, kind=other)
    name, why = ("RAM++", "there is a") if plan.kind == "ram++" else ("RAM", "there is no")
    assert f"a {name} checkpoint" in said
    assert f"{why} reweight_scale" in said
    assert "label_embed has" in said


def test_tag2text_is_not_taken_for_ram(tmp_path: Path) -> None:
    file = write(random_state(Plan("tag2text", **SMALL)), tmp_path / "a.pth")
    assert "a Tag2Text checkpoint" in refusal(file, kind="ram")


def test_ram_plus_without_its_scale_is_seen_through(tmp_path: Path) -> None:
    """R2: it would pass for RAM with 51 times the tags."""
    state = random_state(Plan("ram++", **SMALL, rows=51))
    del state["reweight_scale"]
    said = refusal(write(state, tmp_path / "a.pth"), kind="ram", tags=4)
    assert "204 rows, 51 a tag: RAM++ without its reweight_scale" in said


def test_the_tag_list_must_fit(plan: Plan, state: dict, tmp_path: Path) -> None:
    rows = len(state["label_embed"])
    assert f"label_embed has {rows} rows" in refusal(write(state, tmp_path / "a.pth"), tags=3)


def test_51_descriptions_a_tag_are_assumed_without_a_tag_list(tmp_path: Path) -> None:
    state = random_state(Plan("ram++", **SMALL, rows=51))
    assert load(write(state, tmp_path / "a.pth"))[0].counts == (51,) * 4
    odd = random_state(Plan("ram++", **SMALL, rows=7))
    assert "a multiple of 51 descriptions" in refusal(write(odd, tmp_path / "b.pth"))


@pytest.mark.parametrize(("value", "said"), [(0.0, "all zeros"), (float("nan"), "not finite")])
def test_label_rows_without_content_are_refused(
    value: float, said: str, plan: Plan, state: dict, tmp_path: Path
) -> None:
    """R18: with rows of zeros every tag has the same score (upstream's issue 211)."""
    rows = state["label_embed"].clone()
    rows[-1] = value
    file = write({**state, "label_embed": rows}, tmp_path / "a.pth")
    found = refusal(file, tags=plan.tags)
    assert f"1 of {len(rows)} label rows are {said}" in found
    assert "'number 3'" in found


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"a.weight": torch.ones(2)}, "no Swin encoder"),
        ({"visual_encoder.layers.0.x": torch.ones(2)}, "without label_embed"),
        ({"model": {"a": "text"}}, "keys model"),
        ({"epoch": 3}, "keys epoch"),
        (torch.ones(3), "a Tensor"),
    ],
)
def test_other_files_are_refused(content: object, said: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "a.pth")
    assert said in refusal(tmp_path / "a.pth")


class Harmful:
    """What an attacker would put into a checkpoint: runs when unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("is_archive", [True, False])
def test_code_is_refused_and_never_run(is_archive: bool, tmp_path: Path) -> None:
    mark, file = tmp_path / "it ran", tmp_path / "a.pth"
    content = {"model": {"fc.bias": torch.ones(1)}, "config": Harmful(mark)}
    torch.save(content, file, _use_new_zipfile_serialization=is_archive)
    said = refusal(file)
    assert not mark.exists()
    assert "it would run" in said
    assert ("Path" if is_archive else "getattr") in said  # of an old file the first one alone


def test_a_bare_pickle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_bytes(pickle.dumps({"model": Harmful(tmp_path / "it ran")}))
    assert "does not parse" in refusal(tmp_path / "a.pth")
    assert not (tmp_path / "it ran").exists()


def test_damaged_files_are_refused(plan: Plan, state: dict, tmp_path: Path) -> None:
    whole = write(state, tmp_path / "a.pth").read_bytes()
    for name, content in (
        ("half.pth", whole[: len(whole) // 2]),
        ("empty.pth", b""),
        ("text.pth", b"<html>404</html>"),
        ("text.safetensors", b"<html>404</html>"),
    ):
        (tmp_path / name).write_bytes(content)
        assert name in refusal(tmp_path / name)
    assert "no such file" in refusal(tmp_path / "nowhere.pth")


@pytest.mark.parametrize(("width", "heads"), [(128, (4, 8, 16, 32)), (192, (6, 12, 24, 48))])
def test_fewer_blocks_at_a_published_width_are_another_network(
    width: int, heads: tuple[int, ...]
) -> None:
    plan = Plan("ram", width=width, heads=heads, depths=(1, 2, 3, 1))
    shapes = {k: s for k, s in layout(plan).items() if not why_dropped(k)}
    state = {key: torch.empty(shape, device="meta") for key, shape in shapes.items()}
    config = config_of(Path("a.pth"), "ram", state, None)
    assert config.swin.depths == (1, 2, 3, 1)
    with torch.device("meta"):
        tagger = build(config, (1,) * plan.tags)
    assert {k: tuple(v.shape) for k, v in tagger.state_dict().items()} == shapes


TINY = {"tags": 3, "width": 6, "heads": (1, 1, 2, 2), "hidden": 16, "inner": 16, "words": 8}


@pytest.mark.parametrize("is_archive", [True, False], ids=["archive", "before torch 1.6"])
@pytest.mark.parametrize("seed", range(5))
def test_any_damage_ends_in_a_refusal_or_a_tagger(
    seed: int, is_archive: bool, tmp_path: Path
) -> None:
    """Bytes changed in the pickle or the archive's list, or the end lost; never a traceback."""
    state, file = random_state(Plan("ram", **TINY), captioner=False), tmp_path / "a.pth"
    torch.save({"model": state}, file, _use_new_zipfile_serialization=is_archive)
    whole, draw = file.read_bytes(), random.Random(seed)
    for _ in range(8):
        damaged = bytearray(whole)
        for _ in range(draw.choice((1, 2, 8))):
            end = draw.choice((300, 20_000))
            damaged[draw.choice((draw.randrange(end), -1 - draw.randrange(3000)))] ^= (
                draw.randrange(1, 256)
            )
        file.write_bytes(damaged[: draw.choice((None, None, draw.randrange(len(whole))))])
        for read in (load, read_state):
            with contextlib.suppress(WorkshopError):
                read(file)


@pytest.mark.parametrize(
    "text", [b"root:x:0:0:root:/root:/bin/bash\n", b"c\n", b"}q\x00(", b"Version 1.0", b"\x80\x02c"]
)
def test_text_is_no_checkpoint(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_bytes(text)
    assert "does not parse" in refusal(tmp_path / "a.pth")
    with pytest.raises(WorkshopError):
        read_state(tmp_path / "a.pth")


def test_a_label_matrix_that_is_one_number_is_refused(
    plan: Plan, state: dict, tmp_path: Path
) -> None:
    changed = {**state, "label_embed": torch.tensor(1.0)}
    assert "label_embed has shape ()" in refusal(write(changed, tmp_path / "a.pth"))


@pytest.mark.parametrize("side", [0, -32, 64, 100, 385])
def test_image_sizes_without_whole_windows_are_refused(
    side: int, plan: Plan, state: dict, tmp_path: Path
) -> None:
    file = write(state, tmp_path / "a.pth")
    assert "a multiple of 32" in refusal(file, image_size=side, tags=plan.tags)


PEAK = """
import re, sys, torch
from pathlib import Path
from quantize.ram.checkpoint import load
torch.set_num_threads(1)
torch.zeros(1, 8) @ torch.zeros(8, 1)
def memory(what):  # getrusage would tell the parent's peak, where that was higher
    return 1024 * int(re.search(what + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
before = memory("VmRSS")
tagger, _ = load(Path(sys.argv[1]), tags=200)
touched = sum(float(p.sum()) for p in tagger.parameters())  # every page is there now
print(memory("VmHWM") - before, 4 * sum(p.numel() for p in tagger.parameters()))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_peak_memory_is_below_twice_the_kept_weights(tmp_path: Path) -> None:
    """R1: 46 MB kept of a file of 146 MB."""
    plan = Plan("ram++", tags=200, rows=100, words=512)
    file = write(random_state(plan), tmp_path / "a.pth", junk=25_000_000)
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(file)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    peak, kept = map(int, done.stdout.split())
    assert file.stat().st_size > 2.5 * kept
    assert 0.9 * kept < peak < 1.5 * kept
