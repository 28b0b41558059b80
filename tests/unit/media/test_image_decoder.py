from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import PIL.Image
import pytest
from picture_files import (
    NEAR,
    PALETTE,
    assert_same,
    chunk,
    encoded,
    exif,
    exif_entry,
    flat_png,
    interlaced_png,
    noise,
    quarters,
)

from regard.domain.arrays import ByteArray
from regard.errors import InvalidImageFormat
from regard.media.image_decoder import decode

# -- pixels ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}], ids=str)
def test_a_jpeg_comes_out_as_rgb(options: dict[str, Any]) -> None:
    pixels = quarters()
    image = decode(encoded(pixels, **options))
    assert (image.width, image.height) == (128, 96)
    assert image.pixels.dtype == np.uint8
    assert image.pixels.flags.c_contiguous
    assert_same(image.pixels, pixels, NEAR)


def test_a_png_comes_out_exactly_whatever_its_height() -> None:
    for height in (80, 255, 256, 257, 600):
        pixels = noise(80, height)
        assert_same(decode(encoded(pixels, "PNG")).pixels, pixels)


def test_a_grey_jpeg_has_three_equal_channels() -> None:
    pixels = decode(encoded(np.full((90, 80, 3), 77, np.uint8), mode="L")).pixels
    assert_same(pixels, np.full((90, 80, 3), 77, np.uint8), 1)


def test_a_cmyk_jpeg_has_its_colours() -> None:
    assert_same(decode(encoded(quarters(), mode="CMYK")).pixels, quarters(), NEAR)


def test_an_adobe_ycck_jpeg_has_its_colours() -> None:
    """Adobe stores the complement, as Y, Cb, Cr and an inverted K; Pillow writes CMYK inverted, and transform 0."""
    wanted = (200, 120, 40)
    complement = PIL.Image.new("RGB", (80, 80), tuple(255 - v for v in wanted)).convert("YCbCr")
    planes = [PIL.Image.fromarray(255 - np.asarray(plane)) for plane in complement.split()]
    file = io.BytesIO()
    PIL.Image.merge("CMYK", [*planes, PIL.Image.new("L", (80, 80), 0)]).save(file, "JPEG", quality=95, subsampling=0)
    data = bytearray(file.getvalue())
    transform = data.index(b"\xff\xee") + 15
    assert data[transform] == 0
    data[transform] = 2
    assert_same(decode(bytes(data)).pixels, np.full((80, 80, 3), wanted, np.uint8), NEAR)


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        pytest.param(flat_png(8, 0, b"\x7b"), (123,) * 3, id="grey"),
        pytest.param(flat_png(1, 0, b"\xff"), (255,) * 3, id="grey 1 bit"),
        pytest.param(flat_png(2, 0, b"\xaa"), (170,) * 3, id="grey 2 bits"),
        pytest.param(flat_png(4, 0, b"\x55"), (85,) * 3, id="grey 4 bits"),
        pytest.param(flat_png(16, 0, b"\x00\xff"), (0,) * 3, id="grey 16 bits, dark"),
        pytest.param(flat_png(16, 0, b"\x01\x00"), (1,) * 3, id="grey 16 bits, a little lighter"),
        pytest.param(flat_png(16, 0, b"\x7b\xcd"), (123,) * 3, id="grey 16 bits, middle"),
        pytest.param(flat_png(16, 0, b"\xff\xff"), (255,) * 3, id="grey 16 bits, white"),
        pytest.param(flat_png(8, 2, b"\x01\x02\x03"), (1, 2, 3), id="colour"),
        pytest.param(flat_png(16, 2, b"\x01\xff\x80\x00\xff\xff"), (1, 128, 255), id="colour 16 bits"),
        pytest.param(flat_png(8, 3, b"\1", before=PALETTE), (10, 20, 30), id="palette"),
        pytest.param(flat_png(2, 3, b"\xaa", before=PALETTE), (90, 80, 70), id="palette 2 bits"),
        pytest.param(flat_png(8, 3, b"\1", before=PALETTE + chunk(b"tRNS", b"\xff\x00")), (255,) * 3, id="clear entry"),
        pytest.param(
            flat_png(8, 3, b"\0", before=PALETTE + chunk(b"tRNS", b"\xff\x00")), (200, 100, 50), id="solid entry"
        ),
        pytest.param(
            flat_png(8, 3, b"\0", before=PALETTE + chunk(b"tRNS", b"\x33\xff")), (244, 224, 214), id="fifth of an entry"
        ),
        pytest.param(flat_png(8, 4, b"\x32\xff"), (50,) * 3, id="grey, solid"),
        pytest.param(flat_png(8, 4, b"\x32\x00"), (255,) * 3, id="grey, clear"),
        pytest.param(flat_png(16, 4, b"\x32\x00\xff\xff"), (50,) * 3, id="grey 16 bits, solid"),
        pytest.param(flat_png(8, 6, b"\x0a\x14\x1e\xff"), (10, 20, 30), id="colour, solid"),
        pytest.param(flat_png(8, 6, b"\x0a\x14\x1e\x00"), (255,) * 3, id="colour, clear"),
        pytest.param(flat_png(8, 6, b"\x00\x64\xc8\x80"), (127, 177, 227), id="colour, half"),
        pytest.param(flat_png(16, 6, b"\x0a\0\x14\0\x1e\0\xff\xff"), (10, 20, 30), id="colour 16 bits, solid"),
        pytest.param(
            flat_png(8, 0, b"\x07", before=chunk(b"tRNS", b"\0\x07")), (255,) * 3, id="grey, the clear colour"
        ),
        pytest.param(
            flat_png(8, 0, b"\x07", before=chunk(b"tRNS", b"\0\x08")), (7,) * 3, id="grey, not the clear colour"
        ),
        pytest.param(flat_png(1, 0, b"\0", before=chunk(b"tRNS", b"\0\0")), (255,) * 3, id="1 bit, the clear colour"),
        pytest.param(
            flat_png(4, 0, b"\x55", before=chunk(b"tRNS", b"\0\x55")), (85,) * 3, id="4 bits, no clear colour"
        ),
        pytest.param(
            flat_png(16, 2, b"\0\1" * 3, before=chunk(b"tRNS", bytes(6))),
            (0, 0, 0),
            id="16 bits, near the clear colour",
        ),
        pytest.param(
            flat_png(8, 2, b"\1\2\3", before=chunk(b"tRNS", b"\0\1\0\2\0\3")), (255,) * 3, id="colour, the clear colour"
        ),
    ],
)
def test_every_kind_of_png_has_its_exact_colour(data: bytes, wanted: tuple[int, int, int]) -> None:
    assert_same(decode(data).pixels, np.full((80, 80, 3), wanted, np.uint8))


