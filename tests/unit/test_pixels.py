"""Pictures of every kind become RGB bytes; everything else becomes one SourceError."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from edge.bundle import InputSpec
from edge.errors import SourceError
from edge.pictures.pixels import batch, cut, decode, fit
from edge.records import U8, Region

OPENCV = tuple(int(part) for part in cv2.__version__.split(".")[:2])

RED_THEN_BLUE = np.array([[[250, 20, 30], [10, 40, 240]]], np.uint8).repeat(8, 0).repeat(8, 1)


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def picture(pixels: U8 = RED_THEN_BLUE) -> Image.Image:
    return Image.fromarray(pixels)


def noise(height: int = 64, width: int = 64) -> U8:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize(
    ("kind", "options", "off_by"),
    [
        ("PNG", {}, 0),
        ("BMP", {}, 0),
        ("TIFF", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("WEBP", {"quality": 95}, 90),  # halves the resolution of colour
        ("JPEG", {"quality": 98, "subsampling": 0}, 4),
        ("JPEG", {"quality": 98, "subsampling": 0, "progressive": True}, 4),
        ("GIF", {}, 0),
        ("PPM", {}, 0),
    ],
)
def test_every_format_gives_red_first(kind: str, options: dict[str, object], off_by: int) -> None:
    if kind == "GIF" and OPENCV < (4, 12):
        pytest.skip("OpenCV reads GIF from 4.12 on")
    rgb = decode(saved(picture(), kind, **options), "a")
    assert (rgb.shape, rgb.dtype, rgb.flags.c_contiguous) == ((8, 16, 3), np.uint8, True)
    np.testing.assert_allclose(rgb.astype(int), RED_THEN_BLUE, atol=off_by)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("CMYK", "JPEG"),
        ("CMYK", "TIFF"),
        ("P", "PNG"),
        ("P", "GIF"),
        ("RGBA", "PNG"),
        ("RGBA", "WEBP"),
    ],
)
def test_other_colour_modes_become_rgb(mode: str, kind: str) -> None:
    converted = picture().convert(mode)
    options: dict[str, dict[str, object]] = {
        "JPEG": {"quality": 98, "subsampling": 0},
        "WEBP": {"lossless": True},
    }
    if kind == "GIF" and OPENCV < (4, 12):
        pytest.skip("OpenCV reads GIF from 4.12 on")
    rgb = decode(saved(converted, kind, **options.get(kind, {})), "a")
    np.testing.assert_allclose(rgb.astype(int), np.asarray(converted.convert("RGB")), atol=5)


@pytest.mark.parametrize("mode", ["L", "LA", "1", "I;16"])
def test_grey_becomes_three_equal_channels(mode: str) -> None:
    if mode == "I;16":
        grey = Image.fromarray(np.full((4, 4), 40_000, np.uint16))
    else:
        grey = picture(np.full((4, 4, 3), 255, np.uint8)).convert(mode)
    rgb = decode(saved(grey, "PNG"), "a")
    assert rgb.shape == (4, 4, 3)
    np.testing.assert_array_equal(rgb, 156 if mode == "I;16" else 255)


@pytest.mark.parametrize("kind", [".png", ".tiff"])
def test_16_bits_are_rounded_to_8(kind: str) -> None:
    bgr = np.array([[[0, 128, 25_000], [257, 32_768, 65_535]]], np.uint16)
    rgb = decode(cv2.imencode(kind, bgr)[1].tobytes(), "a")
    assert rgb.tolist() == [[[97, 0, 0], [255, 128, 1]]]


def test_alpha_is_left_out_and_its_colour_stays() -> None:
    clear = np.zeros((4, 4, 4), np.uint8)
    clear[..., 1] = 200
    np.testing.assert_array_equal(
        decode(saved(Image.fromarray(clear), "PNG"), "a"), [[[0, 200, 0]] * 4] * 4
    )


def test_a_palette_with_transparency_works() -> None:
    data = saved(picture().convert("P"), "PNG", transparency=0)
    assert decode(data, "a").shape == (8, 16, 3)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "TIFF"])
def test_one_pixel_is_a_picture(kind: str) -> None:
    assert decode(saved(picture(np.full((1, 1, 3), 77, np.uint8)), kind), "a").shape == (1, 1, 3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int, kind: str) -> None:
    """As Pillow's own exif_transpose turns it."""
    upright = np.zeros((32, 48, 3), np.uint8)
    upright[:16, :16] = 255  # a white corner
    if kind == "WEBP" and OPENCV < (4, 13):
        pytest.skip("OpenCV reads EXIF in WebP from 4.13 on")
    exif = picture(upright).getexif()
    exif[0x0112] = orientation
    data = saved(picture(upright), kind, exif=exif)
    turned = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))
    np.testing.assert_allclose(decode(data, "a").astype(int), turned, atol=3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_a_picture_cut_short_is_refused(kind: str, share: float) -> None:
    data = saved(picture(noise()), kind)
    with pytest.raises(SourceError, match=r"^shop/a: "):
        decode(data[: int(len(data) * share)], "shop/a")


@pytest.mark.parametrize(("kind", "end"), [("JPEG", 2), ("PNG", 12)])
def test_a_missing_end_marker_is_refused(kind: str, end: int) -> None:
    with pytest.raises(SourceError, match="cut short"):
        decode(saved(picture(noise()), kind)[:-end], "a")


def test_a_marker_inside_an_exif_thumbnail_is_no_end() -> None:
    exif = picture().getexif()
    exif[0x9286] = b"\xff\xd8 thumbnail \xff\xd9" * 20
    data = saved(picture(noise()), "JPEG", exif=exif)
    assert decode(data, "a").shape == (64, 64, 3)
    with pytest.raises(SourceError, match="cut short"):
        decode(data[:-400], "a")


def test_bytes_after_the_end_do_no_harm() -> None:
    for kind in ("JPEG", "PNG"):
        assert decode(saved(picture(noise()), kind) + b"\0" * 100, "a").shape == (64, 64, 3)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 100,
        b"hello, I am a text file\n" * 9,
        b"<svg></svg>",
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"BM",
        b"RIFF\0\0\0\0WEBP",
        b"II*\0",
        b"\xff\xd8" + b"\xff" * 1000,
        b"%PDF-1.7",
    ],
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(SourceError, match=r"^a: .*expected"):
        decode(data, "a")


