"""The regular expressions of the service model, which are written for Java, in Python's syntax."""

from __future__ import annotations

import re
from dataclasses import dataclass

SEPARATORS = r" \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""Unicode category Z, as the inside of a character class."""

MOST_CHARACTERS = 4096
"""Characters of the longest text that a pattern without a length limit is tried on: some take quadratic time."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """`text` as the model writes it, for messages, and the same `expression` compiled by Python."""

    text: str
    expression: re.Pattern[str]

    def matches(self, value: str) -> bool:
        """Whether the whole of `value` matches, whether the pattern is anchored or not, as in AWS."""
        return self.expression.fullmatch(value) is not None


def from_java(text: str) -> Pattern:
    r"""Translate one pattern.

    Java's \d, \w and \s are ASCII. A class of \p{L}, \p{N} and _ is exactly Python's Unicode \w. Raises ValueError for
    any other \p, which Python cannot express.
    """
    python = text.replace(r"\p{Z}", SEPARATORS)
    if r"\p{L}" in text and r"\p{N}" in text and "_" in text:
        python = python.replace(r"\p{L}", r"\w").replace(r"\p{N}", "")
    if r"\p" in python:
        raise ValueError(f"no Python form is known for the pattern {text}")
    return Pattern(text, re.compile(python, re.ASCII if python == text else re.UNICODE))
