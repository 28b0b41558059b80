"""Tags of a resource, as the service model bounds them wherever they are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

#: On one resource: the most that ListTagsForResource returns (Amazon Rekognition API Reference).
MOST_TAGS: Final = 200
#: Unicode's separators, category Z; its letters and digits are Python's \w without "_".
_CHARACTERS: Final = r"\w \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000.:/=+\-@"
TAG_KEY: Final = re.compile(f"(?!aws:)[{_CHARACTERS}]{{1,128}}")
TAG_VALUE: Final = re.compile(f"[{_CHARACTERS}]{{0,256}}")


def tags_fault(tags: Mapping[str, str]) -> str | None:
    """What a resource's tags must be, if these are not."""
    if len(tags) > MOST_TAGS:
        return f"it must hold at most {MOST_TAGS} tags"
    if any(TAG_KEY.fullmatch(key) is None or TAG_VALUE.fullmatch(value) is None for key, value in tags.items()):
        return (
            "a tag's name must have 1 to 128, and its value up to 256, letters, digits, spaces and _ . : / = + - @; "
            "no name begins with aws:"
        )
    return None
