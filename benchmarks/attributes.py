"""Age, gender and expression on development faces, as the engine reads them: `make bench-attributes`.

What the models' readings are worth was fitted on the people of `lfw-calibration`; here are the people of `lfw-dev`.
Gender is told by first names; age by the year of birth of public figures, whose photographs are of 2002 and 2003;
expression by eye, of 300 faces, most of them drawn at random, each with the weight that makes the whole like all faces.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.material import DATA, central, models, photograph
from regard.domain.arrays import FloatArray
from regard.domain.faces import EMOTIONS, LEAST_GENDER_SHARE
from regard.vision.faces import age_and_gender, expression
from regard.vision.models import FaceModels, Task

_HERE = Path(__file__).parent
#: LFW's photographs are from news of 2002 and 2003.
TAKEN = 2003
#: Of one person at most, so that nobody decides a figure.
PHOTOGRAPHS = 2
#: Ages between which the range is looked at by itself.
BANDS = ((0, 18), (18, 30), (30, 45), (45, 60), (60, 100))

console = Console(width=110)


@dataclass(frozen=True)
class Reading:
    """What is told of one face: years from and to, the share of women, the share of each expression."""

    ages: FloatArray
    female: float
    emotions: FloatArray


def main() -> None:
    loaded = models()
    born = {name: int(year) for name, year in _lines("birth_years.tsv")}
    women = {name: of == "women" for name, of in _lines("first_names.tsv")}
    files = list(_known(born, women))
    found = [(file.parent.name, *_found(loaded, file)) for file in track(files, description="Finding faces")]
    for condition, spoil in CONDITIONS.items():
        described = track(found, description=f"Reading, {condition}")
        seen = [(name, _read(loaded, spoil(pixels, _width(corners)), corners)) for name, pixels, corners in described]
        genders(condition, [(women[_first(name)], told) for name, told in seen if _first(name) in women])
        ages(condition, [(TAKEN - born[name], told) for name, told in seen if name in born])
    expressions(loaded)


def genders(condition: str, known: list[tuple[bool, Reading]]) -> None:
    """`known`: whether it is a woman, and what is told of the face."""
    women = np.array([woman for woman, _ in known])
    shares = np.array([reading.female for _, reading in known])
    sure = np.maximum(shares, 1 - shares)
    right, told = (shares > 0.5) == women, sure >= LEAST_GENDER_SHARE
    table = Table(title=f"Gender, {condition}: {len(known)} faces, {women.sum()} of women")
    for column in ("of", "told", "of these right", "right if all were told"):
        table.add_column(column, justify="left" if column == "of" else "right")
    for name, some in (("all", np.ones_like(women)), ("men", ~women), ("women", women)):
        table.add_row(name, f"{told[some].mean():.1%}", f"{right[some & told].mean():.1%}", f"{right[some].mean():.1%}")
    console.print(table)
    for low, high in ((0.5, 0.75), (0.75, 0.9), (0.9, 0.98), (0.98, 1.0)):
        band = (sure >= low) & (sure < high)
        if band.any():
            said = f"Confidence {100 * low:.0f} to {100 * high:.0f}"
            console.print(f"  {said}: {band.sum()} faces, {right[band].mean():.1%} right, {sure[band].mean():.1%} said")


def ages(condition: str, known: list[tuple[int, Reading]]) -> None:
    """`known`: how old somebody was, and what is told of the face."""
    years = np.array([age for age, _ in known])
    lows, highs = np.array([reading.ages for _, reading in known]).T
    within = (np.floor(lows) <= years) & (years <= np.ceil(highs))
    table = Table(title=f"Age, {condition}: {len(known)} faces of people whose year of birth is known")
    for column in ("age", "faces", "within the range", "mean width", "older", "younger"):
        table.add_column(column, justify="right")
    for low, high in ((0, 100), *BANDS):
        some = (years >= low) & (years < high)
        shares = within, years > np.ceil(highs), years < np.floor(lows)
        told, older, younger = (f"{share[some].mean():.0%}" for share in shares)
        width = f"{(highs - lows)[some].mean():.0f} years"
        table.add_row(f"{low} to {high}", str(some.sum()), told, width, older, younger)
    console.print(table)


def expressions(loaded: FaceModels) -> None:
    rows = [(DATA / file, told, float(weight)) for file, told, weight in _lines("expressions.tsv") if "-dev/" in file]
    shares = np.array([_read(loaded, *_found(loaded, file)).emotions for file, _, _ in rows])
    told, weights = np.array([told for _, told, _ in rows]), np.array([weight for _, _, weight in rows])
    first, sure = np.array(EMOTIONS)[shares.argmax(axis=1)], shares.max(axis=1)
    console.print(f"Expression: {len(rows)} faces; by eye {dict(Counter(told.tolist()))}")
    for low, high in ((0, 0.6), (0.6, 0.8), (0.8, 0.9), (0.9, 1.0)):
        band = (sure >= low) & (sure < high)
        if band.any():
            right = np.average((first == told)[band], weights=weights[band])
            said = np.average(sure[band], weights=weights[band])
            console.print(
                f"  Confidence {100 * low:.0f} to {100 * high:.0f}: {band.sum()}, {right:.0%} right, {said:.0%} said"
            )
    for name in EMOTIONS:
        some = first == name
        if some.any():
            right = np.average((first == told)[some], weights=weights[some])
            console.print(
                f"  {name} first: {np.average(some, weights=weights):.1%} of faces, {right:.0%} of these right"
            )
    console.print(f"  all: {np.average(first == told, weights=weights):.1%} right")


def _as_it_is(pixels: np.ndarray, _width: float) -> np.ndarray:
    return pixels


def _small(pixels: np.ndarray, width: float) -> np.ndarray:
    """The same picture so small that its face, `width` pixels wide, has 20, and enlarged again."""
    sides = pixels.shape[1::-1]
    reduced = cv2.resize(pixels, [round(side * 20 / width) for side in sides], interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(reduced, sides, interpolation=cv2.INTER_CUBIC))


def _blurred(pixels: np.ndarray, _width: float) -> np.ndarray:
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), 3))


def _dark(pixels: np.ndarray, _width: float) -> np.ndarray:
    return (pixels * 0.15).astype(np.uint8)


CONDITIONS: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "as it is": _as_it_is,
    "face of 20 pixels": _small,
    "blurred, σ 3": _blurred,
    "dark": _dark,
}


def _found(loaded: FaceModels, file: Path) -> tuple[np.ndarray, FloatArray]:
    """A photograph and the corners of its central face, 1×4, in pixels."""
    pixels = photograph(file)
    found = loaded.detector().detect([pixels])[0]
    if not len(found):
        raise SystemExit(f"no face found in {file}")
    left, top, width, height = central(found).boxes[0] * np.tile(pixels.shape[1::-1], 2)
    return pixels, np.array([[left, top, left + width, top + height]], np.float32)


def _width(corners: FloatArray) -> float:
    return float(corners[0, 2] - corners[0, 0])


def _read(loaded: FaceModels, pixels: np.ndarray, corners: FloatArray) -> Reading:
    years, female = age_and_gender.read(loaded.crop_model(Task.AGE_AND_GENDER), pixels, corners)
    emotions = expression.read(loaded.crop_model(Task.EXPRESSION), pixels, corners)
    return Reading(years[0], float(female[0]), emotions[0])


def _first(name: str) -> str:
    return name.split("_", maxsplit=1)[0]


def _known(born: dict[str, int], women: dict[str, bool]) -> Iterator[Path]:
    """The first photographs of everybody whose gender or age is known."""
    taken: Counter[str] = Counter()
    for file in sorted((DATA / "lfw-dev").glob("*/*.jpg")):
        name = file.parent.name
        taken[name] += 1
        if taken[name] <= PHOTOGRAPHS and (name in born or _first(name) in women):
            yield file


def _lines(table: str) -> list[list[str]]:
    return [line.split("\t") for line in (_HERE / table).read_text().splitlines()[1:]]


if __name__ == "__main__":
    main()
