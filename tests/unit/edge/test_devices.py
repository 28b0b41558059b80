"""What a request was sent with, in words that its sender recognises."""

from __future__ import annotations

import pytest

from regard.edge.devices import device_of

MOZILLA = "Mozilla/5.0"
IPHONE = f"{MOZILLA} (iPhone; CPU iPhone OS 17_5 like Mac OS X)"
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        (f"{MOZILLA} (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox on Linux"),
        (f"{MOZILLA} (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/127.0 Safari/537.36", "Chrome on Windows"),
        (f"{MOZILLA} (Windows NT 10.0) {WEBKIT} Chrome/127.0 Safari/537.36 Edg/127.0", "Edge on Windows"),
        (f"{MOZILLA} (Linux; Android 14; Pixel 8) {WEBKIT} Chrome/127.0 Mobile Safari/537.36", "Chrome on Android"),
        (
            f"{IPHONE} {WEBKIT} Version/17.5 Safari/604.1",
            "Safari on iPhone",
        ),
        (f"{IPHONE} {WEBKIT} CriOS/127.0 Safari/604.1", "Chrome on iPhone"),
        (f"{MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Version/17.5 Safari/605.1", "Safari on macOS"),
        (f"{MOZILLA} (X11; CrOS x86_64 14541.0) {WEBKIT} Chrome/127.0 Safari/537.36", "Chrome on ChromeOS"),
        (f"{MOZILLA} (X11; Linux x86_64) {WEBKIT} HeadlessChrome/127.0 Safari/537.36", "Chrome on Linux"),
        (f"{MOZILLA} (X11; Linux x86_64) Something/1", "A browser on Linux"),
        ("regard/command-line (Darwin)", "The command line of Regard on macOS"),
        ("regard/command-line (Linux)", "The command line of Regard on Linux"),
        ("curl/8.5.0", "A program"),
        ("", "A program"),
        ("<script>Windows</script>" * 1000, "A browser on Windows"),
    ],
)
def test_browser_and_system_are_told_and_nothing_that_the_client_wrote(user_agent: str, device: str) -> None:
    assert device_of(user_agent) == device
