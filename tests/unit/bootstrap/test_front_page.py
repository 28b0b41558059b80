from __future__ import annotations

import pytest

from regard.bootstrap.front_page import front_page


@pytest.mark.parametrize(
    ("accept", "kind"),
    [("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"), ("*/*", "text/plain"), ("", "text/plain")],
)
def test_the_front_page_says_what_this_is_in_the_form_that_is_asked_for(accept: str, kind: str) -> None:
    content, media_type = front_page(accept, console=True)
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


@pytest.mark.parametrize("accept", ["text/html", "*/*"])
def test_the_front_page_says_where_the_console_is_or_that_there_is_none(accept: str) -> None:
    (there, _), (missing, _) = (front_page(accept, console=built) for built in (True, False))
    assert "console/ below this address" in there
    assert "not built" not in there
    assert "not built" in missing
