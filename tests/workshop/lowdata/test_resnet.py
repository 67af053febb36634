"""A2: published AD-Net files, torchvision's ResNets in a bare state dict, load as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from torch import Tensor  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from quantize.errors import WorkshopError  # noqa: E402
from quantize.students import normalise  # noqa: E402
from quantize.students.resnet import (  # noqa: E402
    IMAGENET_MEAN,
    IMAGENET_STD,
    RESNETS,
    ResNet,
    Trunk,
)
from quantize.students.resnet_published import fill_backbone, load_published  # noqa: E402

State = dict[str, Tensor]
BLOCKS = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3), "resnet50": (3, 4, 6, 3)}


def random_state(name: str, classes: int, counts: bool = True) -> State:
    """What a file of torchvision's layout holds, from its description; every tensor at random."""
    draw, state = torch.Generator().manual_seed(1), State()
    is_deep = name == "resnet50"

    def pair(conv: str, norm: str, inputs: int, outputs: int, kernel: int) -> None:
        fan = inputs * kernel * kernel
        state[f"{conv}.weight"] = torch.randn(outputs, inputs, kernel, kernel, generator=draw)
        state[f"{conv}.weight"] *= (2 / fan) ** 0.5
        state[f"{norm}.weight"] = torch.rand(outputs, generator=draw) + 0.5
        state[f"{norm}.bias"] = torch.randn(outputs, generator=draw) * 0.1
        state[f"{norm}.running_mean"] = torch.randn(outputs, generator=draw) * 0.1
        state[f"{norm}.running_var"] = torch.rand(outputs, generator=draw) + 0.5
        if counts:
            state[f"{norm}.num_batches_tracked"] = torch.tensor(40_000)

    pair("conv1", "bn1", 3, 64, 7)
    inputs = 64
    for layer, count in enumerate(BLOCKS[name], 1):
        width = 32 * 2**layer
        for block in range(count):
            at, outputs = f"layer{layer}.{block}", width * (4 if is_deep else 1)
            if is_deep:
                pair(f"{at}.conv1", f"{at}.bn1", inputs, width, 1)
                pair(f"{at}.conv2", f"{at}.bn2", width, width, 3)
                pair(f"{at}.conv3", f"{at}.bn3", width, outputs, 1)
            else:
                pair(f"{at}.conv1", f"{at}.bn1", inputs, width, 3)
                pair(f"{at}.conv2", f"{at}.bn2", width, width, 3)
            if inputs != outputs:
                pair(f"{at}.downsample.0", f"{at}.downsample.1", inputs, outputs, 1)
            inputs = outputs
    state["fc.weight"] = torch.randn(classes, inputs, generator=draw) * 0.05
    state["fc.bias"] = torch.randn(classes, generator=draw)
    return state


def reference(state: State, x: Tensor) -> tuple[Tensor, Tensor]:
    """Logits and pooled feature, from the tensors alone."""

    def conv(x: Tensor, key: str, norm: str, stride: int = 1) -> Tensor:
        weight = state[f"{key}.weight"]
        x = F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)
        scale = state[f"{norm}.weight"] / (state[f"{norm}.running_var"] + 1e-5).sqrt()
        shift = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
        return x * scale.view(-1, 1, 1) + shift.view(-1, 1, 1)

    x = F.max_pool2d(conv(x, "conv1", "bn1", 2).clamp(min=0), 3, 2, 1)
    for at in sorted({".".join(key.split(".")[:2]) for key in state if key.startswith("layer")}):
        stride = 2 if at.endswith(".0") and not at.startswith("layer1") else 1
        kept = x
        if f"{at}.downsample.0.weight" in state:
            kept = conv(x, f"{at}.downsample.0", f"{at}.downsample.1", stride)
        if f"{at}.conv3.weight" in state:  # version 1.5: the 3x3 has the stride
            x = conv(x, f"{at}.conv1", f"{at}.bn1").clamp(min=0)
            x = conv(x, f"{at}.conv2", f"{at}.bn2", stride).clamp(min=0)
            x = conv(x, f"{at}.conv3", f"{at}.bn3")
        else:
            x = conv(x, f"{at}.conv1", f"{at}.bn1", stride).clamp(min=0)
            x = conv(x, f"{at}.conv2", f"{at}.bn2")
        x = (x + kept).clamp(min=0)
    pooled = x.mean((2, 3))
    return pooled @ state["fc.weight"].T + state["fc.bias"], pooled


