"""WebP, AVIF, TIFF and HEIC as PNG: the same pixels, upright, and every refusal in words."""

from __future__ import annotations

import base64
import io
import sys

import numpy as np
import PIL.Image
import pytest
from people import encoded
from picture_files import CORNERS, quarters

from regard.domain.arrays import ByteArray
from regard.errors import ImageTooLarge
from regard.media.image_decoder import decode
from regard.media.picture_conversion import DamagedPicture, NotReadHere, converted

#: 100×80, red at the top left and blue at the bottom right, to be turned a quarter to the right (`irot`).
HEIC = base64.b64decode("""
AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAaFtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAADRpbG9jAA
AAAERAAAIAAQAAAAABxQABAAAAAAAAAH8AAgAAAAACRAABAAAAAAAAACQAAAA4aWluZgAAAAAAAgAAABVpbmZlAgAAAAABAABodmMxAAAAABVp
bmZlAgAAAQACAABFeGlmAAAAAA5waXRtAAAAAAABAAAA4GlwcnAAAADAaXBjbwAAAHhodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGE
ABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQArQgEBA3AAAAMAkAAAAwAAAwAeoDSBR35bqSSmubgIaDAgAAADAyAAAAMAIWIAAQAHRAHBcrAi
QAAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABkAAAAUAAAABBwaXhpAAAAAAMICAgAAAAJaXJvdAMAAAAYaXBtYQAAAAAAAAABAA
EFgQIDBIUAAAAaaXJlZgAAAAAAAAAOY2RzYwACAAEAAQAAAKttZGF0AAAAeygBrxOAeL0ZudDhp//65KP/5lM8P0BLE/5k2tjH/q5y+dLMM7C8
yFUYAlp+wotPvJUmPkbqCdoZyE0RUjEeKT/s+CsajfLipbHRxEE8LhMrCE2LnsV8YfBpQpfh4+mVroNLqOAfWR/9/mdUtTiSVQAE7sKiyl9KDN
bvgAAAAAZFeGlmAABNTQAqAAAACAABARIAAwAAAAEABgAAAAAAAA==
""")
LOSSLESS = {"WEBP": {"lossless": True}, "TIFF": {}, "AVIF": {"quality": 100, "subsampling": "4:4:4"}}


def corners(pixels: ByteArray) -> list[list[int]]:
    """The colours at the four corners, left to right and top to bottom."""
    return [pixels[row, column].tolist() for row in (5, -5) for column in (5, -5)]


@pytest.mark.parametrize("kind", LOSSLESS)
def test_the_pixels_stay_as_they_are(kind: str) -> None:
    pixels = quarters()
    image = decode(converted(encoded(pixels, kind, **LOSSLESS[kind])))
    assert (image.width, image.height) == (128, 96)
    assert np.abs(image.pixels.astype(int) - pixels).max() <= (30 if kind == "AVIF" else 0)


@pytest.mark.parametrize("kind", LOSSLESS)
def test_the_picture_is_turned_upright_once(kind: str) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    turned = {"tiffinfo": {0x0112: 6}} if kind == "TIFF" else {"exif": exif}
    image = decode(converted(encoded(quarters(), kind, **LOSSLESS[kind], **turned)))
    assert (image.width, image.height) == (96, 128)
    places = "bottom left", "top left", "bottom right", "top right"
    assert np.abs(np.subtract(corners(image.pixels), [CORNERS[place] for place in places])).max() < 10


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"])
def test_a_compressed_tiff_is_read(compression: str) -> None:
    image = decode(converted(encoded(quarters(), "TIFF", compression=compression)))
    assert image.pixels.shape == (96, 128, 3)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "LAB", "RGBX"])
def test_colours_of_print_and_video_become_rgb(mode: str) -> None:
    picture = PIL.Image.fromarray(quarters()).convert(mode)
    image = decode(converted(encoded(picture, "TIFF")))
    right = np.asarray(picture.convert("RGB"))
    assert np.abs(image.pixels.astype(int) - right).max() <= 1


def test_of_sixteen_bits_the_upper_eight_are_kept() -> None:
    deep = (np.arange(100, dtype=np.uint16) * 655)[None].repeat(90, 0)
    image = decode(converted(encoded(PIL.Image.fromarray(deep), "TIFF")))
    assert (image.pixels[0, :, 0] == deep[0] >> 8).all()


def test_of_several_pages_and_frames_the_first_is_taken() -> None:
    first, second = PIL.Image.new("RGB", (90, 90), "red"), PIL.Image.new("RGB", (90, 90), "blue")
    for kind in ("TIFF", "WEBP"):
        data = encoded(first, kind, save_all=True, append_images=[second])
        assert decode(converted(data)).pixels[45, 45, 0] > 250


def test_jpeg_png_and_anything_unknown_are_returned_as_they_are() -> None:
    for data in (encoded(quarters()), encoded(quarters(), "PNG"), b"", b"text", b"GIF89a", b"RIFF\0\0\0\0WAVE"):
        assert converted(data) is data


def test_heic_is_read_upright_with_the_extra() -> None:
    pytest.importorskip("pi_heif")
    image = decode(converted(HEIC))
    assert (image.width, image.height) == (80, 100)
    red, blue = [250, 20, 20], [20, 20, 250]
    assert np.abs(np.subtract(corners(image.pixels), [[0] * 3, red, blue, [0] * 3])).max() < 10


def test_heic_without_the_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    with pytest.raises(NotReadHere, match=r"found a picture in HEIC; run pip install 'regard\[heic\]'") as raised:
        converted(HEIC)
    assert raised.value.format == "HEIC"


@pytest.mark.parametrize("kind", LOSSLESS)
def test_a_picture_too_large_is_refused_by_its_header(kind: str) -> None:
    data = encoded(PIL.Image.new("L", (10_001, 100)), kind)
    with pytest.raises(ImageTooLarge, match="10001 × 100 pixels"):
        converted(data)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, of tags that are cut off
@pytest.mark.parametrize("kind", LOSSLESS)
@pytest.mark.parametrize("kept", [0.2, 0.6, 0.9])
def test_a_truncated_picture_is_damaged(kind: str, kept: float) -> None:
    data = encoded(np.random.default_rng(1).integers(0, 256, (96, 128, 3), np.uint8), kind)
    with pytest.raises(DamagedPicture, match="is truncated, corrupt or no photograph"):
        converted(data[: int(len(data) * kept)])


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_bytes_that_are_nonsense_after_the_first_are_damaged() -> None:
    noise = np.random.default_rng(2)
    heads = [b"II*\0", b"MM\0*", b"II+\0", b"RIFF\x99\0\0\0WEBPVP8L", b"\0\0\0\x18ftypavif\0\0\0\0mif1avif"]
    for head in heads:
        for length in (0, 8, 100, 1_000):
            with pytest.raises(DamagedPicture):
                converted(head + noise.bytes(length))


@pytest.mark.parametrize("mode", ["F", "I"])
def test_measurements_are_no_photograph(mode: str) -> None:
    stream = io.BytesIO()
    PIL.Image.new(mode, (90, 90)).save(stream, "TIFF")
    with pytest.raises(DamagedPicture):
        converted(stream.getvalue())
