"""Every teacher keeps the contract of quantize/teachers, and says what its file says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from onnx import TensorProto  # noqa: E402

from quantize import students  # noqa: E402
from quantize.errors import WorkshopError  # noqa: E402
from quantize.pictures import Sample, TagList, read, write_lists  # noqa: E402
from quantize.teachers import Request, Teacher, open_teacher  # noqa: E402
from tests.workshop.label import (  # noqa: E402
    MEAN,
    SCALE,
    SHARED,
    SIDE,
    TAGS,
    expected,
    noise,
    write_onnx,
    write_tags,
)
from tests.workshop.ram import synthetic  # noqa: E402

EDGETPU = SHARED / "teachers/mobilenet_edgetpu_224_1.0_uint8.tflite"
STOCK = SHARED / "teachers/tf2_mobilenet_v2_1.0_224_ptq.tflite"
IMAGENET = SHARED / "teachers/imagenet_labels.txt"
TFLITE = Path(__file__).parents[2] / "contract/models"

Maker = Callable[[Path], Request]


def onnx_float(folder: Path) -> Request:
    file = write_onnx(folder / "tiny.onnx")
    return Request(name="onnx", checkpoint=file, mean=MEAN, scale=SCALE)


def onnx_bytes(folder: Path) -> Request:
    file = write_onnx(folder / "tiny.onnx", "sigmoid", 1, "nhwc", dtype=TensorProto.UINT8)
    return Request(name="onnx", checkpoint=file)


def tflite_of(file: Path) -> Maker:
    return lambda _: Request(name="tflite", checkpoint=file, tag_list=IMAGENET)


def student(folder: Path) -> Request:
    torch.manual_seed(0)
    students.save(
        students.Student({"tags": 7, "hats": 4}).eval(),
        {"final_side": 32},
        folder / "s.safetensors",
    )
    hats = TagList(("cap", "beret", "fez"), (None,) * 3)
    write_lists({"hats": hats}, folder)
    return Request(name="student", checkpoint=folder / "s.safetensors", model="hats")


def ram_of(kind: str, name: str) -> Maker:
    def make(folder: Path) -> Request:
        plan = synthetic.Plan(kind)
        state = synthetic.random_state(plan, captioner=False)
        file = synthetic.write(state, folder / "weights.pth")
        tags = write_tags(folder / "tags.txt", [f"tag {i}" for i in range(plan.tags)])
        return Request(name=name, checkpoint=file, tag_list=tags)

    return make


def timm_of(name: str, side: int | None) -> Maker:
    def make(folder: Path) -> Request:
        timm = opened_timm()
        torch.manual_seed(0)
        network = timm.create_model(name, pretrained=False, num_classes=5)
        torch.save({"state_dict": network.state_dict()}, folder / "weights.pth")
        tags = write_tags(folder / "tags.txt")
        return Request(
            name="timm", model=name, checkpoint=folder / "weights.pth", tag_list=tags, side=side
        )

    return make


def opened_timm():
    try:
        from quantize.timm_import import import_timm

        return import_timm()
    except ModuleNotFoundError:
        pytest.skip("pip install --no-deps timm torchvision && pip install pyyaml huggingface_hub")


CASES: dict[str, Maker] = {
    "onnx-float": onnx_float,
    "onnx-bytes-batch-of-one": onnx_bytes,
    "tflite-edgetpu": tflite_of(EDGETPU),
    "tflite-mobilenet": tflite_of(STOCK),
    "student": student,
    "ram": ram_of("ram", "ram"),
    "ram_plus": ram_of("ram++", "ram_plus"),
    "tag2text": ram_of("tag2text", "tag2text"),
    "timm-convolutions": timm_of("mobilenetv3_small_050", 64),
    "timm-attention": timm_of("test_vit", None),
}


@pytest.fixture(params=CASES)
def teacher(request: pytest.FixtureRequest, tmp_path: Path) -> Teacher:
    if "tflite" in request.param and not SHARED.exists():
        pytest.skip("../shared/data/teachers is not here")
    return open_teacher(CASES[request.param](tmp_path))


def test_teacher_keeps_the_contract(teacher: Teacher) -> None:
    pictures = noise(3, side=40)
    about = teacher.about
    logits, embedding = teacher.look(pictures)
    assert logits.shape == (3, len(about.tags))
    assert logits.dtype == np.float32
    assert embedding is None or embedding.dtype == np.float32
    assert (0 if embedding is None else embedding.shape[1]) == about.embedding
    assert len(set(about.tags)) == len(about.tags)
    assert about.thresholds is None or len(about.thresholds) == len(about.tags)
    assert float(np.ptp(logits, 0).max()) > 0, "it does not look"

    again = teacher.look(pictures)
    assert np.array_equal(again[0], logits)
    fitted = [teacher.fit(picture) for picture in pictures]
    assert {picture.shape for picture in fitted} == {(*about.side, 3)}
    assert np.array_equal(teacher.look(fitted)[0], logits)
    for i, picture in enumerate(pictures):
        alone, apart = teacher.look([picture])
        assert np.allclose(alone[0], logits[i], atol=1e-4)
        assert embedding is None or np.allclose(apart[0], embedding[i], atol=1e-4)


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("ends", ["logits", "softmax", "sigmoid", "baked"])
@pytest.mark.parametrize("colour", ["rgb", "bgr"])
def test_onnx_gives_what_stands_before_its_end(
    tmp_path: Path, layout: str, ends: str, colour: str
) -> None:
    file = write_onnx(tmp_path / "a.onnx", ends, layout=layout, colour=colour)
    teacher = open_teacher(
        Request(name="onnx", checkpoint=file, mean=MEAN, scale=SCALE, colour=colour)
    )
    pictures = noise(3)
    logits, embedding = teacher.look(pictures)
    wanted, pooled = expected(pictures)
    assert np.allclose(logits, wanted, atol=1e-4)
    assert embedding is not None
    assert np.allclose(embedding, pooled[:, ::-1] if colour == "bgr" else pooled, atol=1e-5)
    assert teacher.about.kind == ("sigmoid" if ends == "sigmoid" else "softmax")


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_onnx_of_a_fixed_batch_is_filled_up(tmp_path: Path, batch: int) -> None:
    file = write_onnx(tmp_path / "a.onnx", batch=batch, dtype=TensorProto.UINT8)
    pictures = noise(3)
    logits, _ = open_teacher(Request(name="onnx", checkpoint=file)).look(pictures)
    assert np.allclose(logits, expected(pictures)[0], atol=1e-4)


def test_probabilities_become_logits_up_to_a_constant(tmp_path: Path) -> None:
    """No softmax stands in the graph: only the outputs show that these are shares."""
    file = write_onnx(tmp_path / "a.onnx", "shares")
    pictures = noise(3)
    teacher = open_teacher(Request(name="onnx", checkpoint=file, mean=MEAN, scale=SCALE))
    logits, wanted = teacher.look(pictures)[0], expected(pictures)[0]
    is_clear = wanted - wanted.max(1, keepdims=True) > -12  # below, 1e-7 is all that is left
    assert is_clear.sum() > 8
    gap = logits - wanted - (logits - wanted).max(1, keepdims=True)
    assert np.abs(gap[is_clear]).max() < 1e-2


def test_a_sigmoid_that_is_told_is_turned_back(tmp_path: Path) -> None:
    from quantize.teachers.classifier import logits_of

    scores = np.array([[0.2, 0.5, 1.0]], np.float32)
    assert np.allclose(logits_of(scores, "sigmoid")[0, :2], [np.log(0.25), 0], atol=1e-6)
    assert np.isfinite(logits_of(scores, "sigmoid")).all()


def test_onnx_with_weights_beside_it(tmp_path: Path) -> None:
    import onnx

    model = onnx.load(write_onnx(tmp_path / "a.onnx"))
    onnx.save(model, tmp_path / "b.onnx", save_as_external_data=True, size_threshold=0)
    pictures = noise(2)
    request = Request(name="onnx", checkpoint=tmp_path / "b.onnx", mean=MEAN, scale=SCALE)
    assert np.allclose(open_teacher(request).look(pictures)[0], expected(pictures)[0], atol=1e-4)


def test_a_batch_that_is_silently_wrong_is_refused(tmp_path: Path) -> None:
    """seeds.md 1.8 trap 1, met as a teacher."""
    file = write_onnx(tmp_path / "a.onnx", "lies")
    with pytest.raises(WorkshopError, match="alone and in a batch of 3, expected the same"):
        open_teacher(Request(name="onnx", checkpoint=file, mean=MEAN, scale=SCALE))


def test_onnx_card_says_what_the_file_does_not(tmp_path: Path) -> None:
    file = write_onnx(tmp_path / "a.onnx", side="S", colour="bgr")
    card = f'{{"mean": {list(MEAN)}, "scale": {list(SCALE)}, "colour": "bgr", "side": {SIDE}}}'
    (tmp_path / "a.json").write_text(card)
    pictures = noise(2)
    teacher = open_teacher(Request(name="onnx", checkpoint=file))
    assert np.allclose(teacher.look(pictures)[0], expected(pictures)[0], atol=1e-4)
    other = open_teacher(Request(name="onnx", checkpoint=file, colour="rgb"))  # a flag beats it
    assert not np.allclose(other.look(pictures)[0], expected(pictures)[0], atol=1e-1)


REFUSED = {
    "no normalisation": ({}, {}, "nobody says how pixels are normalised"),
    "open side": ({"side": "S"}, {"mean": MEAN, "scale": SCALE}, "sides are left open"),
    "other side": ({}, {"mean": MEAN, "scale": SCALE, "side": 9}, "sides are 8 x 8, expected 9 px"),
    "scale of zero": ({}, {"mean": MEAN, "scale": (0.0, 1.0, 1.0)}, "expected no zero"),
    "precision": ({}, {"precision": "fp16"}, "expected fp32"),
    "no GPU build": ({}, {"mean": MEAN, "scale": SCALE, "device": "cuda"}, "CUDAExecutionProvider"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_onnx_refuses(case: str, tmp_path: Path) -> None:
    made, asked, message = REFUSED[case]
    file = write_onnx(tmp_path / "a.onnx", **made)
    with pytest.raises(WorkshopError, match=message) as caught:
        open_teacher(Request(name="onnx", checkpoint=file, **asked))
    assert caught.value.fix


def test_files_that_are_no_models_are_refused(tmp_path: Path) -> None:
    junk = tmp_path / "a.bin"
    junk.write_bytes(b"\x08\x00\x00\x00TFL3" + b"\xff" * 64)
    for name in ("onnx", "tflite", "student", "ram"):
        with pytest.raises(WorkshopError, match=r"a\.bin"):
            open_teacher(Request(name=name, checkpoint=junk))
        with pytest.raises(WorkshopError, match="expected the teacher's weights"):
            open_teacher(Request(name=name))
        with pytest.raises(WorkshopError, match="no such file"):
            open_teacher(Request(name=name, checkpoint=tmp_path / "none"))
    (tmp_path / "empty.onnx").touch()  # parses, as a model of nothing
    with pytest.raises(WorkshopError, match=r"empty\.onnx: no outputs"):
        open_teacher(Request(name="onnx", checkpoint=tmp_path / "empty.onnx"))
    with pytest.raises(WorkshopError, match="'raam' is unknown, expected one of ram"):
        open_teacher(Request(name="raam"))


@pytest.mark.parametrize(
    ("card", "message"), [('{"men": 1}', "unknown field `men`"), ("{", "truncated|invalid")]
)
def test_a_card_that_is_wrong_is_refused(tmp_path: Path, card: str, message: str) -> None:
    file = write_onnx(tmp_path / "a.onnx")
    (tmp_path / "a.json").write_text(card)
    with pytest.raises(WorkshopError, match=message):
        open_teacher(Request(name="onnx", checkpoint=file))


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


@pytest.mark.skipif(not SHARED.exists(), reason="../shared/data/teachers is not here")
@pytest.mark.parametrize("file", [EDGETPU, STOCK], ids=lambda file: file.stem)
def test_tflite_logits_are_those_behind_its_own_answer(file: Path) -> None:
    """The file as published, run by itself, rounds a softmax of 1,001 to steps of 1/256."""
    from ai_edge_litert.interpreter import Interpreter

    run = Interpreter(str(file), num_threads=1)
    run.allocate_tensors()
    teacher = open_teacher(Request(name="tflite", checkpoint=file))
    assert teacher.about.embedding == 1280
    picture = teacher.fit(noise(1, side=300)[0])
    run.set_tensor(run.get_input_details()[0]["index"], picture[None])
    run.invoke()
    out = run.get_output_details()[0]
    scale, zero = out["quantization"]
    theirs = (run.get_tensor(out["index"]).astype(np.float64) - zero) * scale
    assert np.abs(softmax(teacher.look([picture])[0]) - theirs).max() < 0.01


@pytest.mark.parametrize("kind", ["float", "uint8", "int8"])
def test_tflite_with_several_outputs_is_asked_which(tmp_path: Path, kind: str) -> None:
    from tests.tiny import LAYERS

    file = tmp_path / "tiny.tflite"
    file.write_bytes((TFLITE / f"tiny_{kind}.tflite").read_bytes())
    with pytest.raises(WorkshopError, match=r"colours.* expected one"):
        open_teacher(Request(name="tflite", checkpoint=file))
    (tmp_path / "tiny.json").write_text('{"output": "colours", "mean": [0,0,0], "scale": [1,1,1]}')
    teacher = open_teacher(Request(name="tflite", checkpoint=file))
    assert teacher.about.side == (8, 12)
    picture = np.random.default_rng(0).integers(0, 256, (8, 12, 3), np.uint8)
    logits, embedding = teacher.look([picture, picture[::-1]])
    w, b = (np.array(v) for v in LAYERS["colours"])
    assert np.allclose(logits[0], w @ picture.mean((0, 1)) / 255 + b, atol=1e-4)
    assert embedding is not None
    assert embedding.shape == (2, 3)


@pytest.mark.skipif(not SHARED.exists(), reason="../shared/data/teachers is not here")
def test_tflite_refuses_what_it_cannot_be() -> None:
    detector = SHARED / "teachers/ssd_mobilenet_v1.tflite"
    with pytest.raises(WorkshopError, match="TFLite_Detection_PostProcess"):
        open_teacher(Request(name="tflite", checkpoint=detector))
    with pytest.raises(WorkshopError, match="--device: cuda, expected cpu"):
        open_teacher(Request(name="tflite", checkpoint=STOCK, device="cuda"))


def test_student_says_its_heads(tmp_path: Path) -> None:
    request = student(tmp_path)
    assert open_teacher(request).about.tags == ("cap", "beret", "fez", "none")
    with pytest.raises(WorkshopError, match="no head 'shoes', expected one of tags, hats"):
        open_teacher(Request(name="student", checkpoint=request.checkpoint, model="shoes"))
    tags = open_teacher(Request(name="student", checkpoint=request.checkpoint))
    assert tags.about.kind == "sigmoid"
    assert tags.about.tags == tuple("0123456")


IGNORED = {
    "model": ("ram", "ram_plus", "tag2text", "onnx", "tflite"),
    "mean": ("ram", "ram_plus", "tag2text", "student"),
    "scale": ("ram", "ram_plus", "tag2text", "student"),
    "colour": ("ram", "ram_plus", "tag2text", "timm", "student"),
    "ends": ("ram", "ram_plus", "tag2text", "timm", "student"),
    "kind": ("ram", "ram_plus", "tag2text"),
    "label_rows": ("tag2text", "onnx", "tflite", "timm", "student"),
    "chinese": ("onnx", "tflite", "timm", "student"),
}
GIVEN = {"model": "x", "mean": MEAN, "scale": SCALE, "colour": "bgr", "ends": "logits",
         "kind": "sigmoid", "label_rows": Path("rows.pth"),
         "chinese": Path("names.txt")}  # fmt: skip


@pytest.mark.parametrize(("flag", "name"), [(f, n) for f, names in IGNORED.items() for n in names])
def test_what_a_teacher_does_not_heed_is_refused(flag: str, name: str) -> None:
    request = Request(name=name, checkpoint=Path("/no/such"), **{flag: GIVEN[flag]})
    with pytest.raises(WorkshopError, match=f"given to {name}, which does not heed it") as caught:
        open_teacher(request)
    assert f"--{flag.replace('_', '-')}" in caught.value.fix


def test_ram_given_as_ram_plus_is_refused(tmp_path: Path) -> None:
    """R2"""
    request = ram_of("ram", "ram")(tmp_path)
    with pytest.raises(WorkshopError, match=r"a RAM checkpoint .*expected RAM\+\+"):
        open_teacher(Request(name="ram_plus", checkpoint=request.checkpoint))


@pytest.mark.parametrize("kind", ["ram", "ram++"])
def test_only_these_tags_of_ram(tmp_path: Path, kind: str) -> None:
    """R9: kept tags score as in the full run, in the order asked for."""
    name = {"ram": "ram", "ram++": "ram_plus"}[kind]
    request = ram_of(kind, name)(tmp_path)
    wanted = [9, 2, 16]
    only = write_tags(tmp_path / "only.txt", [f"tag {i}" for i in wanted])
    limits = tmp_path / "limits.txt"
    limits.write_text("".join(f"{i / 20}\n" for i in range(17)))
    import msgspec

    names = write_tags(tmp_path / "chinese.txt", [f"名 {i}" for i in range(17)])
    fewer = msgspec.structs.replace(request, only=only, thresholds=limits, chinese=names)
    pictures, trimmed = noise(2, side=50), open_teacher(fewer)
    full, kept = open_teacher(request).look(pictures)[0], trimmed.look(pictures)[0]
    assert np.allclose(kept, full[:, wanted], atol=1e-5)
    assert trimmed.about.tags == ("tag 9", "tag 2", "tag 16")
    assert trimmed.about.thresholds == (0.45, 0.1, 0.8)
    assert trimmed.about.chinese == ("名 9", "名 2", "名 16")


def test_ram_sees_as_pillow_does(tmp_path: Path) -> None:
    """R4: a fitted picture is Pillow's bilinear squash, so it is looked at as published."""
    from PIL import Image

    teacher = open_teacher(ram_of("ram", "ram")(tmp_path))
    for height, width in ((300, 40), (1, 500), (96, 96)):
        picture = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
        wanted = Image.fromarray(picture).resize((96, 96), Image.Resampling.BILINEAR)
        assert np.array_equal(teacher.fit(picture), np.asarray(wanted))
        assert np.array_equal(teacher.look([teacher.fit(picture)])[0], teacher.look([picture])[0])