def test_an_interlaced_png_is_put_together() -> None:
    assert_same(decode(interlaced_png(noise())).pixels, noise())


def test_a_png_in_many_small_pieces_is_put_together() -> None:
    pixels = noise()
    whole = encoded(pixels, "PNG")
    start = whole.index(b"IDAT") - 4
    (length,) = struct.unpack_from(">I", whole, start)
    body = whole[start + 8 : start + 8 + length]
    pieces = b"".join(chunk(b"IDAT", body[i : i + 50]) for i in range(0, length, 50))
    assert_same(decode(whole[:start] + pieces + chunk(b"IDAT", b"") + whole[start + 12 + length :]).pixels, pixels)


@pytest.mark.parametrize("first_is_shown", [True, False])
def test_the_first_picture_of_an_animated_png_is_taken(first_is_shown: bool) -> None:
    frames = [PIL.Image.fromarray(np.full((80, 90, 3), v, np.uint8)) for v in (10, 20, 30)]
    file = io.BytesIO()
    frames[0].save(file, "PNG", save_all=True, append_images=frames[1:], default_image=not first_is_shown)
    assert file.getvalue().count(b"fcTL") == (3 if first_is_shown else 2)
    assert_same(decode(file.getvalue()).pixels, np.full((80, 90, 3), 10, np.uint8))


@pytest.mark.parametrize("progressive", [True, False])
def test_the_first_picture_of_a_multi_picture_jpeg_is_taken(progressive: bool) -> None:
    first, second = PIL.Image.fromarray(quarters()), PIL.Image.fromarray(quarters(200, 300))
    file = io.BytesIO()
    first.save(file, "MPO", save_all=True, append_images=[second], quality=95, subsampling=0, progressive=progressive)
    assert_same(decode(file.getvalue()).pixels, quarters(), NEAR)


