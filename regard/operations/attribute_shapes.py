"""The attributes of a face in AWS's JSON: which are asked for, how each is spelled, and what stands for the untold."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

from regard.domain.arrays import FloatArray
from regard.domain.faces import EMOTIONS, LEAST_GENDER_SHARE, Detail, Faces
from regard.engine.analysis.quality_filter import DESCRIBED

#: How a row of Faces is spelled; None where its models have not told.
_Spell = Callable[[Faces, int], Any]

#: By the name that a request has for it: what the models are asked for, nothing where none can tell.
ATTRIBUTES: Final = {
    "AGE_RANGE": Detail.AGE,
    "BEARD": Detail.NONE,
    "EMOTIONS": Detail.EMOTIONS,
    "EYE_DIRECTION": Detail.EYE_DIRECTION,
    "EYEGLASSES": Detail.GLASSES,
    "EYES_OPEN": Detail.EYES_OPEN,
    "FACE_OCCLUDED": Detail.OCCLUDED,
    "GENDER": Detail.GENDER,
    "MOUTH_OPEN": Detail.MOUTH_OPEN,
    "MUSTACHE": Detail.NONE,
    "SMILE": Detail.SMILE,
    "SUNGLASSES": Detail.GLASSES,
}
EMOTION_TYPES: Final = dict(
    zip(EMOTIONS, ("ANGRY", "DISGUSTED", "FEAR", "HAPPY", "SAD", "SURPRISED", "CALM"), strict=True)
)
#: What a coin knows.
_COIN: Final = 50.0
#: Nobody has measured where eyes truly look, so two readings that agree earn no more than this; from the degrees that
#: they are apart it falls in a straight line, to nothing where they tell nothing.
_MOST_DIRECTION_CONFIDENCE, _USELESS_DEGREES = 50.0, 20.0


def wanted(names: Iterable[str] | None) -> Detail:
    """What a list of Attributes asks for, in addition to what every FaceDetail has."""
    asked = frozenset(names or ())
    detail = DESCRIBED | Detail.LANDMARKS30 if "ALL" in asked else DESCRIBED
    for name, flag in ATTRIBUTES.items():
        if name in asked or "ALL" in asked:
            detail |= flag
    return detail


def attributes(faces: Faces, row: int, asked: Collection[str], *, untold: bool) -> dict[str, Any]:
    """The members of a FaceDetail for the attributes in `asked`. One that no model has told is left out; if `untold`,

    a coin's answer stands for it.
    """
    members: dict[str, Any] = {}
    for name, (member, spell, guess) in _SPELLINGS.items():
        if name in asked or "ALL" in asked:
            said = spell(faces, row)
            if said is None and untold:
                said = guess(faces, row)
            if said is not None:
                members[member] = said
    return members


def told_and_untold(tellable: Detail) -> tuple[list[str], list[str]]:
    """The members of a FaceDetail that can be asked for: those that models which tell `tellable` give, and the rest."""
    told = {name: bool(flag & tellable) for name, flag in ATTRIBUTES.items()}
    members = {member: told[name] for name, (member, *_) in _SPELLINGS.items()}
    return [name for name, yes in members.items() if yes], [name for name, yes in members.items() if not yes]


def percent(ratio: float) -> float:
    return min(100.0, max(0.0, float(ratio) * 100))


def _age_range(faces: Faces, row: int) -> dict[str, Any] | None:
    if faces.age_range is None:
        return None
    low, high = faces.age_range[row]
    return {"Low": math.floor(low), "High": math.ceil(high)}


def _gender(faces: Faces, row: int) -> dict[str, Any] | None:
    """Left out where it cannot be told: the service model has no third value."""
    if faces.female is None:
        return None
    female = float(faces.female[row])
    share = max(female, 1 - female)
    if share < LEAST_GENDER_SHARE:
        return None
    return {"Value": "Female" if female > 0.5 else "Male", "Confidence": percent(share)}


def _emotions(faces: Faces, row: int) -> list[dict[str, Any]] | None:
    """AWS's eight, the surest first. No model here knows what confusion looks like, so CONFUSED gets no confidence."""
    if faces.emotions is None:
        return None
    pairs = zip(EMOTION_TYPES.values(), faces.emotions[row], strict=True)
    shapes: list[dict[str, Any]] = [{"Type": name, "Confidence": percent(probability)} for name, probability in pairs]
    return [*sorted(shapes, key=lambda shape: -shape["Confidence"]), {"Type": "CONFUSED", "Confidence": 0.0}]


def _eye_direction(faces: Faces, row: int) -> dict[str, Any] | None:
    if faces.eye_direction is None:
        return None
    yaw, pitch, apart = (float(degrees) for degrees in faces.eye_direction[row])
    confidence = _MOST_DIRECTION_CONFIDENCE * max(0.0, 1 - apart / _USELESS_DEGREES)
    return {"Yaw": yaw, "Pitch": pitch, "Confidence": confidence}


def _yes_or_no(column: Callable[[Faces], FloatArray | None]) -> Callable[[Faces, int], dict[str, Any] | None]:
    """How an attribute is spelled of which a column has the share of faces that it is true of."""

    def spell(faces: Faces, row: int) -> dict[str, Any] | None:
        shares = column(faces)
        if shares is None:
            return None
        share = float(shares[row])
        return {"Value": share > 0.5, "Confidence": percent(max(share, 1 - share))}

    return spell


def _nothing(_: Faces, __: int) -> None:
    """No model here can tell, or nothing can be said instead."""


def _no(_: Faces, __: int) -> dict[str, Any]:
    return {"Value": False, "Confidence": _COIN}


def _leaning(faces: Faces, row: int) -> dict[str, Any] | None:
    """A gender that the model cannot tell, for a program that needs one: the side it leans to, as sure as a coin."""
    if faces.female is None:
        return None
    return {"Value": "Female" if faces.female[row] > 0.5 else "Male", "Confidence": _COIN}


#: By a request's name: the member, how it is spelled, and what stands for it where that gives None and is asked for.
_SPELLINGS: Final[Mapping[str, tuple[str, _Spell, _Spell]]] = {
    "AGE_RANGE": ("AgeRange", _age_range, _nothing),
    "SMILE": ("Smile", _yes_or_no(lambda faces: faces.smile), _no),
    "EYEGLASSES": ("Eyeglasses", _yes_or_no(lambda faces: faces.eyeglasses), _no),
    "SUNGLASSES": ("Sunglasses", _yes_or_no(lambda faces: faces.sunglasses), _no),
    "GENDER": ("Gender", _gender, _leaning),
    "BEARD": ("Beard", _nothing, _no),
    "MUSTACHE": ("Mustache", _nothing, _no),
    "EYES_OPEN": ("EyesOpen", _yes_or_no(lambda faces: faces.eyes_open), _no),
    "MOUTH_OPEN": ("MouthOpen", _yes_or_no(lambda faces: faces.mouth_open), _no),
    "EMOTIONS": ("Emotions", _emotions, _nothing),
    "FACE_OCCLUDED": ("FaceOccluded", _yes_or_no(lambda faces: faces.occluded), _no),
    "EYE_DIRECTION": ("EyeDirection", _eye_direction, _nothing),
}
