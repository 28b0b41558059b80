"""The detector on turned faces, faces larger than the picture, small and poor ones, and on what is no face:
`make bench-detector`. Each table has three columns: one look, which is the detector without its second look; both; and
both, the first in bytes, which is the detector as it is."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import cv2
import numpy as np
import PIL.Image

from benchmarks.markdown import table
from benchmarks.material import DATA, DevelopmentFaces, central, models, mosaic, photograph, zoo
from benchmarks.no_faces import pictures_without_faces
from regard.domain.arrays import FloatArray
from regard.domain.faces import Faces
from regard.vision import quantisation
from regard.vision.faces.face_detector import FaceDetector
from regard.vision.faces.face_embedder import align
from regard.vision.geometry import transformed
from regard.vision.session import OnnxSession

#: What a program finds by default: Similarity 80.
SIMILARITY = 80
#: Points this far from the truth, in distances of the eyes, still align a face.
RIGHT_POINTS = 0.15


class Both:
    """The detector with one look and with both, in floats and with the first in bytes."""

    def __init__(self, threads: int) -> None:
        found = zoo()
        card = found.card("centerface")
        file, how = found.files(card.name), quantisation.of(card.version)
        floats = OnnxSession(file, threads=threads, free_sides=True)
        whole = OnnxSession(file, threads=threads, free_sides=True, quantisation=how)
        self.looks = {
            "one look": FaceDetector(floats, card.family, card.input),
            "both": FaceDetector(floats, card.family, card.input, card.confidence),
            "in bytes": FaceDetector(floats, card.family, card.input, card.confidence, first=whole),
        }

    def __call__(self, picture: np.ndarray) -> dict[str, Faces]:
        return {name: detector.detect([picture])[0] for name, detector in self.looks.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=240)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", choices=TABLES)
    options = parser.parse_args()
    both = Both(options.threads)
    for name, make in TABLES.items():
        if options.only in (None, name):
            make(both, options.people)


def pairs_of_photographs(most: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Two photographs each of so many people."""
    people = DevelopmentFaces.load()
    several = np.random.default_rng(12).permutation(np.flatnonzero(np.bincount(people.people) > 1))[:most]
    rows = [np.flatnonzero(people.people == person)[:2] for person in several]
    return [(photograph(people.files[first]), photograph(people.files[second])) for first, second in rows]


def turned(picture: np.ndarray, degrees: float) -> tuple[np.ndarray, FloatArray]:
    """The picture turned anticlockwise, all of it, on black; and the 1×2×3 matrix from the old to the new."""
    out = np.asarray(PIL.Image.fromarray(picture).rotate(degrees, PIL.Image.Resampling.BICUBIC, expand=True))
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.array([[cosine, sine], [-sine, cosine]])
    shift = np.array(out.shape[1::-1]) / 2 - turn @ (np.array(picture.shape[1::-1]) / 2)
    return out, np.concatenate([turn, shift[:, None]], axis=1)[None].astype(np.float32)


def in_pixels(faces: Faces, picture: np.ndarray) -> tuple[FloatArray, FloatArray]:
    """Corner boxes and points."""
    sides = np.array(picture.shape[1::-1], np.float32)
    corners = np.concatenate([faces.boxes[:, :2], faces.boxes[:, :2] + faces.boxes[:, 2:]], axis=1)
    return corners * np.tile(sides, 2), faces.landmarks5 * sides


def nearest(boxes: FloatArray, truth: FloatArray) -> int | None:
    """The row of the box whose middle is nearest to that of the true points, if it is within half a face."""
    if not len(boxes):
        return None
    away = np.linalg.norm((boxes[:, :2] + boxes[:, 2:]) / 2 - truth.mean(axis=0), axis=1)
    row = int(away.argmin())
    return row if away[row] < 0.9 * np.linalg.norm(truth[0] - truth[1]) else None