def test_a_jpeg_with_padding_between_its_segments_is_read() -> None:
    data = encoded(quarters())
    tables = data.index(b"\xff\xdb")
    for padding in (b"\xff\xff\xff", b"\0\0\0", b"junk"):
        assert_same(decode(data[:tables] + padding + data[tables:]).pixels, quarters(), NEAR)


def test_what_follows_the_picture_is_ignored() -> None:
    for data in (encoded(quarters()), encoded(quarters(), progressive=True), encoded(quarters(), "PNG")):
        assert_same(decode(data + b"\xff\xda\xff\xd8 a short video " * 200).pixels, quarters(), NEAR)


# -- orientation -------------------------------------------------------------------------------------------------

STORED: dict[int, Callable[[ByteArray], ByteArray]] = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.swapaxes(0, 1),
    6: np.rot90,
    7: lambda upright: upright[::-1, ::-1].swapaxes(0, 1),
    8: lambda upright: np.rot90(upright, -1),
}


@pytest.mark.parametrize("order", ["<", ">"], ids=["little-endian", "big-endian"])
@pytest.mark.parametrize("orientation", STORED)
def test_all_eight_orientations_of_a_png_give_the_same_upright_picture(orientation: int, order: str) -> None:
    stored = np.ascontiguousarray(STORED[orientation](quarters()))
    image = decode(encoded(stored, "PNG", exif=exif(orientation, order)))
    assert (image.width, image.height) == (128, 96)
    assert_same(image.pixels, quarters())


def test_an_orientation_behind_the_pixels_of_a_png_counts_with_or_without_its_old_head() -> None:
    data = encoded(np.ascontiguousarray(quarters()[::-1]), "PNG")
    for block in (exif(4), exif(4).removeprefix(b"Exif\0\0")):
        assert_same(decode(data[:-12] + chunk(b"eXIf", block) + data[-12:]).pixels, quarters())


@pytest.mark.parametrize("longest", [None, 60])
@pytest.mark.parametrize("orientation", STORED)
def test_all_eight_orientations_of_a_jpeg_give_the_same_upright_picture(orientation: int, longest: int | None) -> None:
    stored = np.ascontiguousarray(STORED[orientation](quarters(256, 192)))
    image = decode(encoded(stored, exif=exif(orientation)), longest=longest)
    assert (image.width, image.height) == (256, 192)
    assert_same(image.pixels, quarters(256, 192) if longest is None else quarters(64, 48), NEAR)


@pytest.mark.parametrize(
    "block",
    [
        exif(0),
        exif(9),
        exif(6)[:20],
        exif(6).replace(b"II*\0", b"XX*\0"),
        b"Exif\0\0",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0II*\0" + struct.pack("<IH", 8, 65_535) + b"\xfe" * 40,
    ],
)
def test_a_broken_orientation_is_no_reason_to_refuse_a_picture(block: bytes) -> None:
    assert_same(decode(encoded(quarters(), exif=block)).pixels, quarters(), NEAR)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(
    ("kind", "code"), [(1, "B"), (3, "H"), (4, "I"), (6, "b"), (8, "h"), (9, "i"), (13, "I"), (16, "Q"), (17, "q")]
)
@pytest.mark.parametrize("values", [1, 3])
def test_an_orientation_counts_whichever_whole_number_it_is(order: str, kind: int, code: str, values: int) -> None:
    block = exif_entry(order, kind, code, 6, values)
    for data in (encoded(quarters(200, 100), exif=block), encoded(quarters(200, 100), "PNG", exif=block)):
        image = decode(data)
        assert (image.width, image.height) == (100, 200)


@pytest.mark.parametrize(("kind", "code", "value"), [(11, "f", 6), (2, "B", 6), (9, "i", -6), (4, "I", 9)])
def test_an_orientation_that_is_no_whole_number_from_1_to_8_does_not_count(kind: int, code: str, value: int) -> None:
    image = decode(encoded(quarters(200, 100), exif=exif_entry(">", kind, code, value)))
    assert (image.width, image.height) == (200, 100)


# -- the end of a JPEG -------------------------------------------------------------------------------------------

