"""Where the console is served, and what stands there if it was not built."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from regard.api import browser_session
from regard.console.assets import Asset, Assets

#: The console's address, below the server's.
PLACE = "/console"
_PAGE = "text/html"
#: Whoever has signed in is asked for while the scripts are on their way: on a slow line one wait less.
_WHO_EARLY = {
    "Link": "<../v1/me>; rel=preload; as=fetch; crossorigin=anonymous",
    "Vary": "Accept-Encoding, Cookie",
}
#: The weight of an encoding that is not wanted.
_REFUSED = re.compile(r"q=0(\.0*)?")
_NOT_BUILT = (
    "The console is not built. Run `make console` where Regard's source is, with npm installed, and start the server "
    "again.\n"
)


class ConsolePages:
    """Answers for the console's files. All of its pages are one file: which is shown stands behind `#`, and is never
    sent to a server or written into a log."""

    def __init__(self, assets: Assets) -> None:
        self._assets = assets

    @property
    def built(self) -> bool:
        return self._assets.built

    async def file(self, request: Request) -> Response:
        if not self.built:
            return PlainTextResponse(_NOT_BUILT, status_code=503)
        found = self._assets.find(request.path_params["path"])
        return (
            _answer(found, request) if found else PlainTextResponse("The console has no such file.\n", status_code=404)
        )

    async def without_slash(self, _: Request) -> Response:
        """Names of files are relative to the page's own address, which ends with a slash."""
        return RedirectResponse(f"{PLACE.removeprefix('/')}/", status_code=307)

    def greets(self, request: Request) -> bool:
        """Whether a person has opened the server's own address with a browser, and there is a console to show."""
        return self.built and _PAGE in request.headers.get("accept", "").lower()


def _answer(asset: Asset, request: Request) -> Response:
    headers = dict(asset.headers)
    if asset.media_type == _PAGE and browser_session.keeps(request):
        headers |= _WHO_EARLY
    encoding = next((each for each in asset.encoded if each in _accepted(request)), None)
    if encoding is None:
        return Response(asset.content, headers=headers, media_type=asset.media_type)
    headers["Content-Encoding"] = encoding
    return Response(asset.encoded[encoding], headers=headers, media_type=asset.media_type)


def _accepted(request: Request) -> set[str]:
    """The encodings that whoever asks can read."""
    named = [each.partition(";") for each in request.headers.get("accept-encoding", "").lower().split(",")]
    return {encoding.strip() for encoding, _, weight in named if not _REFUSED.fullmatch(weight.strip())}
