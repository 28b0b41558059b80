from __future__ import annotations

import io
import random
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import PIL.Image
import pytest

from regard.domain import ByteArray
from regard.errors import ImageTooLarge, InvalidImageFormat, InvalidParameter, RegardError
from regard.media.picture import MAX_PIXELS, MAX_SIDE, decode

CORNERS = {
    "top left": (250, 20, 30),
    "top right": (20, 240, 40),
    "bottom left": (30, 40, 230),
    "bottom right": (230,) * 3,
}
NEAR = 6  # what JPEG may change a flat colour by
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def quarters(width: int = 128, height: int = 96) -> ByteArray:
    """Four flat quarters, each of another colour: no turn or mirror leaves it the same."""
    pixels = np.empty((height, width, 3), np.uint8)
    middle, centre = height // 2, width // 2
    pixels[:middle, :centre], pixels[:middle, centre:] = CORNERS["top left"], CORNERS["top right"]
    pixels[middle:, :centre], pixels[middle:, centre:] = CORNERS["bottom left"], CORNERS["bottom right"]
    return pixels


def noise(width: int = 112, height: int = 84) -> ByteArray:
    return np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8)


def encoded(pixels: ByteArray, kind: str = "JPEG", mode: str = "RGB", **options: Any) -> bytes:
    file = io.BytesIO()
    options = {"quality": 95, "subsampling": 0, **options} if kind == "JPEG" else options
    PIL.Image.fromarray(pixels).convert(mode).save(file, kind, **options)
    return file.getvalue()


def exif(orientation: int, order: str = "<") -> bytes:
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, 2)
    entries = struct.pack(order + "HHIHH", 0x0100, 3, 1, 7, 0) + struct.pack(
        order + "HHIHH", 0x0112, 3, 1, orientation, 0
    )
    return b"Exif\0\0" + head + entries + bytes(4)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(  # every field a header can lie in
    width: int, height: int, depth: int, colour: int, rows: bytes, *, before: bytes = b"", interlace: int = 0
) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    image = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + image + chunk(b"IEND", b"")


def flat_png(depth: int, colour: int, pixel: bytes, *, before: bytes = b"", side: int = 80) -> bytes:
    """Every pixel the same; `pixel` holds as many whole pixels as fill whole bytes."""
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = b"\0" + pixel * (side * depth * samples // 8 // len(pixel))
    return png(side, side, depth, colour, row * side, before=before)


def interlaced_png(pixels: ByteArray) -> bytes:
    rows = b""
    for x, y, across, down in ADAM7:
        rows += b"".join(b"\0" + row.tobytes() for row in pixels[y::down, x::across])
    return png(pixels.shape[1], pixels.shape[0], 8, 2, rows, interlace=1)


def assert_same(found: ByteArray, wanted: ByteArray, within: int = 0) -> None:
    assert found.shape == wanted.shape
    assert np.abs(found.astype(int) - wanted.astype(int)).max() <= within


@contextmanager
def at_most(mebibytes: float) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < mebibytes * 2**20
    finally:
        tracemalloc.stop()


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


PALETTE = chunk(b"PLTE", bytes((200, 100, 50, 10, 20, 30, 90, 80, 70)))


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


def test_a_png_is_never_reduced() -> None:
    assert_same(decode(encoded(noise(400, 300), "PNG"), longest=100).pixels, noise(400, 300))


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