def rotation(both: Both, most: int) -> None:
    loaded = models()
    embedder, bar = loaded.embedder(), loaded.face_model.calibration.cosine(SIMILARITY)
    known = []
    for picture, other in pairs_of_photographs(most):
        found, others = both.looks["one look"].detect([picture, other])
        if len(found) and len(others):
            truth = in_pixels(central(found), picture)[1]
            mate = embedder.embed(align(other, in_pixels(central(others), other)[1]))[0]
            known.append((picture, truth, len(found), mate))
    rows = []
    for degrees in range(0, 360, 15):
        counts: dict[str, list[tuple[bool, bool, bool, int]]] = {name: [] for name in both.looks}
        for picture, upright, faces_upright, mate in known:
            out, matrix = turned(picture, degrees)
            truth = transformed(upright, matrix)[0]
            for name, faces in both(out).items():
                boxes, points = in_pixels(faces, out)
                row = nearest(boxes, truth)
                if row is None:
                    counts[name].append((False, False, False, len(faces)))
                    continue
                error = np.linalg.norm(points[row] - truth, axis=1).mean() / np.linalg.norm(truth[0] - truth[1])
                same = float(embedder.embed(align(out, points[row : row + 1]))[0] @ mate) >= bar
                counts[name].append((True, bool(error < RIGHT_POINTS), same, len(faces) - faces_upright))
        means = [np.mean(np.array(counts[name], np.float64), axis=0) for name in both.looks]
        cells = [f"{100 * mean[column]:.1f}" for column in range(3) for mean in means]
        rows.append([f"{degrees}°", *cells])
        print(*rows[-1], *(f"{mean[3]:+.2f}" for mean in means), flush=True)
    columns = [f"{what}, {name}" for what in ("found", "points right", "recognised") for name in both.looks]
    table(f"{len(known)} faces turned anticlockwise, %", ["turn", *columns], rows)


