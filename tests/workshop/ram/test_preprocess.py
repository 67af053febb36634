"""R4: pixels equal to Pillow's bilinear squash, to the last bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")
Image = pytest.importorskip("PIL.Image", reason="pip install 'edge-tag[quantize]'")

from edge.errors import SourceError  # noqa: E402
from quantize.ram.preprocess import batch, open_picture, pixels  # noqa: E402

RANDOM = np.random.default_rng(5)


def published(file: Path, side: int) -> torch.Tensor:
    """torchvision's Resize, ToTensor and Normalize, written out in torch."""
    with Image.open(file) as stored:
        squashed = stored.convert("RGB").resize((side, side), Image.Resampling.BILINEAR)
    x = torch.from_numpy(np.array(squashed)).permute(2, 0, 1).float().div(255)
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    std = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    return x.sub(mean).div(std)


def drawn(mode: str, size: tuple[int, int]) -> object:
    width, height = size
    colours = RANDOM.integers(0, 256, (height, width, 4), np.uint8)
    if mode == "I;16":
        return Image.fromarray(RANDOM.integers(0, 65536, (height, width), np.uint16))
    if mode == "P":
        return Image.fromarray(colours[..., :3]).quantize(16)
    if mode in ("L", "1"):
        return Image.fromarray(colours[..., 0]).convert(mode)
    return Image.fromarray(colours, "CMYK" if mode == "CMYK" else None).convert(mode)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "1", "P", "CMYK", "I;16"])
@pytest.mark.parametrize("size", [(64, 64), (1, 1), (1, 50), (70, 1), (37, 91), (200, 130)])
def test_equal_to_pillow(mode: str, size: tuple[int, int], tmp_path: Path) -> None:
    file = tmp_path / ("a.tif" if mode in ("CMYK", "I;16") else "a.png")
    drawn(mode, size).save(file)
    got = torch.from_numpy(pixels(open_picture(file), 48))
    assert torch.equal(got, published(file, 48))


def test_alpha_is_dropped_not_composited(tmp_path: Path) -> None:
    Image.new("RGBA", (8, 8), (255, 0, 0, 0)).save(tmp_path / "a.png")
    assert np.array(open_picture(tmp_path / "a.png"))[0, 0].tolist() == [255, 0, 0]


def test_exif_rotation_is_applied_only_when_asked(tmp_path: Path) -> None:
    picture = Image.fromarray(RANDOM.integers(0, 256, (20, 30, 3), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    picture.save(tmp_path / "a.png", exif=exif)
    lying, upright = (open_picture(tmp_path / "a.png", upright=u) for u in (False, True))
    assert lying.size == (30, 20)
    assert upright.size == (20, 30)
    assert torch.equal(torch.from_numpy(pixels(lying, 32)), published(tmp_path / "a.png", 32))


def test_arrays_and_pictures_are_one() -> None:
    array = RANDOM.integers(0, 256, (40, 60, 3), np.uint8)
    both = batch([array, Image.fromarray(array)], 32)
    assert both.shape == (2, 3, 32, 32)
    assert torch.equal(both[0], both[1])


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 4), (3, 4, 4)])
def test_other_arrays_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected uint8"):
        pixels(np.zeros(shape, np.uint8), 32)
    with pytest.raises(ValueError, match="float64"):
        pixels(np.zeros((4, 4, 3)), 32)


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    Image.fromarray(RANDOM.integers(0, 256, (90, 90, 3), np.uint8)).save(tmp_path / "a.jpg")
    whole = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "half.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.jpg").write_bytes(b"404")
    (tmp_path / "empty.jpg").write_bytes(b"")
    for name in ("half.jpg", "text.jpg", "empty.jpg", "nowhere.jpg"):
        with pytest.raises(SourceError, match=name):
            open_picture(tmp_path / name)
