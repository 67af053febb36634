"""Students by name: MobileNetV4 as published, timm where it is installed, refusals in words."""

from __future__ import annotations

import builtins
import sys
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from quantize.errors import WorkshopError  # noqa: E402
from quantize.students import cost, mobilenet_v4, table, timm_student  # noqa: E402
from quantize.students.inverted import Conv  # noqa: E402
from quantize.timm_import import import_timm  # noqa: E402

torch.set_num_threads(1)
PLAIN = ((127 / 255,) * 3, (0.5,) * 3)  # pixels as a student sees them


@pytest.fixture(scope="module")
def timm() -> Any:
    try:
        return import_timm()
    except ImportError:
        pytest.skip("pip install timm torchvision")


def pictures(count: int = 2, side: int = 64) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(1)) * 2 - 1


def lively(network: torch.nn.Module) -> torch.nn.Module:
    """Batch norms that all say something."""
    torch.manual_seed(0)
    for norm in (m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        torch.nn.init.uniform_(norm.weight, 0.8, 1.6)
        torch.nn.init.uniform_(norm.bias, -0.5, 0.5)
        norm.running_mean.uniform_(-0.5, 0.5)
        norm.running_var.uniform_(0.5, 1.5)
    return network.eval()


@pytest.mark.parametrize("name", table.STUDENTS)
@torch.no_grad()
def test_every_student_gives_its_embedding_at_any_side(name: str) -> None:
    backbone, size = table.build(name)
    backbone.eval()
    for side in (32, 96):
        assert backbone(pictures(2, side)).shape[:2] == (2, size)


def test_mobilenet_v4_is_as_large_as_published() -> None:
    """3.77 M parameters with a classifier of 1,000 (arXiv:2404.10518), 0.19 GMAC at 224 px."""
    backbone, size = table.build("mobilenet_v4_small")
    assert cost.parameters(backbone) + size * 1000 + 1000 == 3_774_024
    assert cost.gmac(backbone, 224) == pytest.approx(0.184725568, abs=1e-9)
    assert cost.gmac(table.build("mobilenet_v2")[0], 224) == pytest.approx(0.300, abs=0.001)


def test_cost_by_hand_and_the_network_left_as_it_was() -> None:
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, 2, 1), torch.nn.Conv2d(8, 8, 3, 1, 1, groups=8)
    ).train()
    assert cost.gmac(network, 8) == (27 * 8 * 16 + 9 * 8 * 16) / 1e9
    assert network.training
    assert not network[0]._forward_hooks
    assert cost.parameters(network) == 27 * 8 + 8 + 9 * 8 + 8


def test_mobilenet_v4_has_no_activation_but_relu() -> None:
    """On all three engines int8 costs a plain ReLU nothing; every other kind breaks on one."""
    backbone, _ = table.build("mobilenet_v4_small")
    kinds = {type(m) for m in backbone.modules() if not list(m.children())}
    assert kinds == {torch.nn.Conv2d, torch.nn.BatchNorm2d, mobilenet_v4.Pooled}
    convs = [m for m in backbone.modules() if isinstance(m, Conv)]
    assert all(isinstance(m, mobilenet_v4.Rectified) for m in convs)
    assert backbone.eval()(pictures()).min() == 0


@torch.no_grad()
def test_published_weights_compute_what_timm_computes(timm: Any) -> None:
    theirs = lively(timm.create_model("mobilenetv4_conv_small", pretrained=False, num_classes=0))
    mine = mobilenet_v4.backbone().eval()
    mobilenet_v4.fill(mine, theirs.state_dict(), PLAIN)
    assert torch.allclose(mine(pictures())[:, :, 0, 0], theirs(pictures()), atol=1e-4, rtol=1e-4)
    assert cost.gmac(theirs, 224) == cost.gmac(mine, 224)


