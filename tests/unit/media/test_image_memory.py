"""What a header says that decoding will take, beside what it takes, in a process for each kind of picture."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import PIL.Image
import pytest
from picture_files import ADAM7, PALETTE, chunk, encoded, exif, png

from regard.errors import InvalidImageFormat
from regard.media.image_decoder import EncodedImage, decode, examine

SIDE = 4_200
MEASURING = """
import sys
from pathlib import Path
from regard.media.image_decoder import decode

def read(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(name))

small, large = (Path(file).read_bytes() for file in sys.argv[1:])
decode(small)
before = read("VmRSS")
Path("/proc/self/clear_refs").write_text("5")
decode(large, longest=1920)
print(read("VmHWM") - before)
"""


def flat(depth: int, colour: int, bits: int, *, interlace: int = 0, before: bytes = b"") -> bytes:
    passes = ADAM7 if interlace else [(0, 0, 1, 1)]
    sizes = ((-(-(SIDE - x) // across), -(-(SIDE - y) // down)) for x, y, across, down in passes)
    rows = b"".join(bytes((1 + (width * bits + 7) // 8) * height) for width, height in sizes)
    return png(SIDE, SIDE, depth, colour, rows, interlace=interlace, before=before)


def jpeg(mode: str = "RGB", side: int = SIDE, **options: object) -> bytes:
    return encoded(PIL.Image.new("RGB", (side, side), (90, 110, 130)), mode=mode, **options)


PICTURES = {
    "png": lambda: flat(8, 2, 24),
    "transparent png": lambda: flat(8, 6, 32),
    "png of 16 bits": lambda: flat(16, 6, 64),
    "png of 1 bit": lambda: flat(1, 0, 1),
    "palette png": lambda: flat(8, 3, 8, before=PALETTE + chunk(b"tRNS", b"\x55")),
    "turned png": lambda: flat(8, 2, 24, before=chunk(b"eXIf", exif(6)[6:])),
    "interlaced png": lambda: flat(8, 2, 24, interlace=1),
    "jpeg": jpeg,
    "jpeg that is not reduced": lambda: jpeg(side=3_800, exif=exif(6)),
    "progressive jpeg": lambda: jpeg(progressive=True),
    "progressive jpeg with all its colours": lambda: jpeg(progressive=True, subsampling=0),
    "progressive cmyk jpeg": lambda: jpeg("CMYK", progressive=True),
}


def examined(name: str) -> tuple[bytes, EncodedImage]:
    data = PICTURES[name]()
    return data, examine(data, longest=1920)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.slow
def test_decoding_takes_what_the_header_says_and_not_much_less(name: str, tmp_path: Path) -> None:
    data, image = examined(name)
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(encoded(PIL.Image.new("RGB", (100, 100)), "JPEG" if data[0] == 0xFF else "PNG"))
    large.write_bytes(data)
    done = subprocess.run([sys.executable, "-c", MEASURING, small, large], capture_output=True, text=True, check=True)
    took = int(done.stdout)
    assert 0.6 * image.decoding_bytes < took < 1.05 * image.decoding_bytes + (4 << 20)


@pytest.mark.parametrize("name", ["png", "transparent png", "turned png", "jpeg that is not reduced"])
def test_no_picture_is_there_twice_once_it_is_decoded(name: str) -> None:
    image = examined(name)[1]
    pixels = image.decode().pixels
    assert pixels.nbytes == image.pixel_bytes
    assert pixels.shape[:2] == image.shape


@pytest.mark.slow
def test_interlaced_and_progressive_pictures_are_charged_more() -> None:
    for dear, cheap in (("interlaced png", "png"), ("progressive jpeg", "jpeg")):
        assert examined(dear)[1].decoding_bytes > 1.5 * examined(cheap)[1].decoding_bytes


def test_a_large_picture_may_have_fewer_scans_than_a_small_one() -> None:
    def scans(side: int) -> bytes:
        data = encoded(PIL.Image.new("RGB", (side, side)), progressive=True)
        last = data.rindex(b"\xff\xc4")
        return data[:-2] + data[last:-2] * 40 + data[-2:]

    decode(scans(500), longest=100)
    with pytest.raises(InvalidImageFormat, match="more than 34 scans"):
        decode(scans(6_820), longest=100)
