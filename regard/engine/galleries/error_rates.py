"""Error rates of labelled embeddings, with intervals that know that pictures of one person are not independent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from regard.domain.arrays import BoolArray, FloatArray, IntArray
from regard.domain.evaluations import CurvePoint, ErrorRates, GroupRates, Rate, SearchRates, ThresholdRates
from regard.vision.faces.calibration import Calibration, pair_utilities

#: The rates of false matches that a curve has points for, as far as so many pairs are above them.
_CURVE = (0.1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6)
_LEAST_PAIRS = 10
#: Similarities are counted in steps of a thousandth.
_STEPS = 100_000
#: Rows whose pairs are compared at once.
_BLOCK_ROWS = 512
#: People are drawn so often, with the same numbers each time: one set gives one result.
_DRAWS, _SEED = 1000, 20261128
#: Pairs of people that are drawn at once.
_DRAWN_PAIRS = 20_000
#: 95 of 100, on both sides (the normal distribution's 0.975).
_Z = 1.959964

_IMPOSTORS, _MATES = "pairs of different people", "pairs of one person"
_STRANGERS, _MATED = "searches for people who are not in it", "searches for people who are in it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """N×D unit embeddings, the utilities of the N faces (NaN where not known), and whose they are, as numbers."""

    embeddings: FloatArray
    utilities: FloatArray
    people: IntArray

    def take(self, rows: IntArray | BoolArray) -> Sample:
        numbers = np.unique(self.people[rows], return_inverse=True)[1].astype(np.int64)
        return Sample(embeddings=self.embeddings[rows], utilities=self.utilities[rows], people=numbers)

    @property
    def person_count(self) -> int:
        return int(self.people.max()) + 1 if len(self.people) else 0


def measure(
    sample: Sample,
    labels: Mapping[str, Sequence[str]],
    *,
    calibration: Calibration,
    thresholds: Sequence[float],
    gallery_size: int,
    least_people: int,
) -> ErrorRates:
    """The rates of everybody and of each group of `least_people` or more.

    `labels` holds the operator's labels of the N pictures, by the name of their column; "" is in no group.
    """
    everybody = _of_group(sample, calibration, thresholds)
    groups, withheld = [], []
    for column, values in labels.items():
        of_each = np.array(values, dtype=object)
        for group in sorted(set(values) - {""}):
            chosen = sample.take(np.flatnonzero(of_each == group))
            if chosen.person_count < least_people:
                withheld.append(f"{column}: {group}")
                continue
            groups.append(replace(_of_group(chosen, calibration, thresholds), column=column, group=group))
    searches = _searches(sample, calibration, everybody.thresholds, gallery_size)
    return ErrorRates(everybody=everybody, groups=tuple(groups), withheld=tuple(withheld), searches=searches)


# -- comparisons -------------------------------------------------------------------------------------------------


def _of_group(sample: Sample, calibration: Calibration, thresholds: Sequence[float]) -> GroupRates:
    counts = _Counts(sample, thresholds)
    for rows, similarities in _blocks(sample, calibration):
        counts.add(rows, similarities)
    draws = _draws(sample.person_count)
    at = tuple(
        ThresholdRates(threshold=each, fmr=counts.fmr(each, draws), fnmr=counts.fnmr(each, draws))
        for each in counts.thresholds
    )
    return GroupRates(
        column="",
        group="",
        people=sample.person_count,
        pictures=len(sample.people),
        thresholds=at,
        curve=tuple(counts.curve()),
    )


def _blocks(sample: Sample, calibration: Calibration) -> Iterator[tuple[IntArray, FloatArray]]:
    """The similarities of some rows with all, a block at a time."""
    for start in range(0, len(sample.people), _BLOCK_ROWS):
        rows = np.arange(start, min(start + _BLOCK_ROWS, len(sample.people)))
        cosines = sample.embeddings[rows] @ sample.embeddings.T
        utilities = pair_utilities(sample.utilities[rows, None], sample.utilities[None, :])
        yield rows, calibration.similarity(cosines, utilities)


class _Counts:
    """Counts pairs, each once: by similarity, and by whose they are at each threshold."""

    def __init__(self, sample: Sample, thresholds: Sequence[float]) -> None:
        self.thresholds = sorted(set(thresholds))
        self._people = sample.people
        self._pictures = np.bincount(sample.people, minlength=sample.person_count).astype(np.int64)
        self._impostors = np.zeros(_STEPS + 1, np.int64)
        self._mates = np.zeros(_STEPS + 1, np.int64)
        self._missed = {each: np.zeros(sample.person_count, np.int64) for each in self.thresholds}
        self._matched: dict[float, list[IntArray]] = {each: [] for each in self.thresholds}

    def add(self, rows: IntArray, similarities: FloatArray) -> None:
        people = self._people
        later = np.arange(len(people))[None, :] > rows[:, None]
        same = people[rows][:, None] == people[None, :]
        mates, impostors = later & same, later & ~same
        self._mates += _histogram(similarities[mates])
        self._impostors += _histogram(similarities[impostors])
        for each in self.thresholds:
            reached = similarities >= each
            whose = people[rows[np.nonzero(mates & ~reached)[0]]]
            self._missed[each] += np.bincount(whose, minlength=len(self._pictures))
            first, second = np.nonzero(impostors & reached)
            both = np.sort(np.stack([people[rows[first]], people[second]]), axis=0)
            self._matched[each].append(both)

    def fnmr(self, threshold: float, draws: NDArray[np.float64]) -> Rate:
        missed = self._missed[threshold]
        pairs = self._pictures * (self._pictures - 1) // 2
        drawn = _shares(draws @ missed, draws @ pairs)
        return _rate(int(missed.sum()), int(pairs.sum()), int(np.count_nonzero(pairs)), drawn, _MATES)

    def fmr(self, threshold: float, draws: NDArray[np.float64]) -> Rate:
        pictures = self._pictures.astype(np.float64)
        both, counts = np.unique(np.hstack(self._matched[threshold]), axis=1, return_counts=True)
        matched = np.zeros(len(draws))
        for start in range(0, len(counts), _DRAWN_PAIRS):
            some = slice(start, start + _DRAWN_PAIRS)
            matched += (draws[:, both[0, some]] * draws[:, both[1, some]]) @ counts[some]
        trials = ((draws @ pictures) ** 2 - draws**2 @ pictures**2) / 2  # nobody is compared with themselves
        people, all_pairs = len(self._pictures), (pictures.sum() ** 2 - (pictures**2).sum()) / 2
        units = people * (people - 1) // 2
        return _rate(int(counts.sum()), int(all_pairs), units, _shares(matched, trials), _IMPOSTORS)

    def curve(self) -> Iterator[CurvePoint]:
        """From many false matches to few."""
        impostors, mates = _at_least(self._impostors), _at_least(self._mates)
        if not impostors[0] or not mates[0]:
            return
        for rate in _CURVE:
            wanted = rate * impostors[0]
            if wanted < _LEAST_PAIRS:
                return
            step = int(np.argmax(impostors <= wanted)) if impostors[-1] <= wanted else _STEPS
            yield CurvePoint(
                similarity=100 * step / _STEPS,
                fmr=float(impostors[step] / impostors[0]),
                fnmr=float(1 - mates[step] / mates[0]),
            )


def _histogram(similarities: FloatArray) -> IntArray:
    steps = np.floor(similarities.astype(np.float64) * (_STEPS / 100)).astype(np.int64)
    return np.bincount(np.clip(steps, 0, _STEPS), minlength=_STEPS + 1)


def _at_least(counts: IntArray) -> IntArray:
    """How many are at a step or above it."""
    return np.cumsum(counts[::-1])[::-1]


# -- searches ----------------------------------------------------------------------------------------------------


def _searches(
    sample: Sample, calibration: Calibration, rates: Sequence[ThresholdRates], size: int
) -> tuple[SearchRates, ...]:
    """Searches of galleries with one picture of each person: for somebody else's picture, and for another of theirs."""
    people = sample.person_count
    if people < 2:
        return ()
    enrolled = np.unique(sample.people, return_index=True)[1]  # the first picture of each
    among = min(size, people - 1)
    outcome = _Searched(sample, enrolled, among)
    for rows, similarities in _probed(sample, calibration, enrolled):
        outcome.add(rows, similarities)
    draws = _draws(people)
    return tuple(outcome.rates(each, size, draws) for each in rates)