WRITTEN = pytest.mark.parametrize(
    "options",
    [
        {},
        {"progressive": True},
        {"optimize": True},
        {"subsampling": 2},
        {"restart_marker_blocks": 1},
        {"restart_marker_rows": 1, "progressive": True},
        {"mode": "L"},
        {"mode": "CMYK"},
    ],
    ids=str,
)


def mandelbrot() -> PIL.Image.Image:
    return PIL.Image.effect_mandelbrot((210, 130), (-2, -1.5, 1, 1.5), 50)


@WRITTEN
@pytest.mark.parametrize("lost", [1, 2])
def test_a_jpeg_that_lacks_only_its_end_marker_is_whole(options: dict[str, Any], lost: int) -> None:
    data = encoded(mandelbrot(), **options)
    for longest in (None, 60):
        assert (decode(data[:-lost], longest=longest).pixels == decode(data, longest=longest).pixels).all()


@WRITTEN
@pytest.mark.parametrize("share", [0.3, 0.5, 0.8, 0.95])
def test_a_jpeg_that_lacks_more_is_refused(options: dict[str, Any], share: float) -> None:
    data = encoded(mandelbrot(), **options)
    with pytest.raises(InvalidImageFormat, match="the JPEG is truncated"):
        decode(data[: int(len(data) * share)])


@pytest.mark.parametrize("options", [{"restart_marker_blocks": 1}, {"restart_marker_rows": 1, "progressive": True}])
def test_a_jpeg_that_ends_where_a_restart_is_due_is_refused(options: dict[str, Any]) -> None:
    data = encoded(mandelbrot(), **options)
    last_scan = data.rfind(b"\xff\xda")
    cuts = [found.start() for found in re.finditer(rb"\xff[\xd0-\xd7]", data) if found.start() > last_scan]
    assert len(cuts) > 5
    for cut in cuts:
        with pytest.raises(InvalidImageFormat, match="the JPEG is truncated"):
            decode(data[:cut])


@pytest.mark.parametrize("kept", [1, 4, 9])
def test_a_progressive_jpeg_that_lacks_whole_scans_is_refused(kept: int) -> None:
    data = encoded(mandelbrot(), progressive=True)
    scans = [found.start() for found in re.finditer(rb"\xff\xda", data)]
    with pytest.raises(InvalidImageFormat, match="the JPEG is truncated"):
        decode(data[: scans[kept]])


# -- scaled decoding ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("longest", "size"),
    [
        (None, (801, 603)),
        (802, (801, 603)),
        (402, (801, 603)),
        (401, (401, 302)),
        (202, (401, 302)),
        (201, (201, 151)),
        (102, (201, 151)),
        (101, (101, 76)),
        (1, (101, 76)),
    ],
)
@pytest.mark.parametrize("upright", [True, False], ids=["landscape", "portrait"])
def test_a_jpeg_is_reduced_as_far_as_its_longest_side_allows(
    longest: int | None, size: tuple[int, int], upright: bool
) -> None:
    side = (801, 603) if upright else (603, 801)
    image = decode(encoded(quarters(*side)), longest=longest)
    assert (image.width, image.height) == side
    assert image.pixels.shape[:2] == (size[::-1] if upright else size)


def test_a_png_is_whole_until_it_is_very_large() -> None:
    assert_same(decode(encoded(noise(400, 300), "PNG"), longest=100).pixels, noise(400, 300))
    assert decode(flat_png(1, 0, b"\xf0", side=4096), longest=1920).pixels.shape == (4096, 4096, 3)


@pytest.mark.parametrize("turned", [1, 6])
@pytest.mark.slow
def test_a_very_large_png_is_halved_each_pixel_the_mean_of_four_unless_it_is_wanted_whole(turned: int) -> None:
    pixels = np.tile(noise(100, 82), (51, 42, 1))[:4100]
    pixels[::1001] = 255
    data = encoded(pixels, "PNG", exif=exif(turned), compress_level=1)
    halved, whole = decode(data, longest=1920), decode(data)
    assert (halved.width, halved.height) == (whole.width, whole.height)
    assert whole.pixels.shape[:2] == (whole.height, whole.width)
    assert_same(halved.pixels, np.asarray(PIL.Image.fromarray(whole.pixels).reduce(2)), 1)
