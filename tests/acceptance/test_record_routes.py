"""The ledger and the reports through the native API: read as sentences, verified by whoever has only the answers."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from native import PASSWORD, Office, office

from regard.accountability.ledger.ledger_verification import (
    Checkpoint,
    VerifierKey,
    leaf_hash,
    open_checkpoint,
    report,
    root_from_inclusion,
    verify_receipt,
)
from regard.accountability.ledger.merkle_tree import check_consistency
from regard.accountability.passwords import Passwords

PERIOD = "since=2026-01-01&until=2026-01-02"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("record")) as made:
        made.post("ann", "/collections", {"collection_id": "suspects"})
        made.ask("sam", "GET", "/people")
        yield made


def checkpoint(desk: Office) -> Checkpoint:
    keys = [VerifierKey.parse(each) for each in desk.get("aud", "/ledger/keys")["keys"]]
    return open_checkpoint(desk.post("aud", "/ledger/checkpoint")["note"], keys)


def proof(desk: Office, path: str) -> list[bytes]:
    return [bytes.fromhex(each) for each in desk.get("aud", path)["hashes"]]


def test_entries_are_sentences_with_the_names_of_who_acted(desk: Office) -> None:
    page = desk.get("aud", "/ledger/entries?start=0&count=500")
    assert [each["position"] for each in page["entries"]] == list(range(page["size"]))
    sentences = [each["sentence"] for each in page["entries"]]
    assert "Ann (ann) created the collection suspects." in sentences
    (refused,) = [each for each in sentences if "people who work here" in each]
    assert refused.startswith(
        "Sam (sam) tried to list the people who work here, and was refused: GET /v1/people is refused"
    )
    assert page["names"]["ann-0001"] == "Ann (ann)"


def test_two_people_of_one_name_are_told_apart_in_what_they_did_and_in_what_was_refused(desk: Office) -> None:
    for name, login in (("Una", "una2"), ("una", "una"), ("una", "x9")):
        made = desk.post("ann", "/people", {"name": name, "login": login, "roles": ["overseer"]})
        desk.live.engine.stores.sign_ins.set_password(made["id"], Passwords().hash(PASSWORD), None)
        desk.post(login, "/ledger/checkpoint")
        assert desk.ask(login, "GET", "/health").status == 403
    told = [each["sentence"] for each in desk.get("aud", "/ledger/entries?count=500")["entries"]]
    for who in ("Una (una2)", "una (una)", "una (x9)"):
        mine = [each for each in told if each.startswith(f"{who} ")]
        assert any("checkpoint" in each for each in mine), told
        assert any("was refused" in each for each in mine), told


def test_the_last_entries_are_read_first_and_any_page_after(desk: Office) -> None:
    last = desk.get("aud", "/ledger/entries?count=2")
    assert [each["position"] for each in last["entries"]] == [last["size"] - 2, last["size"] - 1]
    first = desk.get("aud", "/ledger/entries?start=1&count=2")
    assert [each["position"] for each in first["entries"]] == [1, 2]
    for beyond in (1_000_000, 2**63 - 1):
        assert desk.get("aud", f"/ledger/entries?start={beyond}")["entries"] == []
    assert desk.ask("aud", "GET", "/ledger/entries?count=501").status == 422


@pytest.mark.control(24)
def test_whoever_has_a_page_a_checkpoint_and_proofs_verifies_every_entry_of_it(desk: Office) -> None:
    signed = checkpoint(desk)
    entries = desk.get("aud", f"/ledger/entries?start=0&count={signed.size}")["entries"]
    for each in entries:
        leaf = hashlib.sha256(bytes.fromhex(each["salt"]) + each["body"].encode()).digest()
        assert leaf.hex() == each["leaf"]
        path = proof(desk, f"/ledger/inclusion?position={each['position']}&size={signed.size}")
        assert root_from_inclusion(leaf_hash(leaf), each["position"], signed.size, path) == signed.root


def test_two_checkpoints_are_proved_to_be_of_one_ledger(desk: Office) -> None:
    before, after = checkpoint(desk), checkpoint(desk)
    assert before.size < after.size
    path = proof(desk, f"/ledger/consistency?first={before.size}&second={after.size}")
    check_consistency(before.size, after.size, before.root, after.root, path)


@pytest.mark.parametrize(
    "asked",
    [
        "inclusion?position=0&size=1000000",
        "inclusion?position=5&size=5",
        "consistency?first=3&second=2",
        "consistency?first=0&second=1000000",
        "receipts/no-such-request",
    ],
)
def test_what_is_not_there_is_not_proved(desk: Office, asked: str) -> None:
    assert desk.ask("aud", "GET", f"/ledger/{asked}").status == 400


def test_a_request_is_proved_by_its_id(desk: Office) -> None:
    said = desk.ask("ann", "GET", "/collections/suspects")
    receipt = desk.get("ove", f"/ledger/receipts/{said.headers['x-regard-request-id']}")["receipt"]
    keys = [VerifierKey.parse(each) for each in desk.get("ove", "/ledger/keys")["keys"]]
    assert verify_receipt(receipt, keys).body["operation"] == "GET /v1/collections/{collection_id}"


@pytest.mark.control(36, 41)
def test_a_searcher_has_the_receipts_of_what_they_did_and_of_nothing_else(desk: Office) -> None:
    """A receipt has all that the entry says: a purpose, an opinion, who acted."""
    others = desk.ask("ann", "GET", "/collections/suspects").headers["x-regard-request-id"]
    mine = desk.ask("sam", "GET", "/collections/suspects").headers["x-regard-request-id"]
    refused = desk.ask("sam", "GET", "/ledger/entries")
    assert refused.status == 403
    keys = [VerifierKey.parse(each) for each in desk.get("sam", "/ledger/keys")["keys"]]
    for own in (mine, refused.headers["x-regard-request-id"]):
        assert verify_receipt(desk.get("sam", f"/ledger/receipts/{own}")["receipt"], keys).body["act"] == own
    size = desk.get("aud", "/ledger/entries?count=1")["size"]
    for entry in (others, *range(size + 2)):
        said = desk.ask("sam", "GET", f"/ledger/receipts/{entry}")
        if said.status == 200:
            assert verify_receipt(said.json["receipt"], keys).body["who"]["name"] == "Sam"
        else:
            assert (said.status, "for whoever did what it says" in said.json["detail"]) == (403, True)
    assert desk.ask("sam", "GET", f"/ledger/receipts/{others}").status == 403
    assert desk.ask("aud", "GET", f"/ledger/receipts/{mine}").status == 200


def test_an_export_is_verified_by_whoever_has_it_and_a_key(desk: Office, tmp_path: Path) -> None:
    before = desk.get("aud", "/ledger/entries?count=1")["size"]
    said = desk.ask("aud", "GET", "/ledger/export")
    assert (said.status, said.headers["content-type"]) == (200, "application/x-tar")
    with tarfile.open(fileobj=BytesIO(said.content)) as tar:
        tar.extractall(tmp_path, filter="data")
    keys = desk.get("aud", "/ledger/keys")["keys"]
    assert f"{before + 2} entries" in report(tmp_path / "ledger", keys)
    assert desk.ask("sam", "GET", "/ledger/export").status == 403


def test_reading_the_ledger_is_an_entry_of_it(desk: Office) -> None:
    size = desk.get("aud", "/ledger/entries?count=1")["size"]
    after = desk.get("aud", f"/ledger/entries?start={size}&count=1")
    assert after["entries"][0]["said"]["operation"] == "GET /v1/ledger/entries"


# -- reports --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "media", "begins"),
    [
        ("json", "application/json", b"{"),
        ("html", "text/html; charset=utf-8", b"<!"),
        ("csv", "text/csv; charset=utf-8", b'"'),
    ],
)
def test_a_report_comes_in_the_form_that_is_asked_for(desk: Office, form: str, media: str, begins: bytes) -> None:
    said = desk.ask("aud", "GET", f"/reports/accountability?form={form}")
    assert (said.status, said.headers["content-type"]) == (200, media)
    assert said.content.lstrip().startswith(begins)
    shown = "inline" if form == "html" else "attachment"
    assert said.headers["content-disposition"] == f'{shown}; filename="accountability-report.{form}"'
    assert "sandbox" in said.headers["content-security-policy"]


def test_a_period_is_audited_and_published_once(desk: Office) -> None:
    audit = desk.get("aud", f"/reports/audit?{PERIOD}")
    assert (audit["searches"], audit["exceptions"]) == (0, [])
    published = desk.post("ove", "/reports/transparency", {"since": "2026-01-01", "until": "2026-01-31"})
    again = desk.post("ove", "/reports/transparency", {"since": "2026-01-01", "until": "2026-01-31"})
    assert published["report"] == again["report"]
    overlapping = desk.ask("ove", "POST", "/reports/transparency", {"since": "2026-01-15", "until": "2026-02-15"})
    assert (overlapping.status, "subtract them" in overlapping.json["detail"]) == (400, True)
    assert (
        desk.ask("aud", "POST", "/reports/transparency", {"since": "2026-01-01", "until": "2026-01-31"}).status == 403
    )


def test_a_sign_and_a_form_for_an_assessment_are_made(desk: Office) -> None:
    sign: Any = {"place": "North gate", "since": "2026-12-01T08:00:00Z", "until": "2026-12-01T18:00:00Z"}
    assert b"North gate" in desk.ask("ove", "POST", "/reports/notice?form=html", sign).content
    assert desk.get("ann", "/reports/assessment")["report"] == "assessment"
    assert desk.ask("ove", "POST", "/reports/notice", sign | {"until": sign["since"]}).status == 400


def test_a_case_that_there_is_not_has_no_report(desk: Office) -> None:
    for path in ("cases/case-1", "cases/case-1/proofs", "warrants/case-1"):
        refused = desk.ask("aud", "GET", f"/reports/{path}")
        assert (refused.status, "case-1" in refused.json["detail"]) in ((400, True), (404, True)), path
    assert desk.ask("aud", "GET", '/reports/searches/"a"').status == 422
