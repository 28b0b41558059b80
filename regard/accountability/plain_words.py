"""Words that are taken in for other people to read."""

from __future__ import annotations

from regard.domain.words import steering
from regard.errors import InvalidParameter


def check_words(what: str, text: str | None) -> None:
    """Raises InvalidParameter if there are control characters in `what` somebody says ("the basis")."""
    found = None if text is None else steering(text)
    if found is not None:
        raise InvalidParameter(
            f"There is a control character (U+{ord(found):04X}) in {what}. Take it out: it would change how others see "
            "what you wrote."
        )
