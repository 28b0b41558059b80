"""A second look, closer and upright, at what the first leaves in doubt: weak faces, turned ones and huge ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import ByteArray, FloatArray, IntArray
from regard.vision.faces.face_decoders import Candidates
from regard.vision.geometry import inverted, transformed, turns_and_misfits, upright_boxes, upright_crops, warp

#: The least score of a face.
FACE_SCORE: Final = 0.5
#: Below that it is the hint of a face: one lying on its side may have no more in a first look. Of 630 pictures without
#: faces one in eight has a hint; the second look finds a face in none of them.
HINT_SCORE: Final = 0.2
#: The same for a first look in bytes, in which dim and covered faces score up to 0.2 less; below FACE_SCORE the second
#: look, in floats, must agree that it is a face.
FACE_SCORE_IN_BYTES: Final = 0.35
#: What a hint must have in the second look to be a face, and a face to be kept.
_HINT_PROVEN: Final = 0.75
_FACE_SEEN: Final = 0.3
#: Beyond these the points are of a turned face, and wrong: at 15° by 6 % of the distance of the eyes, at 45° by 17 %,
#: at 90° by 30 %. A certain face with misshapen points is a profile, not turned.
MOST_TURN: Final = 12.0
MOST_MISFIT: Final = 4.0
#: Up to this misfit the points tell the turn within 10°; beyond it, each quarter turn is tried.
_KNOWN_TURN: Final = 60.0
_QUARTERS: Final = np.array([0, 90, 180, 270], np.float32)
#: The crops' sides in pixels, multiples of 32 as the models demand, and how many faces wide they are. At twice a face a
#: face larger than the picture scores 0.15 less, others as much.
_QUARTER_SIDE: Final = 96
_UPRIGHT_SIDE: Final = 128
#: In a crowd, where faces are at most tilted, so much is enough for those of no more pixels than this.
_CROWD_SIDE: Final = 96
_SMALL_FACE: Final = 64
_GROW: Final = 1.5
#: How far from a crop's middle a face may be, in faces.
_MOST_AWAY: Final = 0.45
#: How many of a picture's faces are looked at again, the largest: of those that are turned, as all are where a picture
#: lies on its side; of the others in doubt, of which a crowd has too many; and of hints.
_MOST_TURNED: Final = 16
_MOST_UNCERTAIN: Final = 4
_MOST_HINTS: Final = 2
#: So many certain and upright faces say that the picture stands upright: hints are nothing, and points are believed.
CROWD: Final = 5


class SecondLook:
    """Looks again with `find`, which finds the candidates in one square canvas; `sure` is the score of no doubt, and
    `least` that of a face in the first look."""

    def __init__(self, find: Callable[[ByteArray], Candidates], sure: float, least: float = FACE_SCORE) -> None:
        self._find = find
        self._sure = sure
        self._least = least

    def improve(self, picture: ByteArray, found: Candidates) -> Candidates:
        """`found`, in pixels of `picture`: what is in doubt is seen again or left out, hints left out unless proven."""
        if not len(found):
            return found
        turns, misfits = turns_and_misfits(found.landmarks5)
        is_face = found.scores >= self._least
        doubtful = found.scores < self._sure
        turned = is_face & ((np.abs(turns) > MOST_TURN) | (doubtful & (misfits > MOST_MISFIT)))
        uncertain = is_face & doubtful & ~turned
        crowd = (~doubtful & ~turned).sum() >= CROWD
        chosen = ((turned, _MOST_TURNED), (uncertain, _MOST_UNCERTAIN), (~is_face, 0 if crowd else _MOST_HINTS))
        rows = np.concatenate([_largest(found, which, most) for which, most in chosen])
        rest = np.setdiff1d(np.flatnonzero(found.scores >= FACE_SCORE), rows)
        known = is_face & (crowd | (misfits <= MOST_MISFIT)) & (np.abs(turns) <= _KNOWN_TURN)
        parts = [found.take(rest)]
        for row in rows:
            face = found.take(np.array([row]))
            small = crowd and np.prod(face.boxes[0, 2:] - face.boxes[0, :2]) <= _SMALL_FACE**2
            side = _CROWD_SIDE if small else _UPRIGHT_SIDE
            seen = self._seen(picture, face, turns[row] if known[row] else None, side)
            # The points of an upright face are right already: only its score was in doubt.
            keep = len(seen) and uncertain[row]
            parts.append(Candidates(face.boxes, seen.scores, face.landmarks5) if keep else seen)
        return Candidates.joined(parts)

    def _seen(self, picture: ByteArray, face: Candidates, turn: float | None, side: int) -> Candidates:
        """The one face as the second look sees it, if it does; `turn` is what the points say, unless they cannot."""
        if turn is None:
            tried = self._best(picture, face, _QUARTERS, _QUARTER_SIDE)
            if not len(tried):
                return tried
            turn = float(turns_and_misfits(tried.landmarks5)[0][0])
        seen = self._best(picture, face, np.array([turn], np.float32), side)
        return seen.take(np.flatnonzero(seen.scores >= self._least_seen(face.scores[0])))

    def _least_seen(self, score: float) -> float:
        """What one of that score in the first look must have in the second."""
        if score >= FACE_SCORE:
            return _FACE_SEEN
        return FACE_SCORE if score >= self._least else _HINT_PROVEN

    def _best(self, picture: ByteArray, face: Candidates, turns: FloatArray, side: int) -> Candidates:
        """The best candidate, if any, in the middle of crops about one face, turned by each of `turns`."""
        matrices = upright_crops(np.repeat(face.boxes, len(turns), axis=0), turns, side, _GROW)
        parts = []
        for crop, back in zip(warp(picture, matrices, side), inverted(matrices), strict=True):
            seen = self._find(crop)
            away = np.linalg.norm((seen.boxes[:, :2] + seen.boxes[:, 2:] - side) / 2, axis=1)
            seen = seen.take(np.flatnonzero(away <= _MOST_AWAY * side / _GROW))
            backs = np.repeat(back[None], len(seen), axis=0)
            parts.append(Candidates(upright_boxes(seen.boxes, backs), seen.scores, transformed(seen.landmarks5, backs)))
        every = Candidates.joined(parts)
        return every.take(np.argsort(-every.scores, kind="stable")[:1])


def _largest(found: Candidates, chosen: NDArray[np.bool_], most: int) -> IntArray:
    """The rows of the `most` largest boxes among the chosen."""
    rows = np.flatnonzero(chosen)
    areas = np.prod(found.boxes[rows, 2:] - found.boxes[rows, :2], axis=1)
    return rows[np.argsort(-areas, kind="stable")[:most]]
