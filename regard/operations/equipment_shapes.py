"""People and what covers their faces, in AWS's JSON."""

from __future__ import annotations

from typing import Any

from regard.domain.equipment import Cover, EquipmentSummary, ProtectedPerson
from regard.engine.analysis.protective_equipment import FACE_COVER
from regard.operations.face_shapes import bounding_box


def person_shape(person: ProtectedPerson, row: int) -> dict[str, Any]:
    """A ProtectiveEquipmentPerson, whose Id is its row. Of body parts the face alone is told, if it was seen."""
    parts = [] if person.face is None else [_face(person.face, person.cover)]
    return {
        "Id": row,
        "BoundingBox": bounding_box(person.box),
        "Confidence": person.confidence,
        "BodyParts": parts,
    }


def summary_shape(summary: EquipmentSummary) -> dict[str, list[int]]:
    """A ProtectiveEquipmentSummary."""
    return {
        "PersonsWithRequiredEquipment": list(summary.wearing),
        "PersonsWithoutRequiredEquipment": list(summary.lacking),
        "PersonsIndeterminate": list(summary.unknown),
    }


def _face(confidence: float, cover: Cover | None) -> dict[str, Any]:
    worn = [] if cover is None else [_cover(cover)]
    return {"Name": "FACE", "Confidence": confidence, "EquipmentDetections": worn}


def _cover(cover: Cover) -> dict[str, Any]:
    """The model knows masks over nose and mouth only, so what it sees covers the face."""
    return {
        "Type": FACE_COVER,
        "BoundingBox": bounding_box(cover.box),
        "Confidence": cover.confidence,
        "CoversBodyPart": {"Value": True, "Confidence": cover.confidence},
    }
