"""What `GET /` answers to a person who opens the server's address: what this is, and where to go on."""

from __future__ import annotations

_TITLE = "Regard"
_WHAT = "A self-hosted visual recognition server that speaks Amazon Rekognition's wire protocol."
_PROGRAMS = (
    "Programs: give this address to an AWS SDK or the AWS CLI as its endpoint, with an access key of this server."
)
_CONSOLE = "Console: not built here; `make console` builds it. The command line does the same: regard --help."
_DOCUMENTATION = "Documentation: docs/index.md in Regard's source; begin with docs/quick-start.md."
_HEALTH = ("health/live", "health/ready", "metrics")


def front_page(accept: str) -> tuple[str, str]:
    """The page and its media type: HTML for browsers, text for everybody else. It says nothing of this installation."""
    return (_html(), "text/html") if "text/html" in accept.lower() else (_text(), "text/plain")


def _text() -> str:
    return "\n".join(
        [f"{_TITLE}. {_WHAT}", "", _PROGRAMS, _CONSOLE, _DOCUMENTATION, f"State: {', '.join(_HEALTH)}", ""]
    )


def _html() -> str:
    links = ", ".join(f'<a href="{path}">{path}</a>' for path in _HEALTH)
    paragraphs = "".join(f"<p>{text}</p>\n" for text in (_WHAT, _PROGRAMS, _CONSOLE, _DOCUMENTATION, f"State: {links}"))
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{_TITLE}</title>\n'
        f"<h1>{_TITLE}</h1>\n{paragraphs}</html>\n"
    )
