"""How well text is read, and how fast: generated pages, every one read as DetectText reads it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from benchmarks.markdown import bullet, table
from benchmarks.material import zoo
from benchmarks.printed_pages import LANGUAGES, SANS, SERIF, TYPEFACES, PrintedPage, error_rate, printed
from regard.domain.arrays import FloatArray
from regard.domain.text import Line, Word
from regard.vision.images.text_models import PACK, TextModels
from regard.vision.images.text_reader import TextReader
from regard.vision.model_loader import ModelLoader

#: Pages for each row of the tables, each from another word on.
PAGES = 6
_BINS = (0, 50, 70, 80, 90, 95, 99, 99.9, 100.1)


@dataclass(frozen=True)
class Outcome:
    """What was read of one page."""

    page: PrintedPage
    lines: list[Line]
    seconds: float

    @property
    def words(self) -> list[Word]:
        return [word for line in self.lines for word in line.words]

    @property
    def errors(self) -> float:
        return error_rate(self.page.text, " ".join(line.text for line in self.lines))

    def overlaps(self) -> Iterator[float]:
        """For each printed word, the overlap with the word that was read there, of upright boxes."""
        size = self.page.pixels.shape[1::-1]
        boxes = np.array([_box(word.corners * size) for word in self.words]).reshape(-1, 4)
        for word in self.page.words:
            yield float(_overlap(_box(word.corners), boxes).max(initial=0))

    def judged(self) -> Iterator[tuple[float, bool]]:
        """Each word that was read: its confidence, and whether that word is printed where it was read."""
        size = self.page.pixels.shape[1::-1]
        boxes = np.array([_box(word.corners) for word in self.page.words])
        for word in self.words:
            overlaps = _overlap(_box(word.corners * size), boxes)
            best = self.page.words[int(overlaps.argmax())]
            yield word.confidence, bool(overlaps.max() > 0.2 and best.text == word.text)


def pages(change: Callable[[PrintedPage], PrintedPage] = lambda page: page, **options: object) -> list[PrintedPage]:
    return [
        change(printed(**({"typeface": TYPEFACES[number % len(TYPEFACES)], "first": 13 * number} | options)))  # type: ignore[arg-type]
        for number in range(PAGES)
    ]


def easy() -> Mapping[str, list[PrintedPage]]:
    return {
        **{f"clean, {size} px": pages(size=size, words=60) for size in (12, 16, 20, 28, 40, 80)},
        "20 px in 3000 × 2000": pages(size=20, width=3000, height=2000),
        "24 px on A4 at 200 dpi": pages(size=24, width=1654, height=2339),
        "tiny: 10 px in 400 × 300": pages(size=10, width=400, height=300, words=40),
    }


def hard() -> Mapping[str, list[PrintedPage]]:
    usual = {"size": 26, "words": 60}
    return {
        **{f"turned by {degrees}°": pages(lambda page, d=degrees: page.turned(d), **usual) for degrees in _TURNS},
        **{f"noise, sigma {sigma}": pages(lambda page, s=sigma: page.noisy(s), **usual) for sigma in (20, 60, 100)},
        **{f"blur, sigma {sigma}": pages(lambda page, s=sigma: page.blurred(s), **usual) for sigma in (1.5, 3)},
        **{f"contrast {part}": pages(lambda page, p=part: page.faint(p), **usual) for part in (0.3, 0.1)},
        "white on black": pages(lambda page: page.negative(), **usual),
        "JPEG quality 15": pages(lambda page: page.as_jpeg(15), **usual),
        "perspective, 15 %": pages(lambda page: page.in_perspective(0.15), **usual),
        "perspective, 25 %": pages(lambda page: page.in_perspective(0.25), **usual),
        "turned 20°, noise 30": pages(lambda page: page.turned(20).noisy(30), **usual),
    }


_TURNS = (5, 20, 45, 70, 90, -90, 180)


def languages() -> Mapping[str, list[PrintedPage]]:
    return {
        name: [printed(text, typeface=face, size=28, words=len(text.split())) for face in (SANS, SERIF)]
        for name, text in LANGUAGES.items()
    }


def main() -> None:
    cards = zoo()
    cards.pull(cards.pack(PACK))
    reader = TextModels(ModelLoader(cards, threads=1)).reader()
    everything: list[Outcome] = []
    for title, rows in (("Clean print", easy()), ("Not so clean print", hard()), ("Languages, 28 px", languages())):
        found = {name: [read(reader, page) for page in some] for name, some in rows.items()}
        table(
            title, ["pages", "errors", "worst page", "words found", "boxes", "CPU seconds"], [*map(_row, found.items())]
        )
        everything += [outcome for outcomes in found.values() for outcome in outcomes]
    _tell_confidence([pair for outcome in everything for pair in outcome.judged()])


def read(reader: TextReader, page: PrintedPage) -> Outcome:
    began = time.process_time()
    lines = list(reader.lines(page.pixels))
    return Outcome(page, lines, time.process_time() - began)


def _row(row: tuple[str, list[Outcome]]) -> list[str]:
    name, outcomes = row
    letters = [len(each.page.text) for each in outcomes]
    errors = np.average([each.errors for each in outcomes], weights=letters)
    overlaps = [overlap for each in outcomes for overlap in each.overlaps()]
    return [
        name,
        f"{100 * errors:.2f} %",
        f"{100 * max(each.errors for each in outcomes):.2f} %",
        f"{100 * np.mean([overlap > 0.4 for overlap in overlaps]):.1f} %",
        f"{np.mean(overlaps):.2f}",
        f"{np.mean([each.seconds for each in outcomes]):.2f}",
    ]


def _tell_confidence(judged: list[tuple[float, bool]]) -> None:
    confidences, right = (np.array(column, float) for column in zip(*judged, strict=True))
    rows = []
    for low, high in pairwise(_BINS):
        inside = (confidences >= low) & (confidences < high)
        if inside.any():
            share = f"{100 * right[inside].mean():.1f} %"
            rows.append(
                [f"{low:g} to {min(high, 100):g}", f"{inside.sum():,}", f"{confidences[inside].mean():.1f}", share]
            )
    table("Words by their confidence", ["confidence", "words", "mean", "right"], rows)
    bullet(f"{len(judged):,} words; {100 * right.mean():.2f} % right, confidence {confidences.mean():.2f} on average")


def _box(corners: FloatArray) -> np.ndarray:
    return np.concatenate([corners.min(axis=0), corners.max(axis=0)])


def _overlap(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union of one box with each of N."""
    inside = np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2])
    both = np.clip(inside, 0, None).prod(axis=1)
    return both / ((boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod() - both)


if __name__ == "__main__":
    main()
