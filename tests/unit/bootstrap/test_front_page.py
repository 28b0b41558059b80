from __future__ import annotations

import pytest

from regard.bootstrap.front_page import front_page


@pytest.mark.parametrize(
    ("accept", "kind"),
    [("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"), ("*/*", "text/plain"), ("", "text/plain")],
)
def test_the_front_page_says_what_this_is_in_the_form_that_is_asked_for(accept: str, kind: str) -> None:
    content, media_type = front_page(accept)
    assert media_type == kind
    assert content.startswith("<!doctype html>") is (kind == "text/html")
    for word in (
        "Regard",
        "visual recognition",
        "Amazon Rekognition",
        "endpoint",
        "docs/quick-start.md",
        "health/ready",
    ):
        assert word in content