def test_a_box_is_one_of_the_upright_picture_for_ram_too(tmp_path: Path) -> None:
    from PIL import Image

    teacher = open_teacher(ram_of("ram", "ram")(tmp_path))
    colours, turned = noise(1, side=24)[0][:16], Image.Exif()
    turned[0x0112] = 6  # by 90 degrees
    Image.fromarray(colours).save(tmp_path / "a.png", exif=turned)
    sample = Sample(tmp_path / "a.png", "", "", "train", box=(2, 3, 5, 7))
    assert np.array_equal(teacher.read(sample), read(sample))
    whole = Sample(tmp_path / "a.png", "", "", "train")
    assert np.array_equal(teacher.read(whole), colours)


def test_timm_computes_what_timm_computes(tmp_path: Path) -> None:
    request = timm_of("mobilenetv3_small_050", 64)(tmp_path)
    timm = opened_timm()
    network = timm.create_model(request.model, pretrained=False, num_classes=5).eval()
    network.load_state_dict(torch.load(request.checkpoint, weights_only=True)["state_dict"])
    picture = noise(1, side=64)[0]
    told = network.pretrained_cfg
    x = (torch.from_numpy(picture) / 255 - torch.tensor(told["mean"])) / torch.tensor(told["std"])
    with torch.inference_mode():
        wanted = network(x.permute(2, 0, 1)[None])[0].numpy()
    assert np.allclose(open_teacher(request).look([picture])[0][0], wanted, atol=1e-4)


