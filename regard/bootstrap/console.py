"""Where the console is served, and what stands there if it was not built."""

from __future__ import annotations

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
    headers, zipped = dict(asset.headers), asset.zipped
    if asset.media_type == _PAGE and browser_session.keeps(request):
        headers |= _WHO_EARLY
    if zipped is None or "gzip" not in request.headers.get("accept-encoding", "").lower():
        return Response(asset.content, headers=headers, media_type=asset.media_type)
    return Response(zipped, headers=headers | {"Content-Encoding": "gzip"}, media_type=asset.media_type)
