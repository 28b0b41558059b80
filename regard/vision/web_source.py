"""A file from an address: its bytes, taken up again where a connection broke off."""

from __future__ import annotations

import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Generator
from threading import Event
from typing import IO, Final
from urllib.parse import urlsplit

_CHUNK_BYTES: Final = 1 << 18
#: What is waited before the rest of a file is asked for, each time it breaks off.
_PAUSES_SECONDS: Final = (0.2, 1.0, 3.0, 5.0, 5.0)
_FROM: Final = re.compile(r"bytes (\d+)-")


class SourceFailed(Exception):
    """One source did not give the file; the message is the reason, in one line."""


class _BrokeOff(Exception):
    """The connection ended before the file did. `silent` says that nothing came for long."""

    def __init__(self, message: str, *, silent: bool = False) -> None:
        super().__init__(message)
        self.silent = silent


class WebReader:
    """Reads addresses for the length of one pull: a host that is down or silent is asked once."""

    def __init__(self, silence_seconds: float, stop: Event) -> None:
        """`silence_seconds`: without a connection, or without a byte on one, before it is given up."""
        self._silence_seconds = silence_seconds
        self._stop = stop
        self._opener = _web_opener(self._visit)
        self._host = ""
        self._failed: dict[str, str] = {}

    def chunks(self, address: str) -> Generator[bytes, None, None]:
        """The bytes, a piece at a time, as they come. Raises SourceFailed, at once or at any piece."""
        done, pauses = 0, iter(_PAUSES_SECONDS)
        while True:
            begun = done
            try:
                for chunk in self._rest(address, done):
                    done += len(chunk)
                    yield chunk
            except _BrokeOff as error:
                pause = next(pauses, None)
                if done == begun or pause is None:
                    if error.silent:
                        self._failed[self._host] = str(error)
                    raise SourceFailed(str(error)) from error
                if self._stop.wait(pause):
                    raise SourceFailed("fetching was stopped") from error
            else:
                return

    def _rest(self, address: str, done: int) -> Generator[bytes, None, None]:
        """What follows the first `done` bytes."""
        with self._answer(address, done) as answer:
            repeated = 0 if answer.status == http.HTTPStatus.PARTIAL_CONTENT else done
            try:
                while chunk := answer.read1(_CHUNK_BYTES):
                    news = chunk[repeated:]
                    repeated = max(0, repeated - len(chunk))
                    if news:
                        yield news
            except (OSError, http.client.HTTPException) as error:
                reason = str(error) or type(error).__name__
                message = f"the connection to {self._host} broke off ({reason})"
                raise _BrokeOff(message, silent=isinstance(error, TimeoutError)) from error
            if answer.length:
                raise _BrokeOff(f"the connection to {self._host} closed with {answer.length} bytes still to come")

    def _answer(self, address: str, done: int) -> http.client.HTTPResponse:
        self._visit(address)
        request = urllib.request.Request(address, headers={"Range": f"bytes={done}-"} if done else {})  # noqa: S310
        try:
            answer: http.client.HTTPResponse = self._opener.open(request, timeout=self._silence_seconds)
        except urllib.error.HTTPError as error:
            error.close()
            raise SourceFailed(f"the server answered {error.code} {' '.join(str(error.reason).split())}") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = f"no connection to {self._host} ({getattr(error, 'reason', error) or type(error).__name__})"
            self._failed[self._host] = reason
            raise SourceFailed(reason) from error
        if answer.status == http.HTTPStatus.PARTIAL_CONTENT:
            begins = _FROM.match(answer.headers.get("Content-Range", ""))
            if begins is None or int(begins[1]) != done:
                answer.close()
                raise SourceFailed(f"{self._host} sent another part of the file than the one asked for")
        return answer

    def _visit(self, address: str) -> None:
        """Note which host is asked now. Raises SourceFailed for one that was found to be down."""
        self._host = urlsplit(address).netloc
        if self._host in self._failed:
            raise SourceFailed(self._failed[self._host])


class _Redirects(urllib.request.HTTPRedirectHandler):
    """The standard redirects; tells where they lead."""

    def __init__(self, visit: Callable[[str], None]) -> None:
        self._visit = visit

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        self._visit(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _web_opener(visit: Callable[[str], None]) -> urllib.request.OpenerDirector:
    """The standard opener, with proxies and redirects, but for http and https alone."""
    opener = urllib.request.OpenerDirector()
    opener.addheaders = [("User-Agent", "regard")]
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.UnknownHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
    ):
        opener.add_handler(handler())
    opener.add_handler(_Redirects(visit))
    return opener
