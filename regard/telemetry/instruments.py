"""What every instrument has in common: it is told of each request and each model run, and keeps what it is made for.

Together they are the endpoint's observer and the recognition path's meter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Protocol

from regard.domain.callers import Principal

UNKNOWN = "unknown"
OK = "OK"


class RequestRecord(Protocol):
    """How one request ended, as the endpoint tells it; the endpoint's own type has these too."""

    @property
    def request_id(self) -> str: ...
    @property
    def service(self) -> str: ...
    @property
    def operation(self) -> str: ...
    @property
    def principal(self) -> Principal | None: ...
    @property
    def status(self) -> int: ...
    @property
    def code(self) -> str | None: ...
    @property
    def seconds(self) -> float: ...
    @property
    def waited(self) -> float: ...
    @property
    def received(self) -> int: ...
    @property
    def sent(self) -> int: ...


class Instrument:
    """Told everything, from many threads, and does nothing with it; each kind overrides what it is interested in."""

    def waiting(self, requests: int) -> None:
        """How many requests wait for a thread now."""

    def performing(self, _operation: str, _request_id: str, /) -> AbstractContextManager[object]:
        """Around an operation, in its thread."""
        return nullcontext()

    def answered(self, answer: RequestRecord) -> None:
        """One request has its answer."""

    def model_ran(self, model: str, seconds: float) -> None:
        """A model, by its card's name, ran once, in the thread of the request that needed it."""

    def faces_found(self, count: int) -> None:
        """So many faces were found in the pictures of one call."""

    def close(self) -> None:
        """Nothing more will come: let go of what is held."""


class Instruments(Instrument):
    """Several instruments, told everything in turn."""

    def __init__(self, each: Sequence[Instrument]) -> None:
        self._each = tuple(each)

    def waiting(self, requests: int) -> None:
        for instrument in self._each:
            instrument.waiting(requests)

    @contextmanager
    def performing(self, operation: str, request_id: str, /) -> Iterator[None]:
        with ExitStack() as stack:
            for instrument in self._each:
                stack.enter_context(instrument.performing(operation, request_id))
            yield

    def answered(self, answer: RequestRecord) -> None:
        for instrument in self._each:
            instrument.answered(answer)

    def model_ran(self, model: str, seconds: float) -> None:
        for instrument in self._each:
            instrument.model_ran(model, seconds)

    def faces_found(self, count: int) -> None:
        for instrument in self._each:
            instrument.faces_found(count)

    def close(self) -> None:
        for instrument in self._each:
            instrument.close()