def test_timm_refuses(tmp_path: Path) -> None:
    """R19: weights that are not here are not fetched."""
    opened_timm()
    (tmp_path / "vit").mkdir()
    vit = timm_of("test_vit", None)(tmp_path / "vit")
    request = timm_of("mobilenetv3_small_050", 64)(tmp_path)
    for asked, message in (
        ({"model": "mobilenetv3_smal"}, "expected a name of timm"),
        ({"model": "resnet10t", "checkpoint": request.checkpoint}, "no fc.weight"),
        ({"model": "resnet10t"}, "not in the cache"),
        ({"model": "test_vit", "checkpoint": vit.checkpoint, "side": 96}, "expected 160, all"),
    ):
        with pytest.raises(WorkshopError, match=message):
            open_teacher(Request(name="timm", **asked))


def test_timm_weights_that_do_not_fit_are_named_in_a_line(tmp_path: Path) -> None:
    """Hundreds of keys, or what torch says of a pickle with code, filled the terminal."""
    opened_timm()
    few, code = tmp_path / "few.pth", tmp_path / "code.pth"
    torch.save({"fc.weight": torch.zeros(3, 512), "more": torch.zeros(1)}, few)
    torch.save({"model": {"a": Path()}}, code)
    for file, message in (
        (few, r"fit: conv1\.0\.weight missing, .* and \d+ more, expected the weights of resnet10t"),
        (code, "more than tensors"),
    ):
        with pytest.raises(WorkshopError, match=message) as refused:
            open_teacher(Request(name="timm", model="resnet10t", checkpoint=file))
        assert "\n" not in str(refused.value)
        assert refused.value.fix


