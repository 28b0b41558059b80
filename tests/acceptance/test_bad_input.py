"""Every picture that is none, and every one that is too much: the exception AWS gives, and the server goes on."""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import PIL.Image
import pytest
from people import astronaut, encoded, nobody

Refused = Callable[..., tuple[str, str]]
FORMAT, PARAMETER, LARGE = "InvalidImageFormatException", "InvalidParameterException", "ImageTooLargeException"


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def bomb(side: int) -> bytes:
    """A black PNG of side×side pixels, a thousandth of its size."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    packer = zlib.compressobj(1)
    line = bytes(1 + 3 * side)
    body = b"".join(packer.compress(line) for _ in range(side)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def sixteen_bits() -> PIL.Image.Image:
    luma = np.asarray(PIL.Image.fromarray(astronaut()).convert("L"))
    return PIL.Image.fromarray(luma.astype(np.uint16) * 257)


JPEG = encoded(astronaut(), quality=90)
REFUSED = {
    "zero bytes": (b"", "ValidationException", "image.bytes"),
    "one byte": (b"\xff", FORMAT, "unknown format"),
    "text renamed .jpg": (b"Dear sir, enclosed please find my photograph.\n", FORMAT, "found text"),
    "a GIF": (encoded(nobody(), "GIF"), FORMAT, "found a GIF image"),
    "a WebP": (encoded(nobody(), "WEBP"), FORMAT, "found a WebP image"),
    "a truncated JPEG": (JPEG[: len(JPEG) // 2], FORMAT, "truncated"),
    "a JPEG's first bytes": (JPEG[:20], FORMAT, "truncated"),
    "a truncated PNG": (encoded(astronaut(), "PNG")[:100_000], FORMAT, "truncated"),
    "1×1": (encoded(nobody(1, 1), "PNG"), PARAMETER, "1 × 1 pixels"),
    "79 high": (encoded(nobody(79, 200)), PARAMETER, "at least 80"),
    "a bomb of 12,000×12,000": (bomb(12_000), LARGE, "12000 × 12000 pixels"),
    "a bomb of 9,999×9,999": (bomb(9_999), LARGE, "99980001 pixels"),
    "5 MiB and a byte": (JPEG + bytes(5_242_881 - len(JPEG)), LARGE, "too large"),
}
TAKEN = {
    "CMYK": encoded(PIL.Image.fromarray(astronaut()).convert("CMYK"), quality=90),
    "16-bit PNG": encoded(sixteen_bits(), "PNG"),
    "palette PNG": encoded(PIL.Image.fromarray(astronaut()).quantize(256), "PNG"),
    "palette with transparency": encoded(PIL.Image.fromarray(astronaut()).quantize(255), "PNG", transparency=254),
    "RGBA": encoded(PIL.Image.fromarray(astronaut()).convert("RGBA"), "PNG"),
    "grey JPEG": encoded(PIL.Image.fromarray(astronaut()).convert("L"), quality=90),
    "progressive JPEG": encoded(astronaut(), quality=90, progressive=True),
    "exactly 5 MiB": JPEG + bytes(5_242_880 - len(JPEG)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_at_once_with_awss_exception(
    live: Any, client: Any, refused: Refused, collection: str, name: str
) -> None:
    data, code, words = REFUSED[name]
    start = time.monotonic()
    given, message = refused(client.detect_faces, Image={"Bytes": data})
    elapsed = time.monotonic() - start
    assert given == code
    assert words in message
    assert elapsed < 2.0  # milliseconds, but for boto3 and a busy machine
    image = {"Bytes": data}
    assert refused(client.index_faces, CollectionId=collection, Image=image)[0] == code
    assert refused(client.search_faces_by_image, CollectionId=collection, Image=image)[0] == code
    assert refused(client.compare_faces, SourceImage={"Bytes": JPEG}, TargetImage=image)[0] == code
    assert client.list_faces(CollectionId=collection)["Faces"] == []
    assert live.get("/health/live") == (200, {"status": "live"})


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_merely_odd_is_read(client: Any, name: str) -> None:
    (face,) = client.detect_faces(Image={"Bytes": TAKEN[name]})["FaceDetails"]
    box = {"Left": 0.35, "Top": 0.11, "Width": 0.17, "Height": 0.23}
    assert face["BoundingBox"] == pytest.approx(box, abs=0.03)


def test_from_a_bucket_15_mib_are_read_and_an_empty_file_is_no_image(
    client: Any, refused: Refused, bucket: Callable[[str, bytes], dict[str, Any]]
) -> None:
    most = 15 * 1024 * 1024
    assert len(client.detect_faces(Image=bucket("a.jpg", JPEG + bytes(most - len(JPEG))))["FaceDetails"]) == 1
    assert refused(client.detect_faces, Image=bucket("b.jpg", JPEG + bytes(most + 1 - len(JPEG))))[0] == LARGE
    code, message = refused(client.detect_faces, Image=bucket("c.jpg", b""))
    assert (code, "the image is empty" in message) == (FORMAT, True)


def test_a_request_far_too_large_is_refused_and_the_server_goes_on(live: Any, client: Any, refused: Refused) -> None:
    code, _ = refused(client.detect_faces, Image={"Bytes": bytes(20_000_000)})
    assert code == "RequestEntityTooLargeException"
    assert live.get("/health/live")[0] == 200


@pytest.mark.parametrize(
    "image", [{}, {"Bytes": JPEG, "S3Object": {"Bucket": "photos", "Name": "a.jpg"}}, {"S3Object": {}}]
)
def test_an_image_must_come_from_one_place(client: Any, refused: Refused, image: dict[str, Any]) -> None:
    code, _ = refused(client.detect_faces, Image=image)
    assert code == ("InvalidS3ObjectException" if image == {"S3Object": {}} else PARAMETER)


def test_a_missing_image_or_collection_is_named(client: Any, refused: Refused) -> None:
    code, message = refused(client.detect_faces)
    assert (code, "null at 'image'" in message) == ("ValidationException", True)
    for operation, arguments in (
        (client.index_faces, {"Image": {"Bytes": JPEG}}),
        (client.search_faces_by_image, {"Image": {"Bytes": JPEG}}),
        (client.search_faces, {"FaceId": "00000000-1111-2222-3333-444444444444"}),
        (client.list_faces, {}),
        (client.delete_faces, {"FaceIds": ["00000000-1111-2222-3333-444444444444"]}),
    ):
        code, message = refused(operation, CollectionId="nobody", **arguments)
        assert (code, message) == ("ResourceNotFoundException", "The collection id: nobody does not exist.")
