"""What people learn from the receipts of their own acts: nothing that a search or a review hides from them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from agency import agency, portrait
from test_case_routes import Desk

from regard.accountability.ledger.ledger_verification import VerifierKey, verify_receipt
from regard.domain.comparisons import COMPONENTS
from regard.domain.people import Role

JUDGED = {"opinion": "same", "components": dict.fromkeys(COMPONENTS, "similar"), "reason": "The ears agree."}


@pytest.fixture(scope="module")
def desk(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with agency(models, tmp_path_factory.mktemp("receipts")) as made:
        made.enrol("suspects", {"eileen": portrait()})
        made.hire("sid", Role.SEARCHER, Role.REVIEWER)
        yield Desk(made)


def body(desk: Desk, name: str, entry: object) -> Any:
    keys = [VerifierKey.parse(each) for each in desk.get("alice", "/ledger/keys")["keys"]]
    return verify_receipt(desk.get(name, f"/ledger/receipts/{entry}")["receipt"], keys).body


def strings(value: Any) -> set[str]:
    """All texts in it that are long enough to tell somebody from others."""
    if isinstance(value, dict):
        return {found for each in value.values() for found in strings(each)}
    if isinstance(value, list):
        return {found for each in value for found in strings(each)}
    return {value} if isinstance(value, str) and len(value) >= 16 else set()


@pytest.mark.control(9, 36, 41)
@pytest.mark.slow
def test_two_searches_for_one_person_have_receipts_with_nothing_of_them_in_common(desk: Desk) -> None:
    first, second = (
        body(desk, "sam", desk.search(portrait(dark=dark))["case"]["receipt"])["facts"] for dark in (0.9, 0.8)
    )
    assert first["case"] != second["case"]
    assert strings(first) & strings(second) == set()
    for step in range(8):
        desk.search(portrait(dark=0.9 - step / 100))
    signs = desk.get("olga", "/incidents/signals")["signals"]
    assert [each["who"] for each in signs if each["kind"] == "same-face"] == [desk.made.people["sam"]]


@pytest.mark.control(41)
def test_who_searches_and_reviews_has_no_receipt_of_a_review_which_would_tell_a_seeded_pair_from_others(
    desk: Desk,
) -> None:
    mine = desk.search(portrait(dark=0.7), "sid")["case"]["receipt"]
    desk.search(portrait(dark=0.9))
    given = desk.ask("sid", "POST", "/reviews/next")
    number = given.said["pair"]["number"]
    done = desk.ask("sid", "POST", f"/reviews/{number}", JUDGED)
    for answer in (given, done):
        entry = answer.headers["x-regard-request-id"]
        refused = desk.ask("sid", "GET", f"/ledger/receipts/{entry}")
        assert refused.status == 403, refused.content
        assert "Ask an auditor" in refused.said["detail"]
        assert body(desk, "alice", entry)["facts"]["review"] == number
    assert body(desk, "sid", mine)["operation"].startswith("POST /v1/collections"), "what else they did, they can prove"
