"""Face detectors: pictures in, boxes, scores and five landmarks out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from regard.domain.arrays import ByteArray, FloatArray
from regard.domain.faces import Faces
from regard.vision.cards import Input
from regard.vision.confidence import Confidence
from regard.vision.faces.face_decoders import DECODERS, Candidates
from regard.vision.faces.second_look import (
    CROWD,
    FACE_SCORE,
    FACE_SCORE_IN_BYTES,
    HINT_SCORE,
    MOST_MISFIT,
    MOST_TURN,
    SecondLook,
)
from regard.vision.geometry import (
    bordered,
    four_channels,
    inverted,
    letterbox,
    nms,
    transformed,
    turns_and_misfits,
    upright_boxes,
    upright_crops,
    warp,
)
from regard.vision.preprocess import Preprocess
from regard.vision.session import Session

#: Longest side of the fine pass. Faces of 40 px in a 1920×1080 picture are 27 px there; 15 px are still found.
FINE_PIXELS = 1280
#: Longest side of the coarse pass, which finds faces that fill the frame; it is made only if the fine one is larger
#: than SINGLE_PASS_PIXELS. A smaller picture is enlarged to it, which places its landmarks better (TAR at FAR 1e-5 of
#: 250-pixel pictures: +0.2).
COARSE_PIXELS = 320
#: Up to here one pass finds everything: of 62 faces that filled a 640-pixel frame all were found, at 960 only 46.
SINGLE_PASS_PIXELS = 640
#: What a run of `centerface` takes for each pixel of its canvas: 114 bytes, and what the arena cannot use.
RUN_BYTES_PER_PIXEL = 144
MOST_OVERLAP = 0.3
#: The picture is also looked at this small, within a black border: a face larger than the picture is found by it alone.
#: Of faces whose middle 60 % fill a picture of 640×480, one pass finds 8 %, this one 90 %; larger canvases find less.
HUGE_PIXELS = 64
HUGE_CANVAS = 128
#: What it finds is narrower than this part of the picture's shorter side where the other passes see better; and a
#: certain face of this part leaves no room for one.
HUGE_PART = 0.5
#: A face wider than this part of the picture's shorter side is placed better by the coarse pass, and from 0.7 on found
#: better. The fine pass has at least a hint of nine in ten of them: a crowd of smaller ones says that there is none.
SMALL_PART = 0.3
#: Faces that were seen a moment ago are looked for in squares of this side, a multiple of 32, that are so many faces
#: wide; as long as these have no more than this part of the pixels that one pass over the picture would have.
AGAIN_PIXELS = 160
AGAIN_FACES = 2.0
AGAIN_PART = 0.34
#: How far one may have moved from the middle of its square, in squares.
AGAIN_AWAY = 0.25
#: The share of faces that needs no second look.
CERTAIN_SHARE = 0.99


class CandidateFinder:
    """Runs a detector's model on one canvas and reads what it says. `model_input` is None for a session that takes four
    bytes a pixel."""

    def __init__(self, session: Session, family: str, model_input: Input | None) -> None:
        self._session = session
        self._decode = DECODERS[family]
        self._preprocess = Preprocess(model_input) if model_input else four_channels

    def __call__(self, canvas: ByteArray, least: float = HINT_SCORE) -> Candidates:
        outputs = dict(zip(self._session.outputs, self._session.run(self._preprocess(canvas[None])), strict=True))
        return self._decode(outputs, (canvas.shape[0], canvas.shape[1]), least)


class FaceDetector:
    """A detector of faces at more than one scale. `detect` is safe from many threads.

    `confidence` is what its scores mean. Without it they are taken as they are, and nothing is looked at twice. `first`
    is a session of the same model that takes bytes, for the first look: what is in doubt, or huge, is seen
    in floats.
    """

    def __init__(
        self,
        session: Session,
        family: str,
        model_input: Input,
        confidence: Confidence | None = None,
        *,
        first: Session | None = None,
    ) -> None:
        self._find_closely = CandidateFinder(session, family, model_input)
        self._find = CandidateFinder(first, family, None) if first else self._find_closely
        self._confidence = confidence
        if confidence:
            self._sure = confidence.score(CERTAIN_SHARE)
            least = FACE_SCORE_IN_BYTES if first else FACE_SCORE
            self._second_look = SecondLook(self._find_closely, self._sure, least)

    def detect(self, pictures: Sequence[ByteArray]) -> list[Faces]:
        """The faces of each H×W×3 RGB picture, largest box first, in ratios of its sides."""
        return [self._detect(picture) for picture in pictures]

    def _detect(self, picture: ByteArray) -> Faces:
        least = HINT_SCORE if self._confidence else FACE_SCORE
        longest, *shorter = passes(*picture.shape[:2])
        seen = [self._pass(picture, longest, least)]
        found = _distinct(seen)
        if not (self._confidence and self._small_crowd(picture, found)):
            found = _distinct([*seen, *(self._pass(picture, each, least) for each in shorter)])
            if self._confidence:
                found = _distinct([found, *self._huge(picture, found)])
        if self._confidence:
            found = _distinct([self._second_look.improve(picture, found)])
        order = np.argsort(-np.prod(found.boxes[:, 2:] - found.boxes[:, :2], axis=1), kind="stable")
        return self._told(found.take(order), np.array([picture.shape[1], picture.shape[0]], np.float32))

    def _told(self, found: Candidates, sides: FloatArray) -> Faces:
        """Candidates in pixels of a picture as its faces; `sides` are its width and height."""
        corners, scores = found.boxes / np.tile(sides, 2), found.scores
        return Faces(
            boxes=np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1),
            scores=scores,
            confidences=self._confidence.percent(scores) if self._confidence else scores * 100,
            landmarks5=(found.landmarks5 / sides).astype(np.float32),
        )

    def again(self, picture: ByteArray, seen: Faces) -> Faces | None:
        """The faces of a picture that shows almost what another showed a moment ago, in which these were seen: looked
        for only where they were, and in their order. None if any of them is not surely there, or if that is not worth
        it: then look at the whole picture."""
        height, width = picture.shape[:2]
        most = AGAIN_PART * passes(height, width)[0] ** 2 * min(height, width) / max(height, width)
        if not self._confidence or not len(seen) or len(seen) * AGAIN_PIXELS**2 > most:
            return None
        sides = np.array([width, height], np.float32)
        boxes = np.concatenate([seen.boxes[:, :2], seen.boxes[:, :2] + seen.boxes[:, 2:]], axis=1) * np.tile(sides, 2)
        matrices = upright_crops(boxes, np.zeros(len(boxes), np.float32), AGAIN_PIXELS, AGAIN_FACES)
        crops = warp(picture, matrices, AGAIN_PIXELS)
        parts = [self._in_the_middle(crop, back) for crop, back in zip(crops, inverted(matrices), strict=True)]
        found = Candidates.joined(parts)
        turns, misfits = turns_and_misfits(found.landmarks5)
        if len(_distinct(parts)) < len(seen) or (np.abs(turns) > MOST_TURN).any() or (misfits > MOST_MISFIT).any():
            return None
        return self._told(found, sides)

    def _in_the_middle(self, crop: ByteArray, back: FloatArray) -> Candidates:
        """The one sure face in the middle of a crop, if there is one; `back` is from the crop to the picture."""
        seen = self._find(crop, self._sure)
        away = np.linalg.norm((seen.boxes[:, :2] + seen.boxes[:, 2:] - AGAIN_PIXELS) / 2, axis=1)
        seen = seen.take(np.flatnonzero(away <= AGAIN_AWAY * AGAIN_PIXELS))
        best = seen.take(np.argsort(-seen.scores, kind="stable")[:1])
        backs = np.repeat(back[None], len(best), axis=0)
        return Candidates(upright_boxes(best.boxes, backs), best.scores, transformed(best.landmarks5, backs))

    def _pass(self, picture: ByteArray, longest: int, least: float) -> Candidates:
        canvas, scale = letterbox(picture, longest)
        found = self._find(canvas, least)
        boxes = np.asarray(found.boxes / np.tile(scale, 2), np.float32)
        return Candidates(boxes, found.scores, found.landmarks5 / scale)

    def _small_crowd(self, picture: ByteArray, found: Candidates) -> bool:
        """Whether so many faces are certain, and all that might be one are so small, that no large one is missing."""
        most = SMALL_PART * min(picture.shape[:2])
        return bool((found.scores >= self._sure).sum() >= CROWD and (_shorter_sides(found) < most).all())

    def _huge(self, picture: ByteArray, found: Candidates) -> list[Candidates]:
        """Faces about as large as the picture or larger, unless one that is large enough is certain."""
        least = HUGE_PART * min(picture.shape[:2])
        if ((found.scores >= self._sure) & (_shorter_sides(found) >= least)).any():
            return []
        canvas, scale, start = bordered(picture, HUGE_PIXELS, HUGE_CANVAS)
        huge = self._find_closely(canvas)
        boxes = np.asarray((huge.boxes - np.tile(start, 2)) / np.tile(scale, 2), np.float32)
        huge = Candidates(boxes, huge.scores, (huge.landmarks5 - start) / scale)
        return [huge.take(np.flatnonzero(_shorter_sides(huge) >= least))]


def _distinct(parts: Sequence[Candidates]) -> Candidates:
    every = Candidates.joined(parts)
    return every.take(nms(every.boxes, every.scores, MOST_OVERLAP))


def _shorter_sides(found: Candidates) -> FloatArray:
    return np.asarray((found.boxes[:, 2:] - found.boxes[:, :2]).min(axis=1), np.float32)


def passes(height: int, width: int) -> tuple[int, ...]:
    """The longest side of each pass over a picture of this size."""
    longest = max(COARSE_PIXELS, min(max(height, width), FINE_PIXELS))
    return (longest,) if longest <= SINGLE_PASS_PIXELS else (longest, COARSE_PIXELS)


def detection_bytes(height: int, width: int) -> int:
    """The most memory that finding faces in a picture of this size takes."""
    longest = passes(height, width)[0]
    scale = longest / max(height, width)
    return RUN_BYTES_PER_PIXEL * longest * (round(min(height, width) * scale) + 32)
