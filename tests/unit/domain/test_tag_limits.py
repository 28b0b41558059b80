"""Tags are bounded as the service model bounds them."""

from __future__ import annotations

import pytest

from regard.domain.tags import MOST_TAGS, TAG_KEY, TAG_VALUE, tags_fault
from regard.wire.schema import load

SHAPES = load().shapes
#: Every sign of the first planes that are in use, and the separators beyond them.
SIGNS = [chr(point) for point in range(0x3100) if not 0xD800 <= point < 0xE000]


def test_the_signs_that_a_tag_may_have_are_the_service_models() -> None:
    for expression, shape in ((TAG_KEY, SHAPES["TagKey"]), (TAG_VALUE, SHAPES["TagValue"])):
        pattern = shape.pattern
        assert pattern is not None
        assert [sign for sign in SIGNS if expression.fullmatch(sign)] == [s for s in SIGNS if pattern.matches(s)]


def test_so_are_lengths_and_numbers() -> None:
    longest = {name: SHAPES[name].max for name in ("TagKey", "TagValue", "TagMap")}
    assert longest == {"TagKey": 128, "TagValue": 256, "TagMap": MOST_TAGS}
    assert tags_fault({f"{'k' * 124}{number:04}": "v" * 256 for number in range(MOST_TAGS)}) is None
    assert tags_fault({"empty": "", "Ålesund": "a b"}) is None


@pytest.mark.parametrize(
    "tags", [{"": "v"}, {"k" * 129: "v"}, {"k": "v" * 257}, {"aws:k": "v"}, {"k\n": "v"}, {"k": "v;"}, {"k": "v\n"}]
)
def test_any_other_is_told_what_is_right(tags: dict[str, str]) -> None:
    fault = tags_fault(tags)
    assert fault is not None
    assert "1 to 128" in fault
    assert tags_fault({str(number): "" for number in range(MOST_TAGS + 1)}) == "it must hold at most 200 tags"
