"""What all instruments have in common: they are told of each request and each model run, and keep what concerns them.

Together they are the observer of the HTTP doors and the meter of the recognition path.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext

from regard.domain.reporting import RequestRecord

UNKNOWN = "unknown"
OK = "OK"


class Instrument:
    """Told everything, from many threads, and ignores it; each kind overrides what concerns it."""

    def waiting(self, requests: int) -> None:
        """How many requests are waiting for a thread now."""

    def performing(self, _operation: str, _request_id: str, /) -> AbstractContextManager[object]:
        """Around an operation, in its thread."""
        return nullcontext()

    def answered(self, record: RequestRecord) -> None:
        """One request has been answered."""

    def model_ran(self, model: str, seconds: float) -> None:
        """The model of that card ran once, in the thread of the request that needed it."""

    def faces_found(self, count: int) -> None:
        """`count` faces were found in the pictures of one call."""

    def close(self) -> None:
        """Release what is held: nothing more will be told."""


class Instruments(Instrument):
    """Several instruments as one: each is told everything, in turn."""

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        self._instruments = tuple(instruments)

    def waiting(self, requests: int) -> None:
        for instrument in self._instruments:
            instrument.waiting(requests)

    @contextmanager
    def performing(self, operation: str, request_id: str, /) -> Iterator[None]:
        with ExitStack() as stack:
            for instrument in self._instruments:
                stack.enter_context(instrument.performing(operation, request_id))
            yield

    def answered(self, record: RequestRecord) -> None:
        for instrument in self._instruments:
            instrument.answered(record)

    def model_ran(self, model: str, seconds: float) -> None:
        for instrument in self._instruments:
            instrument.model_ran(model, seconds)

    def faces_found(self, count: int) -> None:
        for instrument in self._instruments:
            instrument.faces_found(count)

    def close(self) -> None:
        for instrument in self._instruments:
            instrument.close()
