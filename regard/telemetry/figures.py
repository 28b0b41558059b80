"""One reading of the metrics, for people: the same figures that Prometheus gets, with their quantiles."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from regard.domain.health import IndexSize, ModelRuns, OperationLoad
from regard.telemetry.instruments import OK

_REQUESTS, _SECONDS, _RUNS = "regard_requests_total", "regard_request_duration_seconds", "regard_model_run_seconds"
#: The codes that are the server's fault.
_FAULTS = frozenset({"InternalServerError", "ServiceUnavailable"})


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    labels: Mapping[str, str]
    value: float


class Figures:
    """What was read at one moment."""

    def __init__(self, figures: Iterable[Figure]) -> None:
        self._by_name: dict[str, list[Figure]] = defaultdict(list)
        for each in figures:
            self._by_name[each.name].append(each)

    def value(self, name: str) -> float | None:
        """The sum of a figure over its labels; None if there is none of that name on this system."""
        found = self._by_name.get(name)
        return None if found is None else sum(each.value for each in found)

    def whole(self, name: str) -> int | None:
        """The same as a whole number."""
        found = self.value(name)
        return None if found is None or not math.isfinite(found) else int(found)

    def by(self, name: str, label: str) -> dict[str, float]:
        """A figure by one of its labels."""
        found: dict[str, float] = defaultdict(float)
        for each in self._by_name.get(name, ()):
            found[each.labels[label]] += each.value
        return dict(found)

    def indexes(self) -> list[IndexSize]:
        memory = self.by("regard_index_bytes", "index")
        vectors = self.by("regard_index_vectors", "index")
        return [IndexSize(name=name, vectors=int(vectors[name]), memory=int(memory[name])) for name in sorted(vectors)]

    def models(self) -> list[ModelRuns]:
        runs, seconds = self.by(f"{_RUNS}_count", "model"), self.by(f"{_RUNS}_sum", "model")
        return [
            ModelRuns(model=name, runs=int(count), mean=seconds[name] / count)
            for name, count in sorted(runs.items())
            if count
        ]

    def operations(self) -> list[OperationLoad]:
        """Each operation that was answered, the busiest first."""
        sums = {_who(each.labels): each.value for each in self._by_name.get(f"{_SECONDS}_sum", ())}
        buckets: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
        for each in self._by_name.get(f"{_SECONDS}_bucket", ()):
            buckets[_who(each.labels)].append((float(each.labels["le"]), each.value))
        failed: dict[tuple[str, str], float] = defaultdict(float)
        for each in self._by_name.get(_REQUESTS, ()):
            if each.labels["code"] != OK and each.labels["code"] in _FAULTS:
                failed[_who(each.labels)] += each.value
        found = [_load(who, rising, sums[who], failed[who]) for who, rising in buckets.items() if rising[-1][1]]
        return sorted(found, key=lambda each: (-each.answered, each.operation))


def _who(labels: Mapping[str, str]) -> tuple[str, str]:
    return labels["service"], labels["operation"]


def _load(who: tuple[str, str], rising: Sequence[tuple[float, float]], total: float, failed: float) -> OperationLoad:
    count = rising[-1][1]
    return OperationLoad(
        service=who[0],
        operation=who[1],
        answered=int(count),
        failed=int(failed),
        mean=total / count,
        p50=quantile(rising, 0.5),
        p95=quantile(rising, 0.95),
        p99=quantile(rising, 0.99),
    )


def quantile(rising: Sequence[tuple[float, float]], share: float) -> float:
    """The value that so many are at most, linear within a bucket as Prometheus's `histogram_quantile` has it; `rising`
    are the buckets' upper ends and how many are at most that. Beyond the last finite end it is that end."""
    wanted = share * rising[-1][1]
    for (low, below), (high, until) in pairwise([(0.0, 0.0), *rising]):
        if until >= wanted:
            return low if math.isinf(high) else low + (high - low) * (wanted - below) / max(until - below, 1e-9)
    return rising[-1][0]
