"""A worker that is a thread of this process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic

from regard.engine.work.worker_pool import Item, Processor, Result


class ThisProcess(Generic[Item, Result]):
    """Works in the calling thread. Several share one processor: one decodes while another runs the models."""

    def __init__(self, processor: Processor[Item, Result]) -> None:
        self._processor = processor

    def wait_until_ready(self) -> None:
        self._processor.try_out()

    def __call__(self, items: Sequence[Item], /) -> Sequence[Result]:
        return self._processor(items)

    def end(self) -> None:
        """Does nothing: a thread cannot be stopped; it ends after its current batch."""
