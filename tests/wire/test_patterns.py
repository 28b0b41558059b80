from __future__ import annotations

import sys
import unicodedata

import pytest

from regard.wire.patterns import from_java
from regard.wire.schema import Schema


def test_a_pattern_without_anchors_must_match_the_whole_text() -> None:
    name = from_java(r"[a-zA-Z0-9_.\-]+")
    assert name.matches("my-collection_1.0")
    assert not name.matches("my collection")
    assert not name.matches("collection\n")


def test_digits_are_ascii_as_in_java() -> None:
    assert from_java(r"\d{3}").matches("123")
    assert not from_java(r"\d{3}").matches("١٢٣")


@pytest.mark.slow
def test_unicode_categories_mean_what_they_mean_in_java() -> None:
    tag = from_java(r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$")
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        allowed = unicodedata.category(character)[0] in "LZN" or character in "_.:/=+-@"
        assert tag.matches(character) == allowed, hex(code)


def test_a_tag_may_not_begin_with_the_reserved_prefix(schema: Schema) -> None:
    pattern = schema.shapes["TagKey"].pattern
    assert pattern is not None
    assert pattern.matches("café au lait")
    assert not pattern.matches("aws:cost")


def test_a_category_without_a_python_form_is_refused_when_the_model_is_read() -> None:
    with pytest.raises(ValueError, match="no Python form"):
        from_java(r"[\p{Lu}]+")