def huge(both: Both, most: int) -> None:
    rows = []
    for size in ((400, 400), (640, 480), (1200, 900)):
        for share in (0.5, 0.6, 0.8, 1.0, 1.3):
            found: dict[str, list[bool]] = {name: [] for name in both.looks}
            for picture, _ in pairs_of_photographs(most // 2):
                near, truth = close(picture, both, share, size)
                for name, faces in both(near).items():
                    boxes, _ = in_pixels(faces, near)
                    row = nearest(boxes, truth)
                    found[name].append(row is not None and bool((boxes[row, 2:] - boxes[row, :2]).max() > size[1] / 2))
            rows.append([f"{size[0]}×{size[1]}", f"{share:.0%}", *(f"{np.mean(found[n]):.1%}" for n in both.looks)])
            print(*rows[-1], flush=True)
    table("Faces that fill the picture", ["picture", "of the face's box it shows", *both.looks], rows)


def close(picture: np.ndarray, both: Both, share: float, size: tuple[int, int]) -> tuple[np.ndarray, FloatArray]:
    """What has this share of the sides of the face's box, and the picture's proportions, enlarged; and its points."""
    box, points = in_pixels(central(both.looks["one look"].detect([picture])[0]), picture)
    middle, sides = (box[0, :2] + box[0, 2:]) / 2, np.array(size) / 2
    sides *= share * np.sqrt(np.prod(box[0, 2:] - box[0, :2]) / np.prod(size))
    start = np.maximum(np.rint(middle - sides), 0).astype(int)
    end = np.minimum(np.rint(middle + sides).astype(int), picture.shape[1::-1])
    near = PIL.Image.fromarray(picture[start[1] : end[1], start[0] : end[0]]).resize(size)
    return np.asarray(near), np.asarray((points[0] - start) * np.array(size) / (end - start), np.float32)


def recall(both: Both, most: int) -> None:
    rows = []
    for name, scenes in crowds(most):
        expected = sum(len(centres) for _, centres in scenes)
        cells = [f"{expected}"]
        for look in both.looks.values():
            hits = extra = 0
            for picture, centres in scenes:
                boxes, _ = in_pixels(look.detect([picture])[0], picture)
                hit = hits_of(boxes, centres)
                hits, extra = hits + hit, extra + len(boxes) - hit
            cells.append(f"{hits / expected:.2%} (+{extra})")
        rows.append([name, *cells])
        print(*rows[-1], flush=True)
    table("Recall, and faces found beside", ["pictures", "faces", *both.looks], rows)


def hits_of(boxes: FloatArray, centres: FloatArray) -> int:
    inside = (boxes[None, :, :2] < centres[:, None]) & (centres[:, None] < boxes[None, :, 2:])
    return int(inside.all(axis=2).any(axis=1).sum())


def crowds(most: int) -> Iterator[tuple[str, list[tuple[np.ndarray, FloatArray]]]]:
    """Scenes of one kind, each with the middles of its faces."""
    files = DevelopmentFaces.load().files
    order = np.random.default_rng(3).permutation(len(files))

    def tiled(tile: int, share: float, count: int) -> list[tuple[np.ndarray, FloatArray]]:
        across = 750 // tile
        scenes = []
        for start in range(0, min(count * across**2, len(files) - across**2), across**2):
            picture = mosaic([files[row] for row in order[start : start + across**2]], across, tile, share)
            y, x = np.mgrid[:across, :across]
            scenes.append((picture, (np.stack([x.ravel(), y.ravel()], -1) + 0.5) * tile))
        return scenes

    single = [(photograph(files[row]), np.array([[125.0, 125.0]])) for row in order[:most]]
    yield "photographs of 250 pixels", single
    yield "the same at a tenth of the light", [(np.asarray(p * 0.1, np.uint8), c) for p, c in single]
    yield "the same with noise of 40", [(noisy(p), c) for p, c in single]
    yield "the same blurred, σ 4", [(np.asarray(cv2.GaussianBlur(p, (0, 0), 4), np.uint8), c) for p, c in single]
    yield "the same, mouth and nose black", [(masked(p), c) for p, c in single]
    for tile in (75, 60, 50, 40):
        yield f"mosaics, faces of {tile * 0.4:.0f} pixels", tiled(tile, 1.0, 4)
    yield "mosaics, faces of 60 pixels", tiled(150, 1.0, 4)


def noisy(picture: np.ndarray) -> np.ndarray:
    grain = np.random.default_rng(5).normal(0, 40, picture.shape)
    return np.asarray(np.clip(picture + grain, 0, 255), np.uint8)


def masked(picture: np.ndarray) -> np.ndarray:
    """A photograph of LFW with a black band where its head's nose and mouth are."""
    out = picture.copy()
    out[140:188, 75:175] = 0
    return out


def confidence(both: Both, most: int) -> None:
    files = DevelopmentFaces.load().files
    some = np.random.default_rng(1).permutation(len(files))[: 4 * most]
    kinds = {"development faces": [photograph(files[row]) for row in some]} | pictures_without_faces(DATA)
    rows = []
    for kind, pictures in kinds.items():
        found = [both(picture) for picture in pictures]
        cells = [f"{sum(len(each[look]) > 0 for each in found)}" for look in both.looks]
        for look in both.looks:
            highest = np.array([each[look].confidence(0) for each in found if len(each[look])])
            cells += [f"{np.sum(highest > bar) / len(found):.1%}" for bar in (90, 99)]
        rows.append([kind, f"{len(pictures)}", *cells])
        print(*rows[-1], flush=True)
    table(
        "Confidence of the largest face",
        ["pictures", "number", *(f"with a face, {look}" for look in both.looks)]
        + [f"above {bar}, {look}" for look in both.looks for bar in (90, 99)],
        rows,
    )


def speed(both: Both, _: int) -> None:
    from benchmarks.speed import scenes  # noqa: PLC0415 - installs nothing until its main runs
    from regard.media.image_decoder import decode  # noqa: PLC0415

    rows = []
    for name, data in scenes().items():
        picture = decode(data, longest=1920).pixels
        taken: dict[str, list[float]] = {look: [] for look in both.looks}
        for _ in range(9):
            for look, detector in both.looks.items():
                start = time.process_time()
                detector.detect([picture])
                taken[look].append((time.process_time() - start) * 1e3)
        rows.append([name, *(f"{np.median(times):.1f}" for times in taken.values())])
    table("The detector, milliseconds of CPU, medians of nine", ["picture", *both.looks], rows)


TABLES = {"rotation": rotation, "huge": huge, "recall": recall, "confidence": confidence, "speed": speed}

if __name__ == "__main__":
    main()
