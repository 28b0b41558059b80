"""Customers who ask at a steady rate, whether the server keeps up or not, and what they lived through."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.customer import Customer
from benchmarks.signed_client import CallFailed


class Call(NamedTuple):
    """One request. `seconds` count from when it was due, so that waiting behind a slow one is not hidden."""

    due: float
    kind: str
    seconds: float
    error: str | None


class Workforce:
    """A thread for each customer, from `start` to `stop`; together they ask `rate` times a second."""

    def __init__(self, customers: Sequence[Customer], rate: float) -> None:
        self._customers = customers
        self._interval = len(customers) / rate
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []
        self._calls: list[Call] = []

    def start(self) -> None:
        self._ended.clear()
        self._threads = [threading.Thread(target=self._work, args=[each], daemon=True) for each in self._customers]
        for thread in self._threads:
            thread.start()

    def stop(self) -> list[Call]:
        """What was asked since the start, once every customer has an answer."""
        self._ended.set()
        for thread in self._threads:
            thread.join()
        calls, self._calls = self._calls, []
        return calls

    def _work(self, customer: Customer) -> None:
        due = time.monotonic() + random.random() * self._interval  # noqa: S311
        while not self._ended.wait(max(0, due - time.monotonic())):
            kind, error = customer.pick(), None
            try:
                customer.act(kind)
            except CallFailed as failed:
                error = str(failed)
            self._calls.append(Call(due, kind, time.monotonic() - due, error))
            due += self._interval


def percentile(calls: Sequence[Call], share: float) -> float:
    """Milliseconds within which this share of the calls was done; NaN if there are none."""
    taken = sorted(call.seconds for call in calls)
    return 1e3 * taken[min(len(taken) - 1, int(share * len(taken)))] if taken else float("nan")