@torch.no_grad()
def test_published_weights_see_pixels_as_they_were_trained_with() -> None:
    """Away from the borders the first convolution gives what it gave for ImageNet's scale."""
    theirs, mine = lively(mobilenet_v4.backbone()), mobilenet_v4.backbone().eval()
    names = dict(zip([m for m in theirs.modules() if isinstance(m, Conv)], published_names()))
    state = {}
    for layer, (conv, norm) in names.items():
        state[f"{conv}.weight"] = layer.conv.weight
        state |= {f"{norm}.{key}": value for key, value in layer.norm.state_dict().items()}
    mobilenet_v4.fill(mine, state)
    x = pictures()
    mean, std = (torch.tensor(v).reshape(1, 3, 1, 1) for v in mobilenet_v4.IMAGENET)
    wanted = theirs[0](((x * 127.5 + 127) / 255 - mean) / std)
    assert torch.allclose(mine[0](x)[..., 1:, 1:], wanted[..., 1:, 1:], atol=1e-5)
    assert torch.equal(mine[1].conv.weight, theirs[1].conv.weight)


def published_names() -> list[tuple[str, str]]:
    return list(mobilenet_v4._published_names())


def test_weights_of_another_network_are_refused() -> None:
    with pytest.raises(WorkshopError, match=r"conv_stem.weight: missing, expected \(32, 3, 3, 3\)"):
        mobilenet_v4.fill(mobilenet_v4.backbone(), {})


@pytest.mark.parametrize("name", ["resnet10t", "test_vit", "test_convnext", "lcnet_035"])
@torch.no_grad()
def test_any_timm_network_is_a_student(timm: Any, name: str) -> None:
    """Convolutions, attention, h-swish: pooled as it pools itself, on pixels as it was trained."""
    torch.manual_seed(0)
    backbone, size = table.build(f"timm:{name}")
    side = backbone.side or 64
    theirs = backbone.eval().network
    x = pictures(2, side)
    about = theirs.pretrained_cfg
    mean, std = (torch.tensor(about[k]).reshape(1, 3, 1, 1) for k in ("mean", "std"))
    embedded = backbone(x)
    assert embedded.shape == (2, size, 1, 1)
    wanted = theirs(((x * 127.5 + 127) / 255 - mean) / std)
    assert torch.allclose(embedded.mean((2, 3)), wanted, atol=1e-5)


def test_timm_weights_are_filled_from_a_file_and_others_refused(timm: Any) -> None:
    one, _ = timm_student.build("timm:resnet10t")
    state = timm.create_model("resnet10t", pretrained=False).state_dict()  # with its classifier
    timm_student.fill(one, state)
    assert torch.equal(one.network.state_dict()["conv1.0.weight"], state["conv1.0.weight"])
    with pytest.raises(WorkshopError, match=r"missing, and \d+ more tensors that do not fit"):
        timm_student.fill(one, {})


def test_a_network_of_one_size_refuses_another(timm: Any) -> None:
    backbone, _ = table.build("timm:test_vit")
    with pytest.raises(WorkshopError, match="pictures of 64 px, expected 160 px") as refused:
        backbone(pictures(1, 64))
    assert refused.value.fix == "--side 160"


def test_an_unknown_timm_network_is_refused_with_near_ones(timm: Any) -> None:
    with pytest.raises(WorkshopError, match="no such network, expected one like mobilenetv4_"):
        table.build("timm:mobilenetv4_conv_smal")


def test_missing_timm_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)  # as Python marks a package that is not there
    with pytest.raises(WorkshopError, match=r"(timm|torchvision): not installed") as refused:
        table.build("timm:resnet18")
    assert refused.value.fix == "pip install timm torchvision"


def test_timm_is_imported_by_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        assert name.split(".")[0] != "timm"
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    for name in table.STUDENTS:
        table.build(name)


@pytest.mark.parametrize("name", ["", "resnet", "mobilenet_v2 "])
def test_an_unknown_student_is_refused_with_the_names_there_are(name: str) -> None:
    with pytest.raises(WorkshopError, match="no such student, expected mobilenet_v2, "):
        table.build(name)