def test_tags_of_numbered_outputs(tmp_path: Path) -> None:
    from quantize.teachers.vocabulary import outputs_of

    def asked(**lists: str) -> Request:
        files = {key: tmp_path / f"{key}.txt" for key in lists}
        for key, text in lists.items():
            files[key].write_text(text, "utf-8")
        return Request(name="onnx", **files)

    assert outputs_of(asked(), 3).tags == ("0", "1", "2")
    words = outputs_of(asked(tag_list="Background\ncrane\ncrane\n", thresholds="1\n.5\n.6\n"), 3)
    assert (words.kept, words.tags, words.thresholds) == (
        (1, 2),
        ("crane", "crane (2)"),
        (0.5, 0.6),
    )
    few = outputs_of(asked(tag_list="\ufeffa\r\nb\r\nc", only="c\na\n"), 3)
    assert (few.kept, few.tags) == ((2, 0), ("c", "a"))
    for lists, message in (
        ({"tag_list": "a\nb\n"}, "2 tags, expected 3"),
        ({"tag_list": "a\n\nb\n"}, "line 2 is blank"),
        ({"tag_list": "a\nb\nc\n", "thresholds": "0.5\n"}, "1 thresholds, expected 3"),
        ({"thresholds": "0.5\n2\n0.5\n"}, "expected 0 to 1|expected a number"),
        ({"thresholds": "0.5\nmany\n0.5\n"}, "expected a number"),
        ({"tag_list": "a\nb\nc\n", "only": "d\n"}, "'d'"),
    ):
        with pytest.raises(WorkshopError, match=message):
            outputs_of(asked(**lists), 3)


def test_all_tags_are_kept_when_there_is_no_list(tmp_path: Path) -> None:
    assert open_teacher(onnx_float(tmp_path)).about.tags == tuple(map(str, range(len(TAGS))))
