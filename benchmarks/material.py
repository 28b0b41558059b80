"""What the benchmarks measure on: the development faces, pictures made from them, and the models."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
from rich.progress import track

from regard.domain.arrays import FloatArray, IntArray
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
    found.pull(found.pack("core"), progress=None)
    return found


def models(threads: int = 0) -> FaceModels:
    return FaceModels(zoo(), detector="centerface", embedder="fr-feature", threads=threads)


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


def central(faces: Faces) -> Faces:
    """The face nearest the middle: whom a photograph of LFW is of."""
    away = np.abs(faces.boxes[:, :2] + faces.boxes[:, 2:] / 2 - 0.5).sum(axis=1)
    return faces.take(np.array([away.argmin()]))


def embed(analyzer: FaceAnalyzer, files: list[Path]) -> FloatArray:
    """N×D: the central face of each file, through the engine's own path."""
    rows = []
    for start in track(range(0, len(files), 16), description="Embedding"):
        images = [decode(file.read_bytes()) for file in files[start : start + 16]]
        found = analyzer.faces(images, Detail.NONE)
        if missed := [file for file, faces in zip(files[start:], found, strict=False) if not len(faces)]:
            raise SystemExit(f"no face found in {missed}")
        rows += [faces.embeddings for faces in analyzer.embedded(images, [central(faces) for faces in found])]
    return np.concatenate([row for row in rows if row is not None])


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