@pytest.mark.parametrize(
    ("name", "classes", "counts"),
    [("resnet50", 200, True), ("resnet18", 7, True), ("resnet34", 100, False)],
)
def test_a2_a_published_file_gives_the_logits_of_its_tensors(
    tmp_path: Path, name: str, classes: int, counts: bool
) -> None:
    state = random_state(name, classes, counts)
    torch.save(state, tmp_path / "CUB10_checkpoint.bin")
    model = load_published(tmp_path / "CUB10_checkpoint.bin").double()
    x = torch.randn(2, 3, 64, 96, dtype=torch.float64)
    wanted, pooled = reference({k: v.double() for k, v in state.items()}, x)
    with torch.no_grad():
        torch.testing.assert_close(model(x), wanted, rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(model.embed(x), pooled, rtol=1e-6, atol=1e-6)
    assert (model.name, wanted.shape) == (name, (2, classes))


def test_a2_resnet_50_has_the_published_entries_and_size() -> None:
    model = ResNet("resnet50", 200)
    assert len(model.state_dict()) == 320
    assert model.state_dict().keys() == random_state("resnet50", 200).keys()
    assert round(sum(p.numel() for p in model.parameters()) / 1e6, 1) == 23.9
    assert [len(list(model.pairs())), RESNETS["resnet50"].embedding] == [53, 2048]
    assert all(conv.out_channels == norm.num_features for conv, norm in model.pairs())


def test_as_a_students_backbone_it_sees_the_same_picture(tmp_path: Path) -> None:
    state = random_state("resnet18", 5)
    torch.save(state, tmp_path / "r.bin")
    student = Trunk("resnet18")
    fill_backbone(student, tmp_path / "r.bin")
    rgb = torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8)
    x = rgb.permute(0, 3, 1, 2).double() / 255
    x = (x - torch.tensor(IMAGENET_MEAN).view(3, 1, 1)) / torch.tensor(IMAGENET_STD).view(3, 1, 1)
    _, pooled = reference({k: v.double() for k, v in state.items()}, x)
    with torch.no_grad():
        got = student.eval()(normalise(rgb)).mean((2, 3))
    assert got.shape == (2, student.embedding)
    torch.testing.assert_close(got.double(), pooled, rtol=1e-4, atol=1e-4)
    assert "scale" not in student.state_dict()  # nothing but torchvision's keys


class Code:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("ran",)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"conv1.weight": "x"}, "dict"),
        ({"conv1.weight": torch.zeros(1), "fc.weight": torch.zeros(1)}, "2 keys, layers of 0"),
        ([torch.zeros(1)], "list"),
        (Code(), "more than tensors"),
        (b"\x01\x02rubbish", "more than tensors"),
        (b"PK\x03\x04cut short", "unreadable"),
        (b"", "unreadable"),
        (None, "no such file"),
    ],
)
def test_a_file_that_is_no_state_dict_is_refused(
    tmp_path: Path, content: object, found: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "x.bin"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content is not None:
        torch.save(content, file)
    with pytest.raises(WorkshopError) as refused:
        load_published(file)
    assert found in str(refused.value)
    assert capsys.readouterr().out == ""  # a pickle's code did not run


def test_a_state_dict_with_other_tensors_is_refused_by_key(tmp_path: Path) -> None:
    state = random_state("resnet18", 5)
    state["layer1.0.conv1.weight"] = torch.zeros(1, 2, 3, 3)
    state["classifier.weight"] = state.pop("fc.bias")
    torch.save(state, tmp_path / "x.bin")
    with pytest.raises(WorkshopError) as refused:
        load_published(tmp_path / "x.bin")
    for fault in (
        "fc.bias missing",
        "classifier.weight unknown",
        "layer1.0.conv1.weight is (1, 2, 3, 3) instead of (64, 64, 3, 3)",
    ):
        assert fault in str(refused.value)
    with pytest.raises(WorkshopError, match=r"a resnet18, expected a resnet34"):
        fill_backbone(Trunk("resnet34"), tmp_path / "x.bin")
