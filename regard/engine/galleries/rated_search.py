"""Searching by Similarity in an index that knows only cosines: for a poor probe it depends on the candidate too."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from regard.domain.arrays import FloatArray, IntArray
from regard.domain.galleries import Hits
from regard.vision.faces.calibration import GOOD, Calibration, pair_utilities

#: Probes, how many hits of each, the least cosine: the hits, best first.
Search = Callable[[FloatArray, int, float], list[Hits]]
#: Keys of candidates to their utilities, NaN where not known.
Utilities = Callable[[IntArray], FloatArray]
#: Key, cosine, Similarity.
Ranked = list[tuple[int, float, float]]
#: How many times as many candidates are looked at in each further try.
_MORE = 4
#: The most candidates that are looked at for one poor probe, as many as Milvus gives at once.
_MOST = 16_384


class RatedSearch:
    """A search for all that may reach a Similarity of `threshold`, 0 to 100."""

    def __init__(self, calibration: Calibration, search: Search, threshold: float) -> None:
        self._calibration = calibration
        self._search = search
        # That of good faces: poor ones need a higher cosine.
        self._least = -1.0 if threshold <= 0 else calibration.cosine(threshold) - 1e-6

    def ranked(
        self, probes: FloatArray, probe_utilities: FloatArray | None, most: int, utilities: Utilities
    ) -> list[Ranked]:
        """Up to `most` candidates for each M×D probe, best first. A good probe's pairs are as good whatever the
        candidate; for a poor one the candidates are looked up."""
        found = self._search(probes, most, self._least)
        rated = np.full(len(probes), np.nan) if probe_utilities is None else probe_utilities
        return [
            self._looked_up(probes[row], float(rated[row]), hits, most, utilities)
            if rated[row] < GOOD and len(hits.keys)
            else _listed(hits, self._calibration.similarity(hits.cosines))
            for row, hits in enumerate(found)
        ]

    def _looked_up(self, probe: FloatArray, utility: float, hits: Hits, most: int, utilities: Utilities) -> Ranked:
        """The best by Similarity. More and more candidates are asked for, up to _MOST, until none left could be
        better."""
        limit = most
        while True:
            pairs = pair_utilities(utility, utilities(hits.keys))
            similarities = self._calibration.similarity(hits.cosines, pairs)
            order = np.argsort(-similarities, kind="stable")[:most]
            left_at_best = float(self._calibration.similarity(hits.cosines[-1:])[0])
            if len(hits.keys) < limit or limit >= _MOST or similarities[order[-1]] >= left_at_best:
                chosen = Hits(keys=hits.keys[order], cosines=hits.cosines[order])
                return _listed(chosen, similarities[order])
            limit = min(limit * _MORE, _MOST)
            (hits,) = self._search(probe[None], limit, self._least)


def _listed(hits: Hits, similarities: FloatArray) -> Ranked:
    return list(zip(hits.keys.tolist(), hits.cosines.tolist(), similarities.tolist(), strict=True))
