"""Boxes, points and warps: pure functions on arrays, in pixels unless a name says ratio. The only import of OpenCV."""

from __future__ import annotations

from math import sqrt

import cv2
import numpy as np

from regard.domain.arrays import ByteArray, FloatArray, IntArray

#: Where the five points lie in a 112×112 crop (ArcFace, Deng et al. 2019): eyes, nose, corners of the mouth.
ARCFACE_LANDMARKS5 = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]],
    np.float32,
)
ALIGNED_SIDE = 112
#: Where a detector's box lies in that crop, corners: of 150 upright development faces the median, made symmetrical.
ALIGNED_BOX = np.array([14.7, 12.3, 97.3, 118.6], np.float32)


def letterbox(pixels: ByteArray, longest: int, multiple: int = 32) -> tuple[ByteArray, FloatArray]:
    """`pixels` scaled so that the longer side is `longest`, on a black canvas whose sides divide by `multiple`.

    Returns the canvas and the (x, y) scale from picture to canvas.
    """
    height, width = pixels.shape[:2]
    scale = longest / max(height, width)
    inner = max(1, round(width * scale)), max(1, round(height * scale))
    right, below = -inner[0] % multiple, -inner[1] % multiple
    if scale == 1 and not (right or below):
        canvas = pixels
    else:
        canvas = np.zeros((inner[1] + below, inner[0] + right, 3), np.uint8)
        canvas[: inner[1], : inner[0]] = resized(pixels, *inner)
    return canvas, np.array([inner[0] / width, inner[1] / height], np.float32)


def resized(pixels: ByteArray, width: int, height: int) -> ByteArray:
    """`pixels` at another size; the proportions may change. First halved, each pixel the mean of those it stands for,
    as long as a bilinear sample would not see all: as good as one average over areas, and several times as fast."""
    while True:
        across, down = (2 if pixels.shape[axis] > 2 * side else 1 for axis, side in ((1, width), (0, height)))
        if across == down == 1:
            break
        if across == down:
            pixels = halved(pixels)
            continue
        size = pixels.shape[1] // across, pixels.shape[0] // down
        even = pixels[: size[1] * down, : size[0] * across]
        # Half of one side alone: a bilinear sample is that mean too, and OpenCV is four times as quick at it.
        pixels = np.asarray(cv2.resize(even, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    if pixels.shape[:2] == (height, width):
        return pixels
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def bordered(pixels: ByteArray, longest: int, canvas: int) -> tuple[ByteArray, FloatArray, FloatArray]:
    """`pixels` scaled so that the longer side is `longest`, in the middle of a black square `canvas` pixels across.

    Returns the canvas, the (x, y) scale from picture to canvas, and where on it the picture starts.
    """
    height, width = pixels.shape[:2]
    scale = longest / max(height, width)
    inner = max(1, round(width * scale)), max(1, round(height * scale))
    left, top = (canvas - inner[0]) // 2, (canvas - inner[1]) // 2
    square = np.zeros((canvas, canvas, 3), np.uint8)
    square[top : top + inner[1], left : left + inner[0]] = resized(pixels, *inner)
    return square, np.array([inner[0] / width, inner[1] / height], np.float32), np.array([left, top], np.float32)


def halved(pixels: ByteArray) -> ByteArray:
    """`pixels` at half of both sides, each the mean of four; what is left of odd sides is cut off."""
    size = pixels.shape[1] // 2, pixels.shape[0] // 2
    even = pixels[: 2 * size[1], : 2 * size[0]]
    return np.asarray(cv2.resize(even, size, interpolation=cv2.INTER_AREA), np.uint8)


def reduced(pixels: ByteArray, longest: int) -> ByteArray:
    """`pixels` with the longer side `longest` at most."""
    scale = longest / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    return resized(pixels, max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))


def _sampling(scale: float) -> int:
    """Down to a half, a bilinear sample still sees every pixel; averaging costs eight times as much."""
    return cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR


def four_channels(pictures: ByteArray) -> ByteArray:
    """N×H×W×3 to N×H×W×4 bytes, the fourth without meaning."""
    wider = np.empty((*pictures.shape[:3], 4), np.uint8)
    for picture, place in zip(pictures, wider, strict=True):
        cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA, dst=place)
    return wider


def planes(pictures: ByteArray) -> ByteArray:
    """N×H×W×C to N×C×H×W bytes."""
    apart = np.empty((len(pictures), pictures.shape[3], *pictures.shape[1:3]), np.uint8)
    for picture, place in zip(pictures, apart, strict=True):
        cv2.split(picture, list(place))
    return apart


def grey(pictures: ByteArray) -> ByteArray:
    """N×H×W×3 RGB to N×H×W×1 luma (ITU-R BT.601, as OpenCV)."""
    return np.stack([cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in pictures])[..., None].astype(np.uint8)


