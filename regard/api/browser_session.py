"""A sign-in kept by a browser: in a cookie that no script can read, and that no other site's page can use.

A request that is known by its cookie and may change something must carry a header of the console's, which a page of
another site cannot send without asking first; and it must not say that another site made it, neither by Sec-Fetch-Site
nor, where a browser does not send that, by Origin. Sources: RFC 6265bis, 5.4 (SameSite, `__Host-`); RFC 6454, 7
(Origin); OWASP, "Cross-Site Request Forgery Prevention", on custom request headers; Fetch Metadata.
"""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from regard.errors import AccessDenied

#: What the console sends with every request.
CONSOLE_HEADER = "x-regard-console"
_NAME = "regard-session"
#: Over TLS the browser itself holds the cookie to this host and to TLS.
_SECURE_NAME = f"__Host-{_NAME}"
_SAFE_METHODS = frozenset({"GET", "HEAD"})
_OWN_SITE = frozenset({"same-origin", "none"})


def is_console(request: Request) -> bool:
    """Whether the console sent it, and wants its sign-in kept."""
    return CONSOLE_HEADER in request.headers


def keeps(request: Request) -> bool:
    """Whether its browser keeps a token, which may have ended."""
    return bool(request.cookies.get(_name(request)))


def kept_token(request: Request) -> str | None:
    """The token that the browser keeps, if this request may use it. Raises AccessDenied if another site made it."""
    token = request.cookies.get(_name(request))
    if token is None:
        return None
    if _is_foreign(request) or (request.method not in _SAFE_METHODS and not is_console(request)):
        raise AccessDenied(
            "A page of another site may have made this request. Programs send Authorization: Bearer TOKEN, and the "
            f"console the header {CONSOLE_HEADER}; a proxy passes Host on as the browser sent it."
        )
    return token


def _is_foreign(request: Request) -> bool:
    """Whether it says that a page of another site made it."""
    if request.headers.get("sec-fetch-site", "none") not in _OWN_SITE:
        return True
    return not all(_is_own(request, origin) for origin in request.headers.getlist("origin"))


def _is_own(request: Request, origin: str) -> bool:
    """Whether an Origin is the host that was asked. A proxy may speak TLS in the server's place: then the server does
    not know which scheme it is."""
    scheme, _, host = origin.lower().partition("://")
    schemes = ("https",) if _is_secure(request) else ("http", "https")
    return scheme in schemes and host == request.headers.get("host", "").lower()


def keep(request: Request, response: Response, token: str, ends_at: datetime) -> None:
    """Have the browser keep the token until the sign-in ends."""
    seconds = max(0, int((ends_at - datetime.now(UTC)).total_seconds()))
    _set(request, response, token, seconds)


def forget(request: Request, response: Response) -> None:
    """Have the browser forget the token, and whatever it has stored of this site."""
    _set(request, response, "", 0)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'


def _set(request: Request, response: Response, token: str, seconds: int) -> None:
    secure = _is_secure(request)
    response.set_cookie(
        _name(request), token, max_age=seconds, path="/", secure=secure, httponly=True, samesite="strict"
    )


def _name(request: Request) -> str:
    return _SECURE_NAME if _is_secure(request) else _NAME


def _is_secure(request: Request) -> bool:
    return request.url.scheme == "https"
