"""What the face mesh and the model of masks tell of the development faces: `make bench-signals`.

Labels are in face_signals.tsv, by the start of a photograph's sha256: whether the mouth is open, whether the face
smiles, whether the eyes are open, told by eye from crops of 175 pixels; "?" where that was not sure, which counts as a
half, and nothing where it was not looked for. They are of 288 photographs drawn by lot, and of the 120 with the
narrowest eyes. The bands printed are the tables of `vision/faces/measured_shares`.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from rich.progress import track

from benchmarks.markdown import bullet, table
from benchmarks.material import DevelopmentFaces, central, models
from regard.domain.arrays import ByteArray, FloatArray
from regard.media.image_decoder import decode
from regard.vision.faces import face_attributes, face_mesh, measured_shares
from regard.vision.faces.face_mesh import Mesh
from regard.vision.faces.measured_shares import share
from regard.vision.models import FaceModels, Task

LABELS = Path(__file__).with_suffix(".tsv")
WORTH = {"yes": 1.0, "no": 0.0, "?": 0.5, "": np.nan}
#: Faces that each covering is drawn on.
COVERED = 150
#: Where the bands of each reading begin and end, as quantiles of the labelled faces.
BANDS = {
    "mouth open": (0, 0.12, 0.24, 0.34, 0.42, 0.5, 0.6, 0.8, 1),
    "smile": (0, 0.25, 0.45, 0.55, 0.62, 0.69, 0.76, 0.83, 0.92, 1),
    "eyes open": (0, 0.03, 0.085, 0.13, 0.19, 0.27, 1),
}


@dataclass(frozen=True)
class Portrait:
    """The central face of a photograph: pixels, its corner box 1×4, 1×5×2 points and 1×68×2 outline in pixels."""

    pixels: ByteArray
    box: FloatArray
    points: FloatArray
    outline: FloatArray

    def mesh(self, loaded: FaceModels) -> Mesh:
        return face_mesh.read(loaded.crop_model(Task.MESH), self.pixels, self.box, self.points)

    def covered(self, loaded: FaceModels, pixels: ByteArray) -> FloatArray:
        """The reading of the same face where its pixels are these."""
        other = Portrait(pixels, self.box, self.points, self.outline)
        masked = face_attributes.masked(loaded.crop_model(Task.MASK), pixels, self.box)
        return other.mesh(loaded).covered(masked)


def main() -> None:
    loaded = models()
    files = {hashlib.sha256(file.read_bytes()).hexdigest()[:16]: file for file in DevelopmentFaces.load().files}
    with LABELS.open(encoding="utf-8", newline="") as lines:
        labels = list(csv.DictReader(lines, delimiter="\t"))
    faces = [portrait(loaded, files[row["sha256"]]) for row in track(labels, description="Reading")]
    meshes = [face.mesh(loaded) for face in faces]
    readings = {
        "mouth open": np.concatenate([mesh.mouth_gap() for mesh in meshes]),
        "smile": np.concatenate([mesh.mouth_width() for mesh in meshes]),
        "eyes open": np.concatenate([mesh.eye_gap() for mesh in meshes]),
    }
    tables = (measured_shares.MOUTH_OPEN, measured_shares.SMILE, measured_shares.EYES_OPEN)
    for (name, found), known in zip(readings.items(), tables, strict=True):
        bands(name, found, np.array([WORTH[row[name]] for row in labels]), known)
    directions(np.concatenate([mesh.eye_direction() for mesh in meshes]))
    drawn_by_lot = [face for face, row in zip(faces, labels, strict=True) if row["mouth open"]]
    coverings(loaded, drawn_by_lot[:COVERED])


def portrait(loaded: FaceModels, file: Path) -> Portrait:
    pixels = decode(file.read_bytes()).pixels
    face = central(loaded.detector().detect([pixels])[0])
    sides = np.array([pixels.shape[1], pixels.shape[0]], np.float32)
    box = np.concatenate([face.boxes[:, :2], face.boxes[:, :2] + face.boxes[:, 2:]], axis=1) * np.tile(sides, 2)
    outline = face_attributes.landmarks68(loaded.crop_model(Task.LANDMARKS), pixels, box)
    return Portrait(pixels, box, face.landmarks5 * sides, outline)


def bands(name: str, readings: FloatArray, truth: FloatArray, known: measured_shares.Table) -> None:
    """The share of each band, and how often the value that is answered is right."""
    readings, truth = readings[~np.isnan(truth)], truth[~np.isnan(truth)]
    edges = np.quantile(readings, BANDS[name])
    rows = []
    for low, high in pairwise(edges):
        inside = (readings >= low) & ((readings < high) | (high == edges[-1]))
        worth = (truth[inside].sum() + 0.5) / (inside.sum() + 1)
        rows.append([f"{readings[inside].mean():.3f}", f"{worth:.2f}", str(inside.sum())])
    table(f"{name}, {len(truth)} faces:", ["reading", "share", "faces"], rows)
    said, sure = share(known, readings), truth != 0.5
    right = (said > 0.5) == (truth > 0.5)
    claimed = np.maximum(said, 1 - said)
    bullet(f"right: {right[sure].mean():.1%} of the {sure.sum()} sure ones; mean Confidence {100 * claimed.mean():.0f}")


def directions(found: FloatArray) -> None:
    apart = found[:, 2]
    bullet(
        f"eye direction: yaw ±{found[:, 0].std():.0f}°, pitch ±{found[:, 1].std():.0f}° over the faces; a face and its "
        f"mirror image differ by {np.median(apart):.1f}° (median), {np.percentile(apart, 90):.1f}° (one in ten)"
    )


def coverings(loaded: FaceModels, faces: list[Portrait]) -> None:
    """How often each kind of covering, drawn on faces that are mostly bare, is told."""
    rows = []
    for name, cover in track(COVERINGS.items(), description="Covering"):
        readings = np.concatenate([face.covered(loaded, cover(face)) for face in faces])
        told = share(measured_shares.OCCLUDED, readings) > 0.5
        rows.append([name, f"{told.mean():.1%}", *(f"{value:.1f}" for value in np.percentile(readings, [10, 50, 90]))])
    table(f"Covered, {len(faces)} faces of each kind:", ["covering", "said so", "10 %", "reading", "90 %"], rows)


def _polygon(face: Portrait, points: FloatArray, colour: tuple[int, int, int]) -> ByteArray:
    pixels = face.pixels.copy()
    cv2.fillPoly(pixels, [cv2.convexHull(points.astype(np.int32))], colour)
    return np.asarray(cv2.GaussianBlur(pixels, (3, 3), 0), np.uint8)


def _mask(face: Portrait) -> ByteArray:
    return _polygon(face, face.outline[0, [*range(2, 15), 14, 28, 2]], (120, 170, 210))


def _sunglasses(face: Portrait) -> ByteArray:
    pixels = face.pixels.copy()
    for eye in (face.outline[0, 36:42], face.outline[0, 42:48]):
        radius = 0.75 * float(np.linalg.norm(eye[3] - eye[0]))
        centre = tuple(int(value) for value in eye.mean(axis=0))
        cv2.ellipse(pixels, centre, (int(radius), int(0.75 * radius)), 0, 0, 360, (20, 20, 24), -1)
    return np.asarray(cv2.GaussianBlur(pixels, (3, 3), 0), np.uint8)


def _phone(face: Portrait) -> ByteArray:
    width, corner = face.box[0, 2] - face.box[0, 0], face.outline[0, 33]
    sides = np.array([[-0.05, -0.1], [0.45, -0.1], [0.45, 0.75], [-0.05, 0.75]], np.float32)
    return _polygon(face, corner + sides * width, (25, 25, 28))


def _fingers(face: Portrait) -> ByteArray:
    """Four bars of the cheeks' own colour across the mouth."""
    pixels, width = face.pixels.copy(), float(face.box[0, 2] - face.box[0, 0])
    x, y = face.outline[0, [2, 14, 30]].mean(axis=0).astype(int)
    skin = tuple(float(value) for value in pixels[max(0, y - 4) : y + 4, max(0, x - 8) : x + 8].mean(axis=(0, 1)))
    for finger in range(4):
        middle = face.outline[0, 48:68].mean(axis=0) + np.array([0, 0.12 * (finger - 1.5)]) * width
        ends = [tuple(int(value) for value in middle + np.array([side * width, 0])) for side in (-0.45, 0.3)]
        shade = 0.92 if finger % 2 else 1.0
        cv2.line(pixels, ends[0], ends[1], tuple(shade * value for value in skin), max(2, int(0.115 * width)))
    return np.asarray(cv2.GaussianBlur(pixels, (3, 3), 0), np.uint8)


def _black(left: float, top: float, right: float, bottom: float) -> Callable[[Portrait], ByteArray]:
    """That part of the box, as ratios of it, in black."""

    def cover(face: Portrait) -> ByteArray:
        pixels, (x1, y1, x2, y2) = face.pixels.copy(), face.box[0]
        ys = slice(max(0, int(y1 + top * (y2 - y1))), max(0, int(y1 + bottom * (y2 - y1))))
        pixels[ys, max(0, int(x1 + left * (x2 - x1))) : max(0, int(x1 + right * (x2 - x1)))] = 0
        return pixels

    return cover


COVERINGS: dict[str, Callable[[Portrait], ByteArray]] = {
    "none": lambda face: face.pixels,
    "mask": _mask,
    "fingers": _fingers,
    "lower half black": _black(-0.1, 0.5, 1.1, 1.1),
    "upper half black": _black(-0.1, -0.1, 1.1, 0.5),
    "left half black": _black(-0.1, -0.1, 0.5, 1.1),
    "phone": _phone,
    "sunglasses": _sunglasses,
}

if __name__ == "__main__":
    main()
