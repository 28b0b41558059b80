"""What the service model allows as an id: the same characters and lengths wherever one is read or made."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """A kind of id that clients choose: 1 to `longest` of `characters`, which are as in a regular expression's []."""

    characters: str
    longest: int
    pattern: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pattern", re.compile(f"[{self.characters}]{{1,{self.longest}}}"))

    def allows(self, text: str) -> bool:
        return self.pattern.fullmatch(text) is not None

    def made_from(self, text: str) -> str | None:
        """`text` with every other character as '_', cut to length; None where nothing is left."""
        return re.sub(f"[^{self.characters}]", "_", text)[: self.longest] or None


COLLECTION_ID: Final = Identifier(characters=r"a-zA-Z0-9_.\-", longest=255)
EXTERNAL_IMAGE_ID: Final = Identifier(characters=r"a-zA-Z0-9_.\-:", longest=255)
USER_ID: Final = Identifier(characters=r"a-zA-Z0-9_.\-:", longest=128)

#: FaceId and ImageId, which the server chooses.
UUID_PATTERN: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

#: A model's version, such as fr-feature-87aacdfe; the service model bounds only its use, so these bounds are ours.
FACE_MODEL_VERSION: Final = Identifier(characters=r"a-zA-Z0-9_.\-", longest=255)