def test_a_float_picture_is_refused() -> None:
    data = cv2.imencode(".hdr", np.ones((4, 4, 3), np.float32))[1].tobytes()
    with pytest.raises(SourceError):
        decode(data, "a")


def huge(kind: str) -> bytes:
    side = 20_000
    if kind == "png":
        head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
        return b"\x89PNG\r\n\x1a\n" + head + png_chunk(b"IDAT", b"") + png_chunk(b"IEND", b"")
    if kind == "jpeg":
        data = saved(picture(noise()), "JPEG")
        at = data.index(b"\xff\xc0")
        return data[: at + 5] + struct.pack(">HH", side, side) + data[at + 9 :]
    head = struct.pack("<IHHIIiiHHIIiiII", 99, 0, 0, 54, 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + head + b"\0" * 99


@pytest.mark.parametrize("kind", ["png", "jpeg", "bmp"])
def test_a_bomb_is_refused_by_its_header(kind: str) -> None:
    """In a process of its own with little memory: decoding would take 1.2 GB."""
    code = f"""
import resource
from edge.pictures.pixels import decode
from edge.errors import SourceError
from tests.unit.test_pixels import huge
data = huge({kind!r})
resource.setrlimit(resource.RLIMIT_DATA, (900 << 20, 900 << 20))
try:
    decode(data, 'a')
except SourceError as e:
    print(e)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    assert "20000 x 20000" in done.stdout or "CV_IO_MAX_IMAGE_PIXELS" in done.stdout


def test_opencv_says_nothing_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    png, tiff = saved(picture(noise()), "PNG"), saved(picture(noise()), "TIFF")
    flipped = bytearray(png)
    flipped[len(png) // 2] ^= 1
    for data in (
        png[:-20],
        bytes(flipped),
        tiff[:-100],
        b"GIF89a",
        b"RIFF\0\0\0\0WEBP",
        b"\0" * 99,
    ):
        with pytest.raises(SourceError):
            decode(data, "a")
    assert capfd.readouterr().err == ""


def test_a_cut_is_a_view_of_exactly_the_region() -> None:
    rgb = noise(20, 30)
    part = cut(rgb, Region(3, 4, 10, 9))
    assert np.shares_memory(part, rgb)
    np.testing.assert_array_equal(part, rgb[4:9, 3:10])
    assert cut(rgb, Region(0, 0, 30, 20)).shape == (20, 30, 3)


@pytest.mark.parametrize(
    "box", [(-1, 0, 5, 5), (0, -1, 5, 5), (0, 0, 31, 5), (0, 0, 5, 21), (5, 5, 5, 9), (5, 5, 9, 5)]
)
def test_a_region_outside_the_picture_is_the_callers_mistake(
    box: tuple[int, int, int, int],
) -> None:
    with pytest.raises(ValueError, match="30 x 20"):
        cut(noise(20, 30), Region(*box))


def test_shrinking_averages() -> None:
    """A checkerboard of single pixels turns grey; sampling would leave black and white."""
    board = np.indices((64, 64)).sum(0) % 2 * 255
    rgb = np.repeat(board[..., None], 3, 2).astype(np.uint8)
    small = fit(rgb, InputSpec(16, 16))
    assert small.shape == (16, 16, 3)
    assert 127 <= small.min() <= small.max() <= 128


def test_enlarging_either_side_interpolates() -> None:
    ramp = np.tile(np.array([0, 255], np.uint8)[None, :, None], (64, 1, 3))
    wide = fit(ramp, InputSpec(8, 16))  # shrinks in height, grows in width
    assert len(np.unique(wide[0, :, 0])) > 4


def test_fit_keeps_what_fits() -> None:
    rgb = noise(8, 12)
    np.testing.assert_array_equal(fit(rgb, InputSpec(8, 12)), rgb)


def test_fit_takes_any_view() -> None:
    rgb = noise(40, 60)
    rgb.setflags(write=False)
    spec = InputSpec(8, 12)
    for view in (rgb[5:25, 7:47], rgb[::-1], rgb[:, ::-1], rgb[..., ::-1], rgb[::2, ::3]):
        np.testing.assert_array_equal(fit(view, spec), fit(np.ascontiguousarray(view), spec))


def test_a_batch_is_its_crops_in_order_contiguous_and_fresh() -> None:
    crops = [noise(8, 12), noise(40, 60)[3:30, 5:9], np.full((1, 1, 3), 9, np.uint8)]
    spec = InputSpec(8, 12)
    out = batch(crops, spec)
    assert (out.shape, out.dtype, out.flags.c_contiguous) == ((3, 8, 12, 3), np.uint8, True)
    for row, crop in zip(out, crops):
        np.testing.assert_array_equal(row, fit(crop, spec))
        assert not np.shares_memory(row, crop)
    assert batch([], spec).shape == (0, 8, 12, 3)
