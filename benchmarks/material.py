"""What the benchmarks measure on: the development faces, pictures made from them, and the models."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
from rich.progress import track

from regard.domain.arrays import BoolArray, FloatArray, IntArray
from regard.domain.faces import Detail, Faces
from regard.engine.analysis.face_analyzer import FaceAnalyzer
from regard.media.image_decoder import decode
from regard.vision.cards import catalogue
from regard.vision.models import FaceModels
from regard.vision.zoo import Zoo

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("REGARD_TEST_DATA", ROOT.parent / "shared" / "data"))
#: What a benchmark makes once; `make clean` deletes it.
EMBEDDINGS = ROOT / ".cache" / "development-embeddings.npy"
MODELS = Path(os.environ.get("REGARD_TEST_MODELS", ROOT / ".cache" / "models"))


def zoo(user_file: Path | None = None) -> Zoo:
    """The core pack, pulled if need be."""
    mirror = os.environ.get("REGARD_MODELS_MIRROR")
    found = Zoo(MODELS, Path(mirror) if mirror else None, catalogue(user_file))
    found.pull(found.pack("faces"), progress=None)
    return found


def models(threads: int = 0, embedder: str = "sface") -> FaceModels:
    return FaceModels(zoo(), detector="centerface", embedder=embedder, threads=threads)


@dataclass(frozen=True)
class DevelopmentFaces:
    """The development faces: a file each, whose it is, and the pairs of `pairs.tsv` as rows."""

    files: list[Path]
    people: IntArray
    pairs: IntArray
    same: np.ndarray

    @staticmethod
    def load() -> DevelopmentFaces:
        folder = DATA / "lfw-dev"
        files = sorted(folder.glob("*/*.jpg"))
        if not files:
            raise SystemExit(f"{folder} holds no faces; set REGARD_TEST_DATA to the folder that has lfw-dev")
        _, people = np.unique([file.parent.name for file in files], return_inverse=True)
        row = {str(file.relative_to(folder)): index for index, file in enumerate(files)}
        lines = [line.split("\t") for line in (folder / "pairs.tsv").read_text().splitlines()[1:]]
        pairs = np.array([[row[first], row[second]] for first, second, _ in lines])
        return DevelopmentFaces(files, people, pairs, np.array([same == "1" for *_, same in lines]))


#: Two names of one person in LFW, found among the pairs that look most alike: no pair of theirs is of different people.
#: Twins and sisters among those stay in.
TWO_NAMES = (
    ("Abdullah_Gul", "Recep_Tayyip_Erdogan"),
    ("Andrew_Caldecott", "Andrew_Gilligan"),
    ("Choi_Sung-hong", "Sung_Hong_Choi"),
    ("Cristina_Fernandez", "Cristina_Kirchner"),
    ("Diana_Taurasi", "Shavon_Earp"),
)


@dataclass(frozen=True)
class CalibrationFaces:
    """The development faces and, where they are at hand, those that are for calibration alone."""

    files: list[Path]
    people: IntArray
    names: list[str]

    @staticmethod
    def load() -> CalibrationFaces:
        files = DevelopmentFaces.load().files + sorted((DATA / "lfw-calibration").glob("*/*.jpg"))
        names, people = np.unique([file.parent.name for file in files], return_inverse=True)
        return CalibrationFaces(files, people, names.tolist())

    def impostors(self, embeddings: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The cosines of all pairs of different people, and the weight of each: every two people count the same."""
        upper = np.triu_indices(len(embeddings), 1)
        first, second = (self._one_name[self.people[rows]] for rows in upper)
        different = first != second
        cosines = (embeddings @ embeddings.T)[upper][different]
        counts = np.bincount(self.people).astype(np.float32)
        of_each = [counts[self.people[rows[different]]] for rows in upper]
        return cosines, 1 / (of_each[0] * of_each[1])

    def halves(self) -> tuple[CalibrationFaces, CalibrationFaces]:
        """Half of the people, to fit on, and the other half, to measure on."""
        chosen = np.random.default_rng(12).permutation(len(self.names))[: len(self.names) // 2]
        first = np.isin(self.people, chosen)
        return self._only(first), self._only(~first)

    def portraits(self) -> IntArray:
        """The row of one photograph of each person, those first of whom there are more."""
        people, first, counts = np.unique(self.people, return_index=True, return_counts=True)
        return np.asarray(first[np.lexsort((people, counts == 1))], np.int64)

    def _only(self, rows: BoolArray) -> CalibrationFaces:
        files = [file for file, wanted in zip(self.files, rows, strict=True) if wanted]
        return CalibrationFaces(files, self.people[rows], self.names)

    @property
    def _one_name(self) -> IntArray:
        """By person, the number of the name that stands for them."""
        numbers = {name: number for number, name in enumerate(self.names)}
        other = dict(TWO_NAMES)
        return np.array([numbers.get(other.get(name, name), number) for name, number in numbers.items()])


def central(faces: Faces) -> Faces:
    """The face nearest the middle: whom a photograph of LFW is of."""
    away = np.abs(faces.boxes[:, :2] + faces.boxes[:, 2:] / 2 - 0.5).sum(axis=1)
    return faces.take(np.array([away.argmin()]))


def embed(analyzer: FaceAnalyzer, files: list[Path]) -> FloatArray:
    """N×D: the central face of each file, through the engine's own path."""
    return rated(analyzer, files)[0]


def rated(analyzer: FaceAnalyzer, files: list[Path]) -> tuple[FloatArray, FloatArray]:
    """The same, and N utilities; NaN where they cannot be told."""
    rows: list[Faces] = []
    for start in track(range(0, len(files), 16), description="Embedding"):
        images = [decode(file.read_bytes()) for file in files[start : start + 16]]
        found = analyzer.faces(images, Detail.NONE)
        if missed := [file for file, faces in zip(files[start:], found, strict=False) if not len(faces)]:
            raise SystemExit(f"no face found in {missed}")
        rows += analyzer.embedded(images, [central(faces) for faces in found])
    utilities = [np.full(1, np.nan) if faces.utility is None else faces.utility for faces in rows]
    embeddings = [faces.embeddings for faces in rows if faces.embeddings is not None]
    return np.concatenate(embeddings), np.concatenate(utilities).astype(np.float32)


def jpeg(pixels: np.ndarray, quality: int = 92) -> bytes:
    out = io.BytesIO()
    PIL.Image.fromarray(pixels).save(out, "JPEG", quality=quality)
    return out.getvalue()


def photograph(file: Path, size: tuple[int, int] | None = None) -> np.ndarray:
    with PIL.Image.open(file) as picture:
        upright = picture.convert("RGB")
        return np.asarray(upright.resize(size, PIL.Image.Resampling.BOX) if size else upright)


def mosaic(files: list[Path], across: int, tile: int, share: float = 1.0) -> np.ndarray:
    """`across` × `across` photographs, row by row, `tile` pixels each; of each the middle `share` of its sides."""
    tiles = [_middle(photograph(file), share, tile) for file in files]
    return np.concatenate([np.concatenate(tiles[start:][:across], axis=1) for start in range(0, across**2, across)])


def _middle(pixels: np.ndarray, share: float, side: int) -> np.ndarray:
    height, width = pixels.shape[:2]
    box = ((1 - share) / 2 * width, (1 - share) / 2 * height, (1 + share) / 2 * width, (1 + share) / 2 * height)
    return np.asarray(PIL.Image.fromarray(pixels).resize((side, side), PIL.Image.Resampling.BOX, box=box))


def development() -> tuple[str, FloatArray, IntArray]:
    """The embedder's version and the development faces' embeddings, kept between runs."""
    people, loaded = DevelopmentFaces.load(), models()
    version = loaded.embedder().version
    if not EMBEDDINGS.is_file():
        EMBEDDINGS.parent.mkdir(exist_ok=True)
        np.save(EMBEDDINGS, embed(FaceAnalyzer(loaded), people.files))
    return version, np.load(EMBEDDINGS), people.people
