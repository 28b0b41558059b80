"""One connection to a Milvus, for all threads: what it takes to be asked and its faults in words. pymilvus' only door.

pymilvus is the extra `regard[milvus]`, so that it loads only where a Milvus is named.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from types import ModuleType
from typing import Any, TypeVar
from urllib.parse import urlsplit

from regard.errors import InternalServerError, SettingsError

T = TypeVar("T")

_SCHEMES = ("http", "https", "tcp", "unix")
#: Seconds between tries, the last one as often as time allows.
_PAUSE_SECONDS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
#: What Milvus answers while it starts, loads or moves things, beside what it calls retriable (pkg/util/merr/errors.go).
_PASSING = {2, 3, 4, 8, 101, 103, 106, 400, 500, 501, 502, 503, 600, 601, 602, 603, 901, 902, 903, 904, 905}
#: gRPC's word for a call that took longer than it might.
_LATE = "DEADLINE_EXCEEDED"
_NO_COLLECTION = 100


class MilvusFault(InternalServerError):
    """Milvus does not answer as it should."""


class MilvusEmptied(MilvusFault):
    """What was kept in Milvus is not there any more."""

    def __init__(self, where: str) -> None:
        super().__init__(
            f"Milvus at {where} lacks what was kept there: it was emptied. Regard fills it from the database; "
            "try again."
        )


class Consistency(StrEnum):
    """What a search sees: every write before it; those up to the `moment` that it was told; what is there already,
    up to some seconds old; or whatever there is."""

    STRONG = "Strong"
    SESSION = "Session"
    BOUNDED = "Bounded"
    EVENTUALLY = "Eventually"


@dataclass(frozen=True, slots=True, kw_only=True)
class MilvusOptions:
    """Where a Milvus is and how it is asked. `uri`: https://host:19530, or a file that ends in .db, for milvus-lite.

    `token`: user:password, or a key. `timeout`: seconds that one question may take, tries included. Raises
    SettingsError.
    """

    uri: str
    token: str = field(default="", repr=False)
    database: str = ""
    consistency: Consistency = Consistency.STRONG
    timeout: float = 10

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.uri)
            known = self.uri.endswith(".db") or (parts.scheme in _SCHEMES and parts.port != 0)
        except ValueError:
            known = False
        if not known:  # unsaid, for it may hold a password
            raise SettingsError("That is no address of a Milvus; one looks like http://host:19530.")

    @property
    def where(self) -> str:
        """The address, without whatever is secret in it."""
        parts = urlsplit(self.uri)
        return parts._replace(netloc=parts.netloc.rpartition("@")[-1]).geturl()


class Milvus:
    """Connects at the first call. Safe to call from many threads at once."""

    def __init__(self, options: MilvusOptions) -> None:
        """Raises SettingsError where pymilvus is not installed."""
        self._library, self._grpc = _libraries()
        self._options = options
        self._lock = threading.Lock()
        self._client: Any = None

    @property
    def where(self) -> str:
        return self._options.where

    @property
    def library(self) -> ModuleType:
        """pymilvus, for its descriptions of schemas and indexes."""
        return self._library

    def close(self) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def clock(self) -> int:
        """Now, as Milvus tells time: whatever was written before is at or before it. 0 where there is no clock."""
        # pymilvus' own client has no method for it; a deletion's answer has no time either.
        return int(self._tried(lambda client: client._get_connection().alloc_timestamp(timeout=self._options.timeout)))

    def call(self, method: str, *args: Any, timeout: float = 0, **options: Any) -> Any:
        """A method of `pymilvus.MilvusClient`, again while Milvus is not ready: it must do no harm twice.

        Raises MilvusEmptied for a collection that is not there, MilvusFault for any other fault.
        """
        patience = max(timeout, self._options.timeout)
        return self._tried(lambda client: getattr(client, method)(*args, timeout=patience, **options), patience)

    def _tried(self, ask: Callable[[Any], T], patience: float = 0) -> T:
        end = time.monotonic() + max(patience, self._options.timeout)
        tries = 0
        while True:
            try:
                return ask(self._connected())
            except (self._library.MilvusException, self._grpc.RpcError) as error:
                pause = _PAUSE_SECONDS[min(tries, len(_PAUSE_SECONDS) - 1)]
                if not _passes(error) or time.monotonic() + pause > end:
                    raise self._fault(error) from error
            tries += 1
            time.sleep(pause)

    def _connected(self) -> Any:
        if (client := self._client) is not None:
            return client
        timeout = self._options.timeout
        if not self._lock.acquire(timeout=timeout):
            raise MilvusFault(self._said("no connection in time"))
        try:
            if self._client is None:
                options = {"token": self._options.token, "db_name": self._options.database, "timeout": timeout}
                self._client = self._library.MilvusClient(self._options.uri, **options)
            return self._client
        finally:
            self._lock.release()

    def _fault(self, error: Any) -> MilvusFault:
        if _code(error) == _NO_COLLECTION:
            return MilvusEmptied(self._options.where)
        return MilvusFault(self._said(_message(error)))

    def _said(self, reason: str) -> str:
        secret = self._options.token
        hidden = reason.replace(secret, "…") if secret else reason
        return (
            f"Milvus at {self._options.where} failed: {hidden}. "
            "Check that it runs, may be reached and knows the token, then try again."
        )


def _libraries() -> tuple[ModuleType, ModuleType]:
    try:
        import grpc  # noqa: PLC0415 - an extra
        import pymilvus  # noqa: PLC0415
    except ImportError as error:
        raise SettingsError("An index in Milvus needs pymilvus: pip install 'regard[milvus]'") from error
    # It writes a traceback for each fault that it raises, and what it raises is told here.
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
    return pymilvus, grpc


def _passes(error: Any) -> bool:
    """Whether the same question may be answered later."""
    return bool(getattr(error, "retriable", False)) or _code(error) in _PASSING


def _code(error: Any) -> Any:
    """Milvus' number, or gRPC's word."""
    code = error.code() if callable(error.code) else error.code
    return getattr(code, "name", code)


def _message(error: Any) -> str:
    if _code(error) == _LATE:
        return "no answer in time"
    details = error.details() if callable(getattr(error, "details", None)) else error.message
    return str(details).strip().rstrip(".")
