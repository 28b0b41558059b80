"""The candidates of searches in their order, with their similarities, as they are kept: encrypted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress

from regard.accountability.case_opening import sealed_for
from regard.accountability.secret_box import SecretBox
from regard.domain.cases import CandidateState, CaseCandidate, RankedCandidate, Search
from regard.errors import InvalidParameter
from regard.store.case_rows import CaseRows


class SealedRanks:
    """Reads them; who may is for the caller to know."""

    def __init__(self, rows: CaseRows, box: SecretBox) -> None:
        self._rows = rows
        self._box = box

    def of(self, search: Search) -> list[RankedCandidate]:
        """Best first, without those whose faces were erased. Raises InvalidParameter if they cannot be decrypted."""
        if search.sealed_candidates is None:
            return []
        content = self._box.unseal(search.sealed_candidates, sealed_for(search.id))
        if content is None:
            raise InvalidParameter(
                f"The candidates of the search {search.id} cannot be decrypted: the key file is another one."
            )
        found = self._rows.candidates(search.case_id or "")
        gone = {each.number for each in found if each.state is CandidateState.ERASED}
        return [RankedCandidate(**each) for each in json.loads(content) if each["number"] not in gone]

    def verified(self, searches: Sequence[Search], candidates: Sequence[CaseCandidate]) -> dict[int, RankedCandidate]:
        """Those of `candidates` that are verified, by number."""
        verified = {each.number for each in candidates if each.is_verified}
        found: dict[int, RankedCandidate] = {}
        for search in searches if verified else ():
            with suppress(InvalidParameter):  # with another key file the case can still be read
                found |= {each.number: each for each in self.of(search) if each.number in verified}
        return found
