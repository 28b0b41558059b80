from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from regard.domain.reporting import Meter, RequestRecord
from regard.edge.observer import Observer
from regard.telemetry.instruments import Instrument, Instruments


class Diary(Instrument):
    """Writes down what it is told."""

    def __init__(self, name: str, told: list[tuple[object, ...]]) -> None:
        self._name = name
        self._told = told

    def waiting(self, requests: int) -> None:
        self._told.append((self._name, "waiting", requests))

    @contextmanager
    def performing(self, operation: str, request_id: str, /) -> Iterator[None]:
        self._told.append((self._name, "begins", operation, request_id))
        try:
            yield
        finally:
            self._told.append((self._name, "ends", operation))

    def answered(self, record: RequestRecord) -> None:
        self._told.append((self._name, "answered", record.request_id))

    def model_ran(self, model: str, seconds: float) -> None:
        self._told.append((self._name, "ran", model, seconds))

    def faces_found(self, count: int) -> None:
        self._told.append((self._name, "faces", count))

    def close(self) -> None:
        self._told.append((self._name, "close"))


def tell_all(instrument: Instrument, record: RequestRecord) -> None:
    observer: Observer = instrument
    meter: Meter = instrument
    observer.waiting(3)
    with observer.performing("DetectFaces", "r"):
        meter.model_ran("fr-feature", 0.5)
        meter.faces_found(2)
    observer.answered(record)
    instrument.close()


def test_everything_is_told_to_every_instrument_in_turn(record: Callable[..., RequestRecord]) -> None:
    told: list[tuple[object, ...]] = []
    tell_all(Instruments([Diary("a", told), Instrument(), Diary("b", told)]), record(request_id="r"))
    inner: list[tuple[object, ...]] = [("ran", "fr-feature", 0.5), ("faces", 2)]
    last: list[tuple[object, ...]] = [("answered", "r"), ("close",)]
    assert told == [
        ("a", "waiting", 3),
        ("b", "waiting", 3),
        ("a", "begins", "DetectFaces", "r"),
        ("b", "begins", "DetectFaces", "r"),
        *((name, *what) for what in inner for name in "ab"),
        ("b", "ends", "DetectFaces"),
        ("a", "ends", "DetectFaces"),
        *((name, *what) for what in last for name in "ab"),
    ]


def test_what_an_operation_raises_passes_by_the_instruments() -> None:
    told: list[tuple[object, ...]] = []
    with pytest.raises(KeyError), Instruments([Diary("a", told)]).performing("DetectFaces", "r"):
        raise KeyError
    assert told[-1] == ("a", "ends", "DetectFaces")
