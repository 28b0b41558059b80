"""Faces of nobody: mixtures of two portraits in the public domain, by one set of landmarks for both."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay

from regard.media.image_decoder import decode

Pixels = NDArray[np.uint8]
Points = NDArray[np.float32]

#: NASA's portrait of Eileen Collins and the United States Navy's of Grace Hopper, as two packages ship them.
PORTRAITS = {
    "collins": ("skimage", "data/astronaut.png"),
    "hopper": ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
}
#: How far beyond the landmarks a face goes, as parts of the distance from their centre.
_RIM = 1.25


@dataclass(frozen=True)
class Portrait:
    """A picture and the landmarks of its face, N×2, in pixels."""

    pixels: Pixels
    points: Points


def portraits(client: Any) -> dict[str, Portrait]:
    """The two, with what a server of Regard's (a boto3 client of it) finds in them."""
    result = {}
    for name, (package, path) in PORTRAITS.items():
        content = (files(package) / path).read_bytes()
        pixels = decode(content).pixels
        found = client.detect_faces(Image={"Bytes": content}, Attributes=["ALL"])["FaceDetails"][0]
        height, width = pixels.shape[:2]
        marks = sorted(found["Landmarks"], key=lambda mark: mark["Type"])
        inner = np.array([[mark["X"] * width, mark["Y"] * height] for mark in marks], np.float32)
        centre = inner.mean(axis=0)
        result[name] = Portrait(pixels, np.concatenate([inner, centre + (inner - centre) * _RIM]))
    return result


def mixed(body: Portrait, other: Portrait, share: float, shape: float) -> Pixels:
    """The picture of `body` with a face that is `share` the other's in its colours, and `shape` in its proportions."""
    there = _turned_to(body.points, other.points)
    target = (1 - shape) * body.points + shape * there
    height, width = body.pixels.shape[:2]
    moved = _warped(body.pixels, body.points, target, (width, height))
    theirs = _warped(other.pixels, other.points, target, (width, height))
    mask = np.zeros((height, width), np.float32)
    cv2.fillConvexPoly(mask, cv2.convexHull(target).astype(np.int32), 1.0)
    edge = int(np.ptp(target[:, 0]) / 9)
    mask = cv2.GaussianBlur(cv2.erode(mask, np.ones((edge, edge))), (0, 0), edge / 2)[..., None]
    theirs = _toned(theirs, moved, mask[..., 0] > 0.9)
    face = (1 - share) * moved + share * theirs
    return np.clip(mask * face + (1 - mask) * body.pixels, 0, 255).astype(np.uint8)


def _turned_to(target: Points, points: Points) -> Points:
    """The points at the place, the size and the turn of the target's."""
    matrix, _ = cv2.estimateAffinePartial2D(points, target)
    return cv2.transform(points[None], matrix)[0]


def _warped(pixels: Pixels, source: Points, target: Points, size: tuple[int, int]) -> NDArray[np.float32]:
    """The picture with every triangle of landmarks moved to where it is in the target; black elsewhere."""
    width, height = size
    result = np.zeros((height, width, 3), np.float32)
    for corners in Delaunay(target).simplices:
        matrix = cv2.getAffineTransform(source[corners], target[corners])
        part = cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        mask = np.zeros((height, width), np.uint8)
        cv2.fillConvexPoly(mask, np.round(target[corners]).astype(np.int32), 1)
        result[mask > 0] = part[mask > 0]
    return result


def _toned(pixels: NDArray[np.float32], like: NDArray[np.float32], where: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The picture in the tone of another, by the mean and the spread of each colour in a part of both."""
    mean, spread = pixels[where].mean(axis=0), pixels[where].std(axis=0)
    return (pixels - mean) / spread * like[where].std(axis=0) + like[where].mean(axis=0)
