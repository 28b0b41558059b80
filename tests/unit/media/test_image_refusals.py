from __future__ import annotations

import random
import struct
import time
import zlib

import numpy as np
import PIL.Image
import pytest
from picture_files import (
    PALETTE,
    assert_same,
    at_most,
    chunk,
    encoded,
    exif,
    flat_png,
    interlaced_png,
    noise,
    png,
    quarters,
)

from regard.errors import ImageTooLarge, InvalidImageFormat, InvalidParameter, RegardError
from regard.media.image_decoder import decode
from regard.media.image_header import MAX_PIXELS, MAX_SIDE

# -- what is refused ---------------------------------------------------------------------------------------------


def other(kind: str) -> bytes:
    return encoded(quarters(), kind)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        pytest.param(b"", "the image is empty", id="empty"),
        pytest.param(b"Not a picture at all,\nbut saved as holiday.jpg", "found text", id="text"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "found text", id="SVG"),
        pytest.param(other("GIF"), "found a GIF image", id="GIF"),
        pytest.param(other("WEBP"), "found a WebP image", id="WebP"),
        pytest.param(other("BMP"), "found a BMP image", id="BMP"),
        pytest.param(other("TIFF"), "found a TIFF image", id="TIFF"),
        pytest.param(other("JPEG2000"), "found a JPEG 2000 image", id="JPEG 2000"),
        pytest.param(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "found a HEIC image", id="HEIC"),
        pytest.param(b"\0\0\0\x20ftypavif\0\0\0\0", "found an AVIF image", id="AVIF"),
        pytest.param(b"%PDF-1.7", "found a PDF document", id="PDF"),
        pytest.param(b"\x00\x01\x02\x03" * 20, "found an unknown format", id="noise"),
        pytest.param(b"\xff\xd8\xff", "the JPEG is truncated", id="three bytes of a JPEG"),
        pytest.param(b"\xff\xd8\xff\xd9", "the JPEG is truncated", id="an empty JPEG"),
        pytest.param(b"\xff\xd8\xff\xda\x00\x02", "the JPEG's header is corrupt", id="a JPEG of one scan header"),
        pytest.param(b"\x89PNG\r\n\x1a\n", "the PNG's header is corrupt", id="eight bytes of a PNG"),
        pytest.param(flat_png(8, 3, b"\0"), "less than its header promises", id="a palette PNG without a palette"),
        pytest.param(flat_png(8, 0, b"\0").replace(b"IHDR", b"IHDX"), "header is corrupt", id="a PNG without a header"),
        pytest.param(
            flat_png(8, 3, b"\0", before=chunk(b"PLTE", bytes(3_000))), "corrupt", id="a palette of a thousand colours"
        ),
        pytest.param(
            flat_png(8, 3, b"\0", before=PALETTE + chunk(b"tRNS", bytes(1_000))), "corrupt", id="too much transparency"
        ),
        pytest.param(flat_png(8, 2, b"\0\0\0", before=chunk(b"tRNS", b"\0")), "corrupt", id="too little transparency"),
        pytest.param(flat_png(16, 3, b"\0\0", before=PALETTE), "corrupt", id="an impossible depth"),
    ],
)
def test_anything_but_a_jpeg_or_png_is_an_invalid_format_and_is_named(data: bytes, found: str) -> None:
    with pytest.raises(InvalidImageFormat) as caught:
        decode(data)
    assert caught.value.message.startswith("Request has invalid image format: ")
    assert found in caught.value.message
    assert caught.value.message.endswith("send a whole JPEG or PNG.")


SAMPLES = {
    "jpeg": encoded(noise(), quality=75),
    "progressive jpeg": encoded(noise(), quality=75, progressive=True),
    "cmyk jpeg": encoded(noise(), mode="CMYK", quality=75),
    "turned jpeg": encoded(noise(), quality=60, exif=exif(6)),
    "png": encoded(noise(), "PNG"),
    "palette png": encoded(noise(), "PNG", "P", transparency=3),
    "interlaced png": interlaced_png(noise()),
}