def _probed(sample: Sample, calibration: Calibration, enrolled: IntArray) -> Iterator[tuple[IntArray, FloatArray]]:
    for start in range(0, len(sample.people), _BLOCK_ROWS):
        rows = np.arange(start, min(start + _BLOCK_ROWS, len(sample.people)))
        cosines = sample.embeddings[rows] @ sample.embeddings[enrolled].T
        utilities = pair_utilities(sample.utilities[rows, None], sample.utilities[None, enrolled])
        yield rows, calibration.similarity(cosines, utilities)


class _Searched:
    """The best stranger and the mate of every picture, among `among` strangers."""

    def __init__(self, sample: Sample, enrolled: IntArray, among: int) -> None:
        self._people, self._among = sample.people, among
        self._best = np.zeros(len(sample.people), np.float32)
        self._mate = np.zeros(len(sample.people), np.float32)
        self._mated = np.ones(len(sample.people), bool)
        self._mated[enrolled] = False
        order = np.random.default_rng(_SEED).permutation(sample.person_count)
        #: One more than are searched: one of them may be whom is searched for.
        self._gallery = order[: among + 1]

    def add(self, rows: IntArray, similarities: FloatArray) -> None:
        own = self._people[rows]
        self._mate[rows] = similarities[np.arange(len(rows)), own]
        strangers = similarities[:, self._gallery]
        mine = self._gallery[None, :] == own[:, None]
        mine[~mine.any(axis=1), -1] = True  # else the last is left out
        self._best[rows] = np.where(mine, -1, strangers).max(axis=1)

    def rates(self, at: ThresholdRates, size: int, draws: NDArray[np.float64]) -> SearchRates:
        reached = self._best >= at.threshold
        missed = self._mated & ((self._mate < at.threshold) | (self._mate < self._best))
        everybody = np.ones(len(reached), bool)
        low, high = (1 - (1 - each) ** size for each in (at.fmr.low, at.fmr.high))
        return SearchRates(
            threshold=at.threshold,
            measured_size=self._among,
            fpir=self._rate(reached, everybody, draws, _STRANGERS),
            fnir=self._rate(missed, self._mated, draws, _MATED),
            gallery_size=size,
            fpir_expected=float(1 - (1 - at.fmr.value) ** size),
            fpir_expected_low=float(low),
            fpir_expected_high=float(high),
        )

    def _rate(self, wrong: BoolArray, tried: BoolArray, draws: NDArray[np.float64], of: str) -> Rate:
        people = draws.shape[1]
        errors = np.bincount(self._people[wrong], minlength=people)
        trials = np.bincount(self._people[tried], minlength=people)
        drawn = _shares(draws @ errors, draws @ trials)
        return _rate(int(errors.sum()), int(trials.sum()), int(np.count_nonzero(trials)), drawn, of)


