"""What a request was sent with, in words that its sender recognises: browser and system, as its User-Agent says.

Nothing rests on it, since a client calls itself what it likes. The order counts: Edge and Opera also say Chrome, and
Chrome says Safari (MDN, "Browser detection using the user agent").
"""

from __future__ import annotations

import re
from collections.abc import Sequence

Names = Sequence[tuple[str, re.Pattern[str]]]


def _named(*names: tuple[str, str]) -> Names:
    return [(name, re.compile(pattern)) for name, pattern in names]


_PROGRAMS = _named(
    ("The command line of Regard", r"^regard/"),
    ("Edge", r"\bEdg(?:e|A|iOS)?/"),
    ("Opera", r"\bOPR/|\bOpera\b"),
    ("Samsung Internet", r"\bSamsungBrowser/"),
    ("Firefox", r"\b(?:Firefox|FxiOS)/"),
    ("Chrome", r"\b(?:Headless)?Chrome/|\bCriOS/"),
    ("Safari", r"\bVersion/[\d.]+ .*\bSafari/"),
)
_SYSTEMS = _named(
    ("iPhone", r"\biPhone\b"),
    ("iPad", r"\biPad\b"),
    ("Android", r"\bAndroid\b"),
    ("Windows", r"\bWindows\b"),
    ("ChromeOS", r"\bCrOS\b"),
    ("macOS", r"\b(?:Macintosh|Darwin)\b"),
    ("Linux", r"\bLinux\b"),
)
_UNKNOWN = "A program"


def device_of(user_agent: str) -> str:
    """Such as "Firefox on Windows"; "A program" for what is no browser that is known."""
    program, system = _first(_PROGRAMS, user_agent), _first(_SYSTEMS, user_agent)
    if program is None:
        return f"A browser on {system}" if system else _UNKNOWN
    return f"{program} on {system}" if system else program


def _first(names: Names, user_agent: str) -> str | None:
    return next((name for name, pattern in names if pattern.search(user_agent)), None)
