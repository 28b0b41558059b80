"""Whose face is whose: persons whose boxes overlap, and the faces in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import hypot
from typing import Final

from regard.domain.images import Box

#: Two ways to share out faces whose distances differ by less are as likely. Chosen: the photographs at hand have none.
_NEARLY: Final = 0.1

#: From a person and a face in their box to how far it is from where their face would be.
Distances = Mapping[tuple[int, int], float]


def faces_of(persons: Sequence[Box], faces: Sequence[Box]) -> list[int | None]:
    """The row of each person's face, which nobody else has: its middle is in their box, and the nearer it is to the
    middle of the box's top the likelier it is theirs. None for who has none, and for those of whom it is as likely that
    it is the other's."""
    far = {
        (person, face): _distance(box, each)
        for person, box in enumerate(persons)
        for face, each in enumerate(faces)
        if _has_middle(box, each)
    }
    owned: dict[int, int] = {}
    for person, face in sorted(far, key=far.__getitem__):
        if person not in owned and face not in owned.values():
            owned[person] = face
    unclear = {
        each
        for mine in owned
        for other in range(len(persons))
        if other != mine and _is_open(far, owned, mine, other)
        for each in (mine, other)
    }
    return [None if person in unclear else owned.get(person) for person in range(len(persons))]


def _is_open(far: Distances, owned: Mapping[int, int], mine: int, other: int) -> bool:
    """Whether one person's face may as well be another's, who then has theirs, if any."""
    given, taken = owned[mine], owned.get(other)
    if (other, given) not in far or (taken is not None and (mine, taken) not in far):
        return False
    now, then = far[mine, given], far[other, given]
    if taken is not None:
        now, then = now + far[other, taken], then + far[mine, taken]
    return then - now < _NEARLY


def _has_middle(box: Box, face: Box) -> bool:
    x, y = face.left + face.width / 2, face.top + face.height / 2
    return box.left <= x <= box.left + box.width and box.top <= y <= box.top + box.height


def _distance(box: Box, face: Box) -> float:
    """From the middle of the box's top to that of the face, in widths and heights of the box."""
    across = face.left + face.width / 2 - box.left - box.width / 2
    return hypot(across / max(box.width, 1e-6), (face.top + face.height / 2 - box.top) / max(box.height, 1e-6))
