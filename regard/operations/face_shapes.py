"""Faces in AWS's JSON, and what a request's Image names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from regard.domain.arrays import FloatArray
from regard.domain.faces import LANDMARK_TYPES, Faces
from regard.domain.galleries import Face, Match
from regard.domain.images import Box, ObjectName
from regard.errors import InvalidParameter, InvalidS3Object
from regard.operations.attribute_shapes import attributes

if TYPE_CHECKING:
    from types_boto3_rekognition.type_defs import BoundingBoxTypeDef, ImageTypeDef, S3ObjectTypeDef


def image_reference(image: ImageTypeDef) -> bytes | ObjectName:
    """The Image of a request: its bytes, or where it is stored. Raises InvalidParameter unless it has exactly one."""
    if ("Bytes" in image) == ("S3Object" in image):
        raise InvalidParameter(f"{InvalidParameter.__doc__}: an Image has either Bytes or S3Object.")
    if "Bytes" in image:
        return cast(bytes, image["Bytes"])  # the wire has decoded it
    return object_name(image["S3Object"])


def object_name(place: S3ObjectTypeDef) -> ObjectName:
    """What an S3Object names. Raises InvalidS3Object without a bucket or a name."""
    bucket, name = place.get("Bucket"), place.get("Name")
    if not bucket or not name:
        raise InvalidS3Object
    return ObjectName(bucket=bucket, name=name, version=place.get("Version"))


def bounding_box(box: Box) -> BoundingBoxTypeDef:
    return {"Width": box.width, "Height": box.height, "Left": box.left, "Top": box.top}


def face_detail(faces: Faces, row: int, names: Iterable[str] | None, *, untold: bool = False) -> dict[str, Any]:
    """A FaceDetail with the attributes in `names`; `untold` also gives those that no model has told."""
    asked = frozenset(names or ())
    shape = compared_face(faces, row)
    if "ALL" in asked and faces.landmarks30 is not None:
        shape["Landmarks"] = _landmarks(faces.landmarks30[row])
    return shape | attributes(faces, row, asked, untold=untold)


def compared_face(faces: Faces, row: int) -> dict[str, Any]:
    """What every face comes with: box, confidence, five points, pose and quality."""
    shape: dict[str, Any] = {
        "BoundingBox": bounding_box(faces.box(row)),
        "Confidence": faces.confidence(row),
        "Landmarks": _landmarks(faces.landmarks5[row]),
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


def _landmarks(points: FloatArray) -> list[dict[str, Any]]:
    """The first of LANDMARK_TYPES, as many as there are points."""
    return [{"Type": name, "X": float(x), "Y": float(y)} for name, (x, y) in zip(LANDMARK_TYPES, points, strict=False)]
