"""The summary of who wears what; whole pictures are in tests/acceptance/test_protective_equipment.py."""

from __future__ import annotations

import pytest

from regard.domain.equipment import Cover, EquipmentSummary, ProtectedPerson
from regard.domain.images import Box
from regard.engine.analysis.protective_equipment import summarised

BOX = Box(left=0, top=0, width=1, height=1)
MASKED = ProtectedPerson(box=BOX, confidence=99, face=98, cover=Cover(box=BOX, confidence=90))
BARE = ProtectedPerson(box=BOX, confidence=95, face=97)
TURNED = ProtectedPerson(box=BOX, confidence=90)
DOUBTFUL = ProtectedPerson(box=BOX, confidence=60, face=97, cover=Cover(box=BOX, confidence=99))
ALL = [MASKED, BARE, TURNED, DOUBTFUL]


@pytest.mark.parametrize(
    ("required", "least", "wearing", "lacking", "unknown"),
    [
        (["FACE_COVER"], 80, (0,), (1,), (2,)),
        (["FACE_COVER"], 50, (0, 3), (1,), (2,)),
        (["FACE_COVER"], 95, (), (1,), (0,)),
        (["FACE_COVER", "HEAD_COVER"], 80, (), (1,), (0, 2)),
        (["HEAD_COVER"], 80, (), (), (0, 1, 2)),
        (["HAND_COVER", "HEAD_COVER"], 50, (), (), (0, 1, 2, 3)),
    ],
)
def test_nobody_is_said_to_wear_or_to_lack_what_cannot_be_told(
    required: list[str], least: float, wearing: tuple[int, ...], lacking: tuple[int, ...], unknown: tuple[int, ...]
) -> None:
    expected = EquipmentSummary(wearing=wearing, lacking=lacking, unknown=unknown)
    assert summarised(ALL, required, least) == expected
