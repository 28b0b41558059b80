"""What installed packages state as their licence, held to `requirements/licences.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from email.message import Message
from typing import Any

from locks import ROOT

RULES: Mapping[str, Any] = tomllib.loads((ROOT / "requirements" / "licences.toml").read_text(encoding="utf-8"))
#: A licence field longer than this is the licence's own text, which says no name.
_NAME_CHARACTERS = 40


def stated(metadata: Message) -> str:
    """A package's licence as an SPDX expression, as far as it can be told; else its own words."""
    if expression := metadata.get("License-Expression"):
        return str(expression)
    classifiers = [str(line).split(" :: ") for line in metadata.get_all("Classifier", [])]
    names = [parts[-1] for parts in classifiers if parts[0] == "License" and parts[-1] != "OSI Approved"]
    words = str(metadata.get("License") or "").strip()
    if not names and words:
        names = [words if len(words) <= _NAME_CHARACTERS else f"{words[:_NAME_CHARACTERS]}…"]
    return " AND ".join(RULES["spellings"].get(name, name) for name in names)


def is_allowed(expression: str) -> bool:
    """Whether an SPDX expression can be met by allowed licences alone."""
    while inner := re.search(r"\(([^()]*)\)", expression):
        expression = expression.replace(inner[0], "0BSD" if is_allowed(inner[1]) else "no")
    choices = [choice.split(" AND ") for choice in expression.split(" OR ")]
    return any(all(part.strip() in RULES["allowed"] for part in choice) for choice in choices)


def faults(name: str, metadata: Message) -> Iterator[str]:
    """What is wrong with a package's licence, with the mend."""
    licence, exception = stated(metadata), RULES["exceptions"].get(name)
    if exception is None and not is_allowed(licence):
        yield (
            f"{name} states the licence {licence or 'nothing'!r}, which requirements/licences.toml does not allow; do "
            "without the package, or say there why it may stay"
        )
    if exception is not None and licence != exception["states"]:
        yield f"{name} states the licence {licence!r} now, not {exception['states']!r}; look at its exception again"