def nms(boxes: FloatArray, scores: FloatArray, threshold: float) -> IntArray:
    """Non-maximum suppression: the rows to keep, best score first."""
    if not len(boxes):
        return np.empty(0, np.int64)
    sized = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1).astype(np.float64)
    kept = cv2.dnn.NMSBoxes(sized, scores.astype(np.float32), 0.0, threshold)  # type: ignore[arg-type]
    return np.asarray(kept, np.int64).ravel()


def overlaps(boxes: FloatArray, others: FloatArray) -> FloatArray:
    """N×M: intersection over union of corner boxes N×4 and M×4."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=2)
    areas, other_areas = (np.prod(np.maximum(each[:, 2:] - each[:, :2], 0), axis=1) for each in (boxes, others))
    return np.asarray(shared / np.maximum(areas[:, None] + other_areas - shared, 1e-12), np.float32)


def similarity_transforms(source: FloatArray, target: FloatArray) -> FloatArray:
    """The N×2×3 similarity transforms that best map N×K×2 `source` onto K×2 `target` points, least squares.

    In the plane Umeyama's solution (1991) without reflection is the closed form below.
    """
    source_mean, target_mean = source.mean(axis=1, keepdims=True), target.mean(axis=0)
    s, t = source - source_mean, target - target_mean
    spread = np.maximum((s**2).sum(axis=(1, 2)), 1e-12)
    a = (s * t).sum(axis=(1, 2)) / spread
    b = (s[..., 0] * t[:, 1] - s[..., 1] * t[:, 0]).sum(axis=1) / spread
    turn = np.stack([np.stack([a, -b], -1), np.stack([b, a], -1)], axis=1)
    shift = target_mean - np.einsum("nij,nj->ni", turn, source_mean[:, 0])
    return np.concatenate([turn, shift[..., None]], axis=2).astype(np.float32)


def turns_and_misfits(landmarks5: FloatArray) -> tuple[FloatArray, FloatArray]:
    """How far N faces are turned clockwise, in degrees within ±180, by their N×5×2 points in pixels; and how far the
    points are from a face's, on average: in pixels of the 112×112 crop."""
    fits = similarity_transforms(landmarks5, ARCFACE_LANDMARKS5)
    misfits = np.linalg.norm(transformed(landmarks5, fits) - ARCFACE_LANDMARKS5, axis=2).mean(axis=1)
    return -np.degrees(np.arctan2(fits[:, 1, 0], fits[:, 0, 0])), misfits


def upright_crops(boxes: FloatArray, turns: FloatArray, side: int, grow: float) -> FloatArray:
    """The N×2×3 matrices (picture to crop) of squares about corner boxes N×4, turned clockwise by N `turns` (degrees).

    The crops are `side` pixels across; a box's mean side takes 1 / `grow` of that.
    """
    centres, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    scale = side / (grow * np.sqrt(np.maximum(sides.prod(axis=1), 1e-6)))
    cosines, sines = (turn(np.radians(turns)) * scale for turn in (np.cos, np.sin))
    matrices = np.stack([np.stack([cosines, sines], -1), np.stack([-sines, cosines], -1)], axis=1)
    shifts = side / 2 - np.einsum("nij,nj->ni", matrices, centres)
    return np.concatenate([matrices, shifts[..., None]], axis=2).astype(np.float32)


def upright_portraits(landmarks5: FloatArray, side: int) -> tuple[FloatArray, FloatArray]:
    """The N×2×3 matrices (picture to crop) of upright portraits, `side` pixels across and two faces wide, of faces
    with N×5×2 `landmarks5`; and the face's box in them: left, top, width, height as ratios of `side`."""
    centre, size = (ALIGNED_BOX[:2] + ALIGNED_BOX[2:]) / 2, ALIGNED_BOX[2:] - ALIGNED_BOX[:2]
    scale = side / (2 * np.sqrt(size.prod()))
    matrices = similarity_transforms(landmarks5, ARCFACE_LANDMARKS5) * scale
    matrices[:, :, 2] += side / 2 - centre * scale
    size = size * scale / side
    return matrices.astype(np.float32), np.concatenate([(1 - size) / 2, size]).astype(np.float32)


def inverted(matrices: FloatArray) -> FloatArray:
    """The N×2×3 affine `matrices` the other way round."""
    back = np.linalg.inv(matrices[:, :, :2])
    return np.concatenate([back, -back @ matrices[:, :, 2:]], axis=2).astype(np.float32)


def transformed(points: FloatArray, matrices: FloatArray) -> FloatArray:
    """N×K×2 `points`, each row by its own of N×2×3 affine `matrices`."""
    return np.asarray(points @ matrices[:, :, :2].transpose(0, 2, 1) + matrices[:, None, :, 2], np.float32)


