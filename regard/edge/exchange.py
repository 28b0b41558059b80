"""One request and its answer, noted on the way through the server."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter

from regard.domain.callers import Principal
from regard.domain.reporting import RequestRecord
from regard.domain.request_ids import new_request_id
from regard.errors import InternalServerError

#: The code recorded for a client that left before its request was whole.
_CLIENT_LEFT_CODE = "ClientDisconnect"
_CLIENT_LEFT_STATUS = 400


@dataclass(slots=True, kw_only=True)
class Exchange:
    """The door fills in what it learns; `record` is what the observer is told in the end. See RequestRecord."""

    service: str
    request_id: str = field(default_factory=new_request_id)
    operation: str = ""
    principal: Principal | None = None
    waited: float = 0.0
    received: int = 0
    sent: int = 0
    # How it ends if nothing else ends it: the server is stopped halfway.
    status: int = InternalServerError.status
    code: str | None = InternalServerError.code
    detail: str | None = None
    _started: float = field(init=False, default_factory=perf_counter)

    def end(self, status: int, code: str | None, sent: int) -> None:
        """Note the answer: its HTTP status, the code of its error, if it is one, and the bytes of its body."""
        self.status, self.code, self.sent = status, code, sent

    def abandon(self) -> None:
        """Note that the client left before there was an answer."""
        self.end(_CLIENT_LEFT_STATUS, _CLIENT_LEFT_CODE, 0)

    def record(self) -> RequestRecord:
        return RequestRecord(
            request_id=self.request_id,
            service=self.service,
            operation=self.operation,
            principal=self.principal,
            status=self.status,
            code=self.code,
            seconds=perf_counter() - self._started,
            waited=self.waited,
            received=self.received,
            sent=self.sent,
            detail=self.detail,
        )
