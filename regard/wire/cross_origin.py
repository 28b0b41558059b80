"""Cross-origin requests (CORS): which pages of other sites a browser lets call this server, as AWS answers it.

It is no protection of the server, for which every request is signed. It is a site's own browser that asks.
Source: Fetch Standard, "CORS protocol".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from regard.wire.service import Headers

ANY_ORIGIN: Final = "*"
_EXPOSED: Final = "x-amzn-RequestId,x-amzn-ErrorType,x-amzn-ErrorMessage,Date"
#: How long a browser may keep the answer: two days, as AWS lets it.
_MOST_AGE_SECONDS: Final = 172_800


@dataclass(frozen=True, slots=True)
class CrossOrigin:
    """`origins` are the sites whose pages may call, as https://example.com; `*` is every one."""

    origins: tuple[str, ...] = (ANY_ORIGIN,)

    def headers(self, request: Headers) -> Mapping[str, str]:
        """What an answer carries for a browser; nothing for programs that name no origin."""
        origin = request.get(b"origin")
        if ANY_ORIGIN in self.origins:
            return {} if origin is None else _allowing(ANY_ORIGIN)
        varied = {"Vary": "Origin"} if self.origins else {}
        if origin is None or origin.decode("latin-1") not in self.origins:
            return varied
        return varied | _allowing(origin.decode("latin-1"))

    def preflight(self, request: Headers) -> Mapping[str, str]:
        """The headers of the answer to OPTIONS, by which a browser asks whether it may send a request."""
        headers = self.headers(request)
        if "Access-Control-Allow-Origin" not in headers:
            return headers
        asked = request.get(b"access-control-request-headers")
        allowed = {"Access-Control-Allow-Headers": asked.decode("latin-1")} if asked else {}
        return {
            **headers,
            **allowed,
            "Access-Control-Allow-Methods": "POST",
            "Access-Control-Max-Age": str(_MOST_AGE_SECONDS),
        }


def _allowing(origin: str) -> dict[str, str]:
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": _EXPOSED}
