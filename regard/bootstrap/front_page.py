"""What `GET /` answers to a person who opens the server's address: what this is, and where to go on."""

from __future__ import annotations

from collections.abc import Sequence

_TITLE = "Regard"
_WHAT = "A self-hosted visual recognition server that speaks Amazon Rekognition's wire protocol."
_PROGRAMS = (
    "Programs: give this address to an AWS SDK or the AWS CLI as its endpoint, with an access key of this server."
)
_CONSOLE = "Console, for browsers and phones: console/ below this address."
_NO_CONSOLE = "Console: not built here; `make console` builds it. The command line does the same: regard --help."
_DOCUMENTATION = "Documentation: docs/index.md in Regard's source; begin with docs/quick-start.md."
_HEALTH = ("health/live", "health/ready", "metrics")


def front_page(accept: str, *, console: bool) -> tuple[str, str]:
    """The page and its media type: HTML for browsers, text for everybody else. It says nothing of this installation but
    whether it has a `console`."""
    places = (_PROGRAMS, _CONSOLE if console else _NO_CONSOLE, _DOCUMENTATION)
    return (_html(places), "text/html") if "text/html" in accept.lower() else (_text(places), "text/plain")


def _text(places: Sequence[str]) -> str:
    return "\n".join([f"{_TITLE}. {_WHAT}", "", *places, f"State: {', '.join(_HEALTH)}", ""])


def _html(places: Sequence[str]) -> str:
    links = ", ".join(f'<a href="{path}">{path}</a>' for path in _HEALTH)
    paragraphs = "".join(f"<p>{text}</p>\n" for text in (_WHAT, *places, f"State: {links}"))
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{_TITLE}</title>\n'
        f"<h1>{_TITLE}</h1>\n{paragraphs}</html>\n"
    )
