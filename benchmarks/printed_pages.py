"""Pages of print with what is written where: of many faces and sizes, turned, in perspective, blurred, noisy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import PIL.Image
from PIL import ImageDraw, ImageFont

from regard.domain.arrays import ByteArray, FloatArray

#: Matplotlib's own typefaces, which every development environment has: DejaVu and STIX.
_FOLDER = Path(matplotlib.__file__).parent / "mpl-data" / "fonts" / "ttf"
SANS, SERIF, MONO, BOLD, ITALIC, TIMES = (
    *("DejaVuSans.ttf", "DejaVuSerif.ttf", "DejaVuSansMono.ttf", "DejaVuSans-Bold.ttf"),
    *("DejaVuSerif-Italic.ttf", "STIXGeneral.ttf"),
)
TYPEFACES = (SANS, SERIF, MONO, BOLD, ITALIC, TIMES)

ENGLISH = (
    "All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience and "
    "should act towards one another in a spirit of brotherhood. Invoice No. 48210-B of 17.03.2024: 3 pieces at 19.95 "
    "EUR each, total 59.85 EUR. Write to office@example.org or visit www.example.com/help?id=7 before 5:30 pm. "
    "Platform 9, Track 12: departure delayed by 25 minutes. Warning! Do not open while the machine is running. "
    'Serial: X7-Q9K2-88ZP. "Meet me at 221B Baker Street," she said (quietly).'
)
#: The first article of the Universal Declaration of Human Rights.
LANGUAGES = {
    "French": "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de raison et de "
    "conscience et doivent agir les uns envers les autres dans un esprit de fraternité.",
    "German": "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft und Gewissen "
    "begabt und sollen einander im Geiste der Brüderlichkeit begegnen.",
    "Spanish": "Todos los seres humanos nacen libres e iguales en dignidad y derechos y, dotados como están de razón y "
    "conciencia, deben comportarse fraternalmente los unos con los otros.",
    "Polish": "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni obdarzeni "
    "rozumem i sumieniem i powinni postępować wobec innych w duchu braterstwa.",
    "Czech": "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv. Jsou nadáni rozumem a svědomím a "
    "mají spolu jednat v duchu bratrství.",
    "Turkish": "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. Akıl ve vicdana sahiptirler ve "
    "birbirlerine karşı kardeşlik zihniyeti ile hareket etmelidirler.",
}


@dataclass(frozen=True, kw_only=True)
class PrintedWord:
    """`corners` are 4×2 pixels, clockwise from the upper left of what is written."""

    text: str
    corners: FloatArray


@dataclass(frozen=True, kw_only=True)
class PrintedPage:
    """A picture and its lines of words."""

    pixels: ByteArray
    lines: tuple[tuple[PrintedWord, ...], ...]

    @property
    def words(self) -> list[PrintedWord]:
        return [word for line in self.lines for word in line]

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)

    def turned(self, degrees: float) -> PrintedPage:
        """Turned clockwise on a page large enough."""
        height, width = self.pixels.shape[:2]
        matrix = np.vstack([cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1), [0, 0, 1]])
        cosine, sine = abs(matrix[0, 0]), abs(matrix[0, 1])
        across, down = round(height * sine + width * cosine), round(height * cosine + width * sine)
        matrix[:2, 2] += (across - width) / 2, (down - height) / 2
        return self._warped(matrix, across, down)

    def in_perspective(self, part: float) -> PrintedPage:
        """As seen from one side: its corners are moved inwards by up to that part of its sides."""
        height, width = self.pixels.shape[:2]
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        moves = np.array([[1, 0.5], [-0.2, 0], [-1, -0.4], [0, 0]], np.float32) * part
        seen = corners + moves * np.array([width, height], np.float32)
        return self._warped(cv2.getPerspectiveTransform(corners, np.asarray(seen, np.float32)), width, height)

    def noisy(self, sigma: float, seed: int = 0) -> PrintedPage:
        noise = np.random.default_rng(seed).normal(0, sigma, self.pixels.shape)
        return replace(self, pixels=np.clip(self.pixels + noise, 0, 255).astype(np.uint8))

    def blurred(self, sigma: float) -> PrintedPage:
        return replace(self, pixels=np.asarray(cv2.GaussianBlur(self.pixels, (0, 0), sigma), np.uint8))

    def faint(self, contrast: float) -> PrintedPage:
        """Grey on grey."""
        return replace(self, pixels=np.asarray(128 + (self.pixels.astype(float) - 128) * contrast, np.uint8))

    def negative(self) -> PrintedPage:
        return replace(self, pixels=255 - self.pixels)

    def as_jpeg(self, quality: int) -> PrintedPage:
        """After a lossy file."""
        _, content = cv2.imencode(".jpg", self.pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        return replace(self, pixels=np.asarray(cv2.imdecode(content, cv2.IMREAD_COLOR)[..., ::-1], np.uint8))

    def _warped(self, matrix: np.ndarray, width: int, height: int) -> PrintedPage:
        pixels = cv2.warpPerspective(
            self.pixels, matrix, (width, height), flags=cv2.INTER_CUBIC, borderValue=(255, 255, 255)
        )
        lines = tuple(
            tuple(replace(word, corners=_moved(word.corners, matrix)) for word in line) for line in self.lines
        )
        return PrintedPage(pixels=np.asarray(pixels, np.uint8), lines=lines)


def printed(  # noqa: PLR0913 - keywords that describe a page
    text: str = ENGLISH,
    *,
    typeface: str = SANS,
    size: int = 28,
    width: int = 1000,
    height: int = 700,
    words: int = 95,
    first: int = 0,
) -> PrintedPage:
    """A page of black on white: `text` over and over, from its word number `first` on, up to so many words."""
    font = ImageFont.truetype(str(_FOLDER / typeface), size)
    picture = PIL.Image.new("RGB", (width, height), "white")
    draw, margin = ImageDraw.Draw(picture), max(10, min(width, height) // 20)
    every = text.split()
    lines: list[list[PrintedWord]] = [[]]
    x, y = float(margin), float(margin)
    for number in range(first, first + words):
        word = every[number % len(every)]
        long = draw.textlength(word, font)
        if long > width - 2 * margin:  # it would leave the page
            continue
        if x + long > width - margin and lines[-1]:
            x, y = float(margin), y + 1.5 * size
            lines.append([])
        if y + 1.4 * size > height - margin / 2:
            break
        draw.text((x, y), word, fill="black", font=font)
        lines[-1].append(PrintedWord(text=word, corners=_corners(draw.textbbox((x, y), word, font=font))))
        x += long + draw.textlength(" ", font)
    return PrintedPage(pixels=np.asarray(picture), lines=tuple(tuple(line) for line in lines if line))


def sign(text: str, *, typeface: str = BOLD, size: int = 90, width: int = 640, height: int = 420) -> ByteArray:
    """White on green, in the middle of the picture."""
    picture = PIL.Image.new("RGB", (width, height), (40, 110, 60))
    font = ImageFont.truetype(str(_FOLDER / typeface), size)
    ImageDraw.Draw(picture).text((width / 2, height / 2), text, fill="white", font=font, anchor="mm")
    return np.asarray(picture)


def error_rate(wanted: str, found: str) -> float:
    """The edits that make `found` of `wanted` (Levenshtein), per character wanted."""
    before = np.arange(len(found) + 1)
    letters = np.array([ord(each) for each in found])
    for number, letter in enumerate(wanted, 1):
        after = np.empty_like(before)
        after[0] = number
        after[1:] = np.minimum(before[1:] + 1, before[:-1] + (letters != ord(letter)))
        # An insertion costs one more than the place before it.
        before = np.minimum.accumulate(after - np.arange(len(after))) + np.arange(len(after))
    return float(before[-1]) / max(1, len(wanted))


def _corners(box: Sequence[float]) -> FloatArray:
    left, top, right, bottom = box
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


def _moved(corners: FloatArray, matrix: np.ndarray) -> FloatArray:
    ahead = np.hstack([corners, np.ones((4, 1))]) @ matrix.T
    return np.asarray(ahead[:, :2] / ahead[:, 2:], np.float32)
