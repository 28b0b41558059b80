"""Faces in AWS's JSON, and what a request's Image and Attributes ask for."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from regard.domain.faces import EMOTIONS, LEAST_GENDER_SHARE, Detail, Faces
from regard.domain.galleries import Face, Match
from regard.domain.images import Box, ObjectName
from regard.engine.analysis.quality_filter import DESCRIBED
from regard.errors import InvalidParameter, InvalidS3Object

if TYPE_CHECKING:
    from types_boto3_rekognition.type_defs import BoundingBoxTypeDef, ImageTypeDef

#: The attributes that the core models can estimate. The service model's others are left out of an answer.
ATTRIBUTES = {
    "AGE_RANGE": Detail.AGE,
    "EMOTIONS": Detail.EMOTIONS,
    "EYES_OPEN": Detail.EYES_OPEN,
    "GENDER": Detail.GENDER,
    "MOUTH_OPEN": Detail.MOUTH_OPEN,
    "SMILE": Detail.EMOTIONS,
}
ALL = Detail.LANDMARKS68 | Detail.AGE | Detail.EMOTIONS | Detail.EYES_OPEN | Detail.GENDER | Detail.MOUTH_OPEN
POINT_TYPES = ("eyeLeft", "eyeRight", "nose", "mouthLeft", "mouthRight")
#: Which of the 68 points (or the mean of which two) each further landmark is. Pupils are not among the 68.
CONTOUR_TYPES = {
    "leftEyeBrowLeft": (17,),
    "leftEyeBrowUp": (19,),
    "leftEyeBrowRight": (21,),
    "rightEyeBrowLeft": (22,),
    "rightEyeBrowUp": (24,),
    "rightEyeBrowRight": (26,),
    "leftEyeLeft": (36,),
    "leftEyeRight": (39,),
    "leftEyeUp": (37, 38),
    "leftEyeDown": (40, 41),
    "rightEyeLeft": (42,),
    "rightEyeRight": (45,),
    "rightEyeUp": (43, 44),
    "rightEyeDown": (46, 47),
    "noseLeft": (31,),
    "noseRight": (35,),
    "mouthUp": (51,),
    "mouthDown": (57,),
    "upperJawlineLeft": (0,),
    "midJawlineLeft": (4,),
    "chinBottom": (8,),
    "midJawlineRight": (12,),
    "upperJawlineRight": (16,),
}
EMOTION_TYPES = dict(zip(EMOTIONS, ("ANGRY", "DISGUSTED", "FEAR", "HAPPY", "SAD", "SURPRISED", "CALM"), strict=True))
#: The least mouth gap that counts as open.
MOUTH_OPEN = 0.25


def image_reference(image: ImageTypeDef) -> bytes | ObjectName:
    """The Image of a request: its bytes, or where it is stored. Raises InvalidParameter unless it has exactly one."""
    if ("Bytes" in image) == ("S3Object" in image):
        raise InvalidParameter(f"{InvalidParameter.__doc__}: an Image has either Bytes or S3Object.")
    if "Bytes" in image:
        return cast(bytes, image["Bytes"])  # the wire has decoded it
    place = image["S3Object"]
    bucket, name = place.get("Bucket"), place.get("Name")
    if not bucket or not name:
        raise InvalidS3Object
    return ObjectName(bucket=bucket, name=name, version=place.get("Version"))


def wanted(attributes: Iterable[str] | None) -> Detail:
    """What a list of Attributes asks for, in addition to what every FaceDetail has."""
    names = set(attributes or ())
    detail = DESCRIBED
    for name, flag in ATTRIBUTES.items():
        if name in names:
            detail |= flag
    return detail | ALL if "ALL" in names else detail


def bounding_box(box: Box) -> BoundingBoxTypeDef:
    return {"Width": box.width, "Height": box.height, "Left": box.left, "Top": box.top}


def face_detail(faces: Faces, row: int, names: Iterable[str] | None) -> dict[str, Any]:
    """A FaceDetail with the attributes in `names`."""
    asked = set(names or ())
    shape = compared_face(faces, row)
    if "ALL" in asked:
        shape["Landmarks"] += _contour(faces, row)
    for name, (member, spell) in _SPELLINGS.items():
        if (name in asked or "ALL" in asked) and (told := spell(faces, row)) is not None:
            shape[member] = told
    return shape


def compared_face(faces: Faces, row: int) -> dict[str, Any]:
    """What every face comes with: box, confidence, five points, pose and quality."""
    shape: dict[str, Any] = {
        "BoundingBox": bounding_box(faces.box(row)),
        "Confidence": _percent(faces.scores[row]),
        "Landmarks": [
            {"Type": name, "X": float(x), "Y": float(y)}
            for name, (x, y) in zip(POINT_TYPES, faces.landmarks5[row], strict=True)
        ],
    }
    if faces.pose is not None:
        yaw, pitch, roll = (float(angle) for angle in faces.pose[row])
        shape["Pose"] = {"Roll": roll, "Yaw": yaw, "Pitch": pitch}
    if faces.quality is not None:
        brightness, sharpness = (float(value) for value in faces.quality[row])
        shape["Quality"] = {"Brightness": brightness, "Sharpness": sharpness}
    return shape


def enrolled_face(face: Face) -> dict[str, Any]:
    """A Face. IndexFacesModelVersion is left out: it allows only digits and dots, and our models' names have more."""
    return {
        "FaceId": face.face_id,
        "BoundingBox": bounding_box(face.box),
        "ImageId": face.image_id,
        "ExternalImageId": face.external_image_id,
        "Confidence": face.confidence,
        "UserId": face.user_id,
    }