@pytest.mark.parametrize("data", SAMPLES.values(), ids=SAMPLES.keys())
def test_a_truncated_picture_is_an_invalid_format_wherever_it_ends(data: bytes) -> None:
    decode(data)
    cuts = {
        *range(0, min(len(data), 700), 5),
        *range(700, len(data), len(data) // 40),
        *range(len(data) - 20, len(data)),
    }
    if data.endswith(b"\xff\xd9"):  # every pixel is there without the end marker
        cuts -= {len(data) - 2, len(data) - 1}
    for cut in cuts:
        with pytest.raises(InvalidImageFormat):
            decode(data[:cut])


@pytest.mark.parametrize("data", SAMPLES.values(), ids=SAMPLES.keys())
def test_a_damaged_picture_is_decoded_or_refused_never_a_surprise(data: bytes) -> None:
    dice = random.Random(len(data))  # noqa: S311
    for case in range(60):
        damaged = bytearray(data)
        for _ in range(1 + case % 4):
            damaged[dice.randrange(min(len(data), 900) if case % 2 else len(data))] = dice.randrange(256)
        try:
            image = decode(bytes(damaged), longest=dice.choice((None, 50)))
        except RegardError:
            continue
        assert image.pixels.ndim == 3


@pytest.mark.parametrize("size", [(1, 1), (79, 500), (500, 79), (1, MAX_SIDE)])
def test_a_picture_with_a_side_under_80_pixels_is_an_invalid_parameter(size: tuple[int, int]) -> None:
    for kind in ("JPEG", "PNG"):
        with pytest.raises(
            InvalidParameter, match=rf"^Request has invalid parameters: .*{size[0]} × {size[1]} .* 80\."
        ):
            decode(encoded(np.zeros((size[1], size[0], 3), np.uint8), kind))


def test_a_picture_of_80_by_80_pixels_is_large_enough() -> None:
    assert decode(encoded(quarters(80, 80))).pixels.shape == (80, 80, 3)


# -- bombs -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(12_000, 12_000), (30_000, 100), (100, MAX_SIDE + 1), (2**32 - 1, 2**32 - 1)])
def test_a_side_over_the_limit_is_refused_from_the_header_alone(size: tuple[int, int]) -> None:
    """There is nothing to decode behind the header, so only a reader of the header can say that it is too large."""
    with at_most(0.5), pytest.raises(ImageTooLarge, match=rf"{size[0]} × {size[1]} pixels; .* {MAX_SIDE}"):
        decode(png(*size, 8, 6, b""))


def test_a_jpeg_over_the_limit_is_refused_from_the_header_alone() -> None:
    data = bytearray(encoded(quarters()))
    struct.pack_into(">HH", data, data.index(b"\xff\xc0") + 5, 12_000, 65_535)
    with at_most(0.5), pytest.raises(ImageTooLarge, match="65535 × 12000"):
        decode(bytes(data))


def test_too_many_pixels_within_the_sides_are_refused() -> None:
    with pytest.raises(ImageTooLarge, match=f"{MAX_PIXELS}"):
        decode(png(9_000, 9_000, 8, 2, b""))


def test_a_real_bomb_is_refused_at_once() -> None:
    data = png(12_000, 12_000, 1, 0, bytes(1_501 * 12_000))
    begun = time.perf_counter()
    with at_most(0.5), pytest.raises(ImageTooLarge):
        decode(data)
    assert time.perf_counter() - begun < 2  # decoding would take longer; the walk takes microseconds


def test_the_decoder_is_never_shown_a_size_it_warns_of() -> None:
    assert PIL.Image.MAX_IMAGE_PIXELS is not None
    assert MAX_PIXELS <= PIL.Image.MAX_IMAGE_PIXELS


def test_a_header_that_promises_more_than_the_data_could_hold_is_refused_before_decoding() -> None:
    with at_most(0.5), pytest.raises(InvalidImageFormat, match="less than its header promises"):
        decode(png(8_000, 8_000, 8, 6, bytes(100)))


def test_data_beyond_what_the_header_promises_is_not_inflated() -> None:
    data = png(100, 100, 8, 0, bytes(101 * 100) + bytes(50 << 20))
    with at_most(2):
        assert_same(decode(data).pixels, np.zeros((100, 100, 3), np.uint8))


@pytest.mark.parametrize(
    ("kind", "head"),
    [(b"zTXt", b"Comment\0\0"), (b"iTXt", b"Comment\0\1\0\0\0"), (b"iCCP", b"profile\0\0")],
)
def test_a_bomb_beside_the_pixels_is_never_inflated(kind: bytes, head: bytes) -> None:
    bombs = chunk(kind, head + zlib.compress(bytes(20 << 20), 9)) * 20
    data = flat_png(8, 0, b"\x07", before=bombs)
    with at_most(2):
        assert_same(decode(data).pixels, np.full((80, 80, 3), 7, np.uint8))


def test_a_second_header_cannot_enlarge_the_picture() -> None:
    second = chunk(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 8, 6, 0, 0, 0))
    assert decode(flat_png(8, 0, b"\x07", before=second)).pixels.shape == (80, 80, 3)
    data = encoded(quarters())
    start = data.index(b"\xff\xc0")
    frame = data[start : start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")]
    huge = frame[:5] + b"\xff\xff\xff\xff" + frame[9:]
    for frames in (huge + frame, frame + huge):
        with pytest.raises(InvalidImageFormat, match="header is corrupt"):
            decode(data[:start] + frames + data[start + len(frame) :])


def test_a_jpeg_of_endless_scans_is_refused() -> None:
    data = encoded(quarters(), progressive=True)
    last = data.rindex(b"\xff\xc4")
    assert last < data.rindex(b"\xff\xda")
    with pytest.raises(InvalidImageFormat, match="scans"):
        decode(data[:-2] + data[last:-2] * 100 + data[-2:])


def test_a_picture_in_endless_pieces_is_refused() -> None:
    jpeg, whole = encoded(quarters()), encoded(quarters(), "PNG")
    with pytest.raises(InvalidImageFormat, match="segments"):
        decode(jpeg[:2] + b"\xff\xe1\x00\x0aExif\0\0ab" * 300_000 + jpeg[2:])
    with pytest.raises(InvalidImageFormat, match="chunks"):
        decode(whole[:33] + chunk(b"tEXt", b"") * 300_000 + whole[33:])
