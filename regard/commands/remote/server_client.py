"""What is asked of a server's native API, and what it answers; its problems are raised as the errors that they name."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import urllib3
from pydantic import TypeAdapter

from regard import errors
from regard.errors import ExpiredToken, InvalidParameter, RegardError

Noun = TypeVar("Noun")
Query = Mapping[str, str | int | Sequence[str] | None]
_AUTHORISATION = "x-regard-authorisation"
_TIMEOUT = urllib3.Timeout(connect=10.0, read=120.0)


class Server:
    """A server's `/v1`. It follows no redirection: the token is for this server alone."""

    def __init__(self, address: str, token: str = "", authority: str | None = None) -> None:
        """Raises InvalidParameter for an address that would have the password or the token read on the way."""
        self.address = checked(address)
        #: By their ids, the people and services that the server has named.
        self.names: dict[str, str] = {}
        #: The id of the one that whatever is asked is done under.
        self.authorisation = ""
        self._token = token
        sender = {"User-Agent": f"regard/command-line ({platform.system()})"}
        self._pool = urllib3.PoolManager(headers=sender, timeout=_TIMEOUT, retries=False, ca_certs=authority)

    def get(self, path: str, query: Query | None = None) -> Any:
        return self.ask("GET", path, query=query)

    def post(self, path: str, body: object = None, query: Query | None = None) -> Any:
        return self.ask("POST", path, body, query)

    def ask(self, method: str, path: str, body: object = None, query: Query | None = None) -> Any:
        """What is answered, None for nothing. Raises the error that a problem names, and InvalidParameter if the server
        cannot be reached."""
        content = self.raw(method, path, body, query)
        return json.loads(content) if content else None

    def raw(self, method: str, path: str, body: object = None, query: Query | None = None) -> bytes:
        """As `ask`, but as it comes."""
        headers = {**self._pool.headers, **({"Authorization": f"Bearer {self._token}"} if self._token else {})}
        if self.authorisation:
            headers[_AUTHORISATION] = self.authorisation
        sent = None if body is None else json.dumps(body, default=_plain).encode()
        if sent is not None:
            headers["Content-Type"] = "application/json"
        said = {name: value for name, value in (query or {}).items() if value is not None}
        where = f"{self.address}/v1{path}" + (f"?{urlencode(said, doseq=True)}" if said else "")
        try:
            answer = self._pool.request(method, where, body=sent, headers=headers, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            raise InvalidParameter(f"{self.address} cannot be reached: {_reason(error)}.") from error
        if answer.status >= 300:
            raise self._error(answer.status, answer.data)
        return answer.data

    def _error(self, status: int, content: bytes) -> RegardError:
        try:
            said = json.loads(content)
            kind, detail = _ERRORS.get(said["code"], InvalidParameter), str(said["detail"])
        except (ValueError, TypeError, KeyError):
            return InvalidParameter(f"{self.address} answered {status}, and not as Regard does. Check the address.")
        if kind is ExpiredToken and self._token:
            detail = f"{detail} Try `regard sign-in {self.address}`."
        return kind(detail)


def noun(kind: type[Noun], said: Mapping[str, Any], /, **more: Any) -> Noun:
    """A noun of the domain, as the server told it; `more` is what it does not tell."""
    return TypeAdapter(kind).validate_python({**said, **more})


def step(name: str) -> str:
    """A name, as a step of a path."""
    return quote(name, safe="")


def checked(address: str) -> str:
    """A server's address, without a slash at its end. Raises InvalidParameter."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise InvalidParameter(f"{address} is no server's address; write it as https://regard.example.org.")
    if parts.scheme == "http" and not _is_here(parts.hostname):
        raise InvalidParameter(
            f"{address} is not encrypted: your password could be read on the way. Write https://, and see that the "
            "server has a certificate."
        )
    return address.rstrip("/")


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)


def _reason(error: BaseException) -> str:
    """What went wrong, as the system says it, of what urllib3 wraps around it."""
    inner = getattr(error, "reason", None) or error.__cause__ or error
    return str(getattr(inner, "strerror", None) or inner).rstrip(".")


def _kinds() -> Iterator[type[RegardError]]:
    """Every error that has a code of its own."""
    return (each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, RegardError))


#: By the code of a problem.
_ERRORS: Mapping[str, type[RegardError]] = {kind.code.removesuffix("Exception"): kind for kind in _kinds()}
