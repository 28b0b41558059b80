"""How two faces are compared by a person: component by component, with an opinion and a reason, and without measuring.

The components are those of FISWG, "Facial Image Comparison Feature List for Morphological Analysis", version 2.0
(2018.09.11; also ASTM E3149), from the top of the face to the bottom and then what is anywhere on it. It recommends
that nothing be measured (photo-anthropometry), and nothing here can be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from regard.domain.cases import Opinion

COMPONENTS: Final = (
    "skin",
    "outline",
    "composition",
    "hairline",
    "forehead",
    "eyebrows",
    "eyes",
    "cheeks",
    "nose",
    "ears",
    "mouth",
    "chin",
    "neck",
    "facial-hair",
    "lines",
    "scars",
    "marks",
    "alterations",
)
LONGEST_REASON: Final = 4_000


class Mark(StrEnum):
    SIMILAR = "similar"
    DIFFERENT = "different"
    NOT_VISIBLE = "not-visible"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a reviewer says of a pair: a mark for every component, an opinion, and why."""

    opinion: Opinion
    components: Mapping[str, Mark]
    reason: str