def upright_boxes(boxes: FloatArray, matrices: FloatArray) -> FloatArray:
    """Corner boxes N×4 through N×2×3 similarity `matrices`, upright again: about the ellipses that fill them, since a
    turned head fills no corner."""
    middles = np.asarray((boxes[:, :2] + boxes[:, 2:]) / 2, np.float32)
    centres = transformed(middles[:, None], matrices)[:, 0]
    halves = np.linalg.norm(matrices[:, :, :2] * (boxes[:, 2:] - boxes[:, :2])[:, None] / 2, axis=2)
    return np.concatenate([centres - halves, centres + halves], axis=1).astype(np.float32)


def squares(boxes: FloatArray, grow: float, lift: float = 0.0) -> FloatArray:
    """Corner boxes N×4 as squares on their longer side times `grow`, raised by `lift` of the box's height."""
    return rectangles(boxes, np.maximum(*np.split(boxes[:, 2:] - boxes[:, :2], 2, axis=1)) * grow, lift)


def rectangles(boxes: FloatArray, sides: FloatArray, lift: float = 0.0) -> FloatArray:
    """Corner boxes N×4 about the same centres with `sides` (N×1 or N×2), raised by `lift` of the old height."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    centres = centres - np.stack([np.zeros(len(boxes)), (boxes[:, 3] - boxes[:, 1]) * lift], -1)
    return np.concatenate([centres - sides / 2, centres + sides / 2], axis=1).astype(np.float32)


def level_squares(boxes: FloatArray, left: FloatArray, right: FloatArray, grow: float, side: int) -> FloatArray:
    """The N×2×3 transforms to crops of `side` pixels: squares on the longer side of corner boxes N×4 times `grow`,

    about their centres, turned so that the line from N×2 `left` to `right` is level.
    """
    centres, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    x, y = ((right - left) / np.maximum(np.linalg.norm(right - left, axis=1, keepdims=True), 1e-6)).T
    scale = side / (grow * np.maximum(sides, 1e-6))
    turn = scale[:, None, None] * np.stack([np.stack([x, y], -1), np.stack([-y, x], -1)], axis=1)
    shift = side / 2 - np.einsum("nij,nj->ni", turn, centres)
    return np.concatenate([turn, shift[..., None]], axis=2).astype(np.float32)


def unwarp(points: FloatArray, transforms: FloatArray) -> FloatArray:
    """Where N×K×2 points of crops lie in the picture that the N×2×3 `transforms` cut the crops out of."""
    back = np.linalg.inv(transforms[:, :, :2].astype(np.float64))
    return np.asarray(np.einsum("nij,nkj->nki", back, points - transforms[:, None, :, 2]), np.float32)


def to_whole_pixels(boxes: FloatArray) -> IntArray:
    """Corner boxes N×4 moved to whole pixels, a pixel across at least."""
    corners = np.rint(boxes).astype(np.int64)
    return np.concatenate([corners[:, :2], np.maximum(corners[:, 2:], corners[:, :2] + 1)], axis=1)


def crop_and_resize(pixels: ByteArray, boxes: FloatArray, side: int) -> ByteArray:
    """The N×side×side×3 crops of corner boxes N×4, as `to_whole_pixels`; what lies outside repeats the edge."""
    height, width = pixels.shape[:2]
    crops = np.empty((len(boxes), side, side, 3), np.uint8)
    for crop, (x1, y1, x2, y2) in zip(crops, to_whole_pixels(boxes).tolist(), strict=True):
        left, top = min(max(x1, 0), width - 1), min(max(y1, 0), height - 1)
        right, bottom = min(max(x2, left + 1), width), min(max(y2, top + 1), height)
        inside = pixels[top:bottom, left:right]
        above, below, before, after = (max(edge, 0) for edge in (top - y1, y2 - bottom, left - x1, x2 - right))
        if above or below or before or after:
            padded = cv2.copyMakeBorder(inside, above, below, before, after, cv2.BORDER_REPLICATE)
            inside = np.asarray(padded, np.uint8)
        cv2.resize(inside, (side, side), dst=crop, interpolation=_sampling(side / max(x2 - x1, y2 - y1)))
    return crops


def letterboxed_crops(pixels: ByteArray, boxes: FloatArray, side: int) -> ByteArray:
    """The N×side×side×3 crops of what corner boxes N×4 have of the picture, as large as fits, amid black."""
    height, width = pixels.shape[:2]
    crops = np.zeros((len(boxes), side, side, 3), np.uint8)
    for crop, (x1, y1, x2, y2) in zip(crops, to_whole_pixels(boxes).tolist(), strict=True):
        left, top = min(max(x1, 0), width - 1), min(max(y1, 0), height - 1)
        inside = pixels[top : min(max(y2, top + 1), height), left : min(max(x2, left + 1), width)]
        scale = side / max(inside.shape[:2])
        across, down = (max(1, int(length * scale)) for length in (inside.shape[1], inside.shape[0]))
        x, y = (side - across) // 2, (side - down) // 2
        crop[y : y + down, x : x + across] = cv2.resize(inside, (across, down), interpolation=_sampling(scale))
    return crops


def warp(pixels: ByteArray, matrices: FloatArray, side: int) -> ByteArray:
    """The N×side×side×3 pictures that the N×2×3 affine `matrices` (picture to crop) cut out of `pixels`, on black."""
    crops = np.empty((len(matrices), side, side, 3), np.uint8)
    levels: dict[int, ByteArray] = {1: pixels}
    for crop, matrix in zip(crops, matrices, strict=True):
        level, reduced = _reduction(pixels, matrix, levels)
        cv2.warpAffine(level, reduced, (side, side), dst=crop, flags=cv2.INTER_LINEAR)
    return crops


def _reduction(pixels: ByteArray, matrix: FloatArray, levels: dict[int, ByteArray]) -> tuple[ByteArray, FloatArray]:
    """A picture reduced by a power of two, and the matrix from it: bilinear sampling alone would alias a large face."""
    (a, b), (c, d) = matrix[:, :2].tolist()
    scale = sqrt(abs(a * d - b * c))
    factor = 1
    while scale * factor <= 0.5 and min(pixels.shape[:2]) >= 2 * factor:
        factor *= 2
        if factor not in levels:
            half = levels[factor // 2]
            size = max(1, half.shape[1] // 2), max(1, half.shape[0] // 2)
            levels[factor] = np.asarray(cv2.resize(half, size, interpolation=cv2.INTER_AREA), np.uint8)
    if factor == 1:
        return pixels, matrix
    level = levels[factor]
    ratio = np.array([pixels.shape[1] / level.shape[1], pixels.shape[0] / level.shape[0]], np.float32)
    reduced = matrix.copy()
    reduced[:, :2] = matrix[:, :2] * ratio
    reduced[:, 2] = matrix[:, 2] + matrix[:, :2] @ ((ratio - 1) / 2)
    return level, reduced


def detail_and_luma(crops: ByteArray) -> tuple[FloatArray, FloatArray]:
    """Fine detail and mean luma (0..255) of the middle of N aligned crops.

    Detail is the variance of the Laplacian (Pech-Pacheco et al. 2000) over that of the luma, so that a dim or flat
    light does not pass for blur; the constant keeps a sensor's noise from passing for detail.
    """
    lumas = [cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY) for crop in crops[:, 16:-16, 16:-16]]
    means, spreads = np.array([cv2.meanStdDev(luma) for luma in lumas])[..., 0, 0].T
    edges = np.array([cv2.meanStdDev(cv2.Laplacian(luma, cv2.CV_32F))[1][0, 0] for luma in lumas])
    return np.asarray(edges**2 / (spreads**2 + 25), np.float32), np.asarray(means, np.float32)


def luma_and_edges(pixels: ByteArray) -> tuple[ByteArray, IntArray]:
    """H×W luma (0..255) and its Laplacian."""
    luma = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    return luma, np.asarray(cv2.Laplacian(luma, cv2.CV_16S))


def sums(values: ByteArray | IntArray, mask: ByteArray | None = None) -> FloatArray:
    """How many H×W `values` there are, their sum and that of their squares; of all, or where a mask is not 0."""
    count, chosen = (values.size, values) if mask is None else (cv2.countNonZero(mask), cv2.copyTo(values, mask))
    return np.array([count, cv2.sumElems(chosen)[0], cv2.norm(chosen, cv2.NORM_L2SQR)])  # others are 0


def counts(values: ByteArray, mask: ByteArray | None = None) -> IntArray:
    """How many of H×W bytes have each of the 256 values; of all, or where a mask is not 0."""
    return np.asarray(cv2.calcHist([values], [0], mask, [256], [0, 256]).ravel(), np.int64)


def packed(colours: ByteArray) -> IntArray:
    """N×3 RGB bytes as N numbers of 15 bits: the first five of red, of green and of blue."""
    pairs = np.asarray(cv2.cvtColor(np.ascontiguousarray(colours[None]), cv2.COLOR_RGB2BGR555))
    return pairs.view(np.uint16).ravel().astype(np.int64)


def lab(colours: ByteArray) -> FloatArray:
    """N×3 RGB bytes in CIELAB, where distance is as the eye sees it."""
    return np.asarray(cv2.cvtColor(colours[None].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0], np.float32)