# -- intervals ---------------------------------------------------------------------------------------------------


def wilson(errors: float, trials: int) -> tuple[float, float]:
    """The 95 % interval of Wilson (1927, Journal of the American Statistical Association 22) for independent trials."""
    if not trials:
        return 0.0, 1.0
    share, square = errors / trials, _Z**2
    middle = (share + square / (2 * trials)) / (1 + square / trials)
    half = _Z / (1 + square / trials) * np.sqrt(share * (1 - share) / trials + square / (4 * trials**2))
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def _draws(people: int) -> NDArray[np.float64]:
    """How often each of the people is drawn when as many are drawn from them; a row for each time."""
    chances = np.full(people, 1 / people)
    return np.random.default_rng(_SEED).multinomial(people, chances, _DRAWS).astype(np.float64)


def _shares(errors: NDArray[np.float64], trials: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(errors[trials > 0] / trials[trials > 0], np.float64)


def _rate(errors: int, trials: int, units: int, drawn: NDArray[np.float64], of: str) -> Rate:
    """A rate with its interval: that of drawing people again and again (a bootstrap over people, for pictures of one
    person err together: Bolle et al., 2004), and Wilson's where that is wider.

    Without an error there is nothing to draw: then only as many trials count as there are people, or pairs of them.
    """
    if not errors:
        low, high = wilson(0, units)
    else:
        low, high = wilson(errors, trials)
        if len(drawn):
            low, high = min(low, float(np.percentile(drawn, 2.5))), max(high, float(np.percentile(drawn, 97.5)))
    return Rate(errors=errors, trials=trials, low=low, high=high, of=of)