def face_match(match: Match) -> dict[str, Any]:
    return {"Similarity": match.similarity, "Face": enrolled_face(match.face)}


def _contour(faces: Faces, row: int) -> list[dict[str, Any]]:
    if faces.landmarks68 is None:
        return []
    points = faces.landmarks68[row]
    means = {name: points[list(which)].mean(axis=0) for name, which in CONTOUR_TYPES.items()}
    return [{"Type": name, "X": float(x), "Y": float(y)} for name, (x, y) in means.items()]


def _age_range(faces: Faces, row: int) -> dict[str, int] | None:
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
    return {"Value": "Female" if female > 0.5 else "Male", "Confidence": _percent(share)}


def _emotions(faces: Faces, row: int) -> list[dict[str, Any]] | None:
    if faces.emotions is None:
        return None
    pairs = zip(EMOTION_TYPES.values(), faces.emotions[row], strict=True)
    shapes = [{"Type": name, "Confidence": _percent(probability)} for name, probability in pairs]
    return sorted(shapes, key=lambda shape: -float(shape["Confidence"]))


def _smile(faces: Faces, row: int) -> dict[str, Any] | None:
    return None if faces.emotions is None else _yes_or_no(faces.emotions[row, EMOTIONS.index("happy")])


def _eyes_open(faces: Faces, row: int) -> dict[str, Any] | None:
    return None if faces.eyes_open is None else _yes_or_no(faces.eyes_open[row])


def _mouth_open(faces: Faces, row: int) -> dict[str, Any] | None:
    """Measured, not classified: a gap has no probability, so there is no Confidence."""
    return None if faces.mouth_gap is None else {"Value": bool(faces.mouth_gap[row] > MOUTH_OPEN)}


def _yes_or_no(probability: float) -> dict[str, Any]:
    return {"Value": bool(probability > 0.5), "Confidence": _percent(max(probability, 1 - probability))}


def _percent(ratio: float) -> float:
    return min(100.0, max(0.0, float(ratio) * 100))


_SPELLINGS = {
    "AGE_RANGE": ("AgeRange", _age_range),
    "EMOTIONS": ("Emotions", _emotions),
    "EYES_OPEN": ("EyesOpen", _eyes_open),
    "GENDER": ("Gender", _gender),
    "MOUTH_OPEN": ("MouthOpen", _mouth_open),
    "SMILE": ("Smile", _smile),
}
