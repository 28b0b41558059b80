"""What is kept for longer than the rules allow goes: from SQL, from the index, with a receipt and an entry."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from safekeeping import MakeSafe, Safe, ruled

from regard.accountability.ledger.ledger_access import LedgerAccess
from regard.accountability.profiles.catalogue import OPEN, in_force
from regard.accountability.profiles.rules import RetentionRules
from regard.accountability.sweeper import Sweeper
from regard.domain.authority import Action
from regard.domain.user_acts import UserActKind
from regard.engine.galleries.user_record import moves
from regard.errors import AccessDenied, InternalServerError
from regard.store.idempotency_rows import IdempotencyRows
from regard.store.ledger_rows import LedgerRows
from regard.store.receipt_rows import ReceiptRows
from regard.store.tables.cases import face_pictures
from regard.store.tables.retention import enrolment_terms, erasure_receipts
from regard.store.upload_rows import UploadRows
from regard.store.user_act_rows import UserActRows

SQLITE = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
BASED = ruled(enrolment_basis=True, retention={"faces_days": 30})


# -- faces -----------------------------------------------------------------------------------------------------------


@pytest.mark.control(21, 22)
def test_a_face_whose_time_is_over_is_erased_with_a_receipt_and_an_entry(safe_under: MakeSafe) -> None:
    safe = safe_under(BASED)
    staff = safe.collection()
    old = safe.enrolled(staff, "ada", "bea")
    safe.later(days=20)
    (new,) = safe.enrolled(staff, "eve", seed=1)
    safe.later(days=10, seconds=1)
    safe.followed.clear()
    assert safe.sweep() == {"faces": 2}
    assert safe.held(staff) == [new.face_id]
    assert safe.followed == ["staff"]
    (receipt,) = safe.rows(erasure_receipts)
    assert (receipt["kind"], receipt["erased_by"], receipt["erased_at"]) == ("faces", None, safe.now)
    assert sorted(receipt["facts"]["faces"]) == sorted(each.face_id for each in old)
    entry = json.loads(safe.entries()[-1] or b"")
    assert (entry["operation"], entry["channel"], entry["collection"]) == ("sweep", "worker", "staff")
    assert entry["facts"]["receipt"] == receipt["id"]
    assert [each["face_id"] for each in safe.rows(enrolment_terms)] == [new.face_id]
    before = len(safe.entries())
    assert safe.sweep() == {}
    assert len(safe.entries()) == before


@SQLITE
@pytest.mark.control(21)
def test_a_face_that_is_matched_is_kept_and_one_that_is_not_goes(safe_under: MakeSafe) -> None:
    safe = safe_under(ruled(enrolment_basis=True, retention={"faces_days": 100, "faces_unused_days": 10}))
    staff = safe.collection()
    used, unused = safe.enrolled(staff, "ada", "bea")
    safe.later(days=9)
    with safe.may(Action.SEARCH, "staff", threshold=80) as grant:
        safe.terms.used(grant, staff, [used.face_id])
    safe.later(days=2)
    assert safe.sweep() == {"faces": 1}
    assert safe.held(staff) == [used.face_id]
    for _ in range(20):
        safe.later(days=5)
        with safe.may(Action.SEARCH, "staff", threshold=80) as grant:
            safe.terms.used(grant, staff, [used.face_id])
    assert safe.sweep() == {"faces": 1}, "a hundred days are a hundred days, however often it is matched"
    assert unused.face_id not in safe.held(staff)


@SQLITE
@pytest.mark.control(21)
def test_faces_from_before_the_rules_and_rules_that_become_stricter_are_no_way_round(safe_under: MakeSafe) -> None:
    safe = safe_under(OPEN)
    staff = safe.collection()
    safe.enrolled(staff, "ada")
    assert safe.rows(enrolment_terms) == []
    strict = Safe(safe.database, BASED)
    strict.now = safe.now + timedelta(days=29)
    strict.enrolled(staff, "bea", seed=1)
    assert strict.sweep() == {}
    strict.later(days=2)
    assert strict.sweep() == {"faces": 1}
    stricter = Safe(safe.database, ruled(enrolment_basis=True, retention={"faces_days": 1}))
    stricter.now = strict.now
    assert stricter.sweep() == {"faces": 1}
    assert stricter.held(staff) == []


@SQLITE
def test_under_the_open_profile_nothing_has_a_time(safe_under: MakeSafe) -> None:
    safe = safe_under(OPEN)
    staff = safe.collection()
    safe.enrolled(staff, "ada")
    safe.later(days=5000)
    assert safe.sweep() == {}
    assert len(safe.held(staff)) == 1
    assert safe.entries() == []


def test_a_user_is_made_of_the_faces_that_are_left_and_goes_with_the_last(safe_under: MakeSafe) -> None:
    safe = safe_under(BASED)
    staff = safe.collection()
    (first,) = safe.enrolled(staff, "ada")
    safe.later(days=10)
    (second,) = safe.enrolled(staff, "ada", seed=1)
    safe.users.create(staff.key, "user", safe.now)
    with safe.users.changing(staff.key, "user") as change:
        change.join([first.key, second.key])
        rows = change.embeddings()
        assert rows is not None
        change.set_vector(rows.mean(axis=0))
    safe.later(days=21)
    assert safe.sweep() == {"faces": 1}
    vector, kept = safe.users.vector(staff.key, "user"), safe.face_rows.embedding(staff.key, second.face_id)
    assert vector is not None
    assert kept is not None
    assert float(vector @ kept) == pytest.approx(1, abs=1e-3)
    safe.later(days=10)
    assert safe.sweep() == {"faces": 1}
    assert safe.users.page(staff.key, 0, 10) == []


@SQLITE
def test_what_hangs_on_a_face_goes_with_it_also_when_it_is_deleted_by_hand(safe_under: MakeSafe) -> None:
    safe = safe_under(BASED)
    staff = safe.collection()
    (face,) = safe.enrolled(staff, "ada")
    with safe.database.write() as connection:
        row = {"collection_key": staff.key, "face_id": face.face_id, "sealed": b"sealed"}
        connection.execute(face_pictures.insert().values(row))
    safe.face_rows.delete(staff.key, [face.face_id])
    assert safe.rows(face_pictures) == safe.rows(enrolment_terms) == []


# -- what else is kept ------------------------------------------------------------------------------------------------


@pytest.mark.control(51)
def test_entries_go_after_their_days_and_never_before_the_least(safe_under: MakeSafe) -> None:
    safe = safe_under(ruled(retention={"ledger_days": 10, "ledger_least_days": 100}))
    for _ in range(3):
        with safe.may(Action.READ):
            pass
        safe.later(days=30)
    assert safe.sweep() == {}
    safe.later(days=11)
    assert safe.sweep() == {"ledger": 1}
    assert [body is None for body in safe.entries()[:3]] == [True, False, False]
    safe.later(days=60)
    assert safe.sweep() == {"ledger": 2}
    assert ReceiptRows(safe.database).entries_erased() == 3
    assert safe.sweep() == {}


@SQLITE
@pytest.mark.control(51)
def test_entries_are_not_erased_by_hand_before_the_least_either(safe_under: MakeSafe) -> None:
    safe = safe_under(ruled(retention={"ledger_least_days": 183}))
    access = LedgerAccess(LedgerRows(safe.database), lambda: pytest.fail("no key is needed"))
    now = datetime.now(UTC)
    with safe.may(Action.DELETE) as grant:
        with pytest.raises(AccessDenied, match="keeps what entries say for 183 days at least"):
            access.erase(grant, now - timedelta(days=182), "a test")
        assert access.erase(grant, now - timedelta(days=184), "a test") == 0


@SQLITE
def test_answers_to_requests_with_a_token_go_after_seven_days(safe_under: MakeSafe) -> None:
    safe = safe_under(OPEN)
    answers = IdempotencyRows(safe.database)
    for number in range(450):
        answers.once(("k", "o", str(number)), "f", dict, now=safe.now, since=safe.now - timedelta(days=7))
    safe.later(days=6)
    answers.once(("k", "o", "new"), "f", dict, now=safe.now, since=safe.now - timedelta(days=7))
    safe.later(days=1)
    assert safe.sweep() == {"answers": 450}
    assert not answers.any(safe.now - timedelta(days=7))
    assert answers.any(safe.now)


@SQLITE
def test_what_can_be_undone_and_files_without_faces_go_after_thirty_days(safe_under: MakeSafe) -> None:
    safe = safe_under(OPEN)
    staff = safe.collection()
    (face,) = safe.enrolled(staff, "ada")
    acts, files = UserActRows(safe.database), UploadRows(safe.database)
    acts.add(staff.key, UserActKind.GIVE, "ada", moves([face.key], None, "ada"), "sam", safe.now)
    files.add(staff.key, "a" * 64, [], safe.now)
    safe.later(days=29, hours=23)
    assert safe.sweep() == {}
    safe.later(hours=1)
    assert safe.sweep() == {"acts": 2}
    assert safe.sweep() == {}
    assert safe.rows(erasure_receipts, kind="acts")[0]["facts"] == {"count": 2}


# -- the sweep itself -------------------------------------------------------------------------------------------------


def test_a_sweep_that_fails_in_the_middle_leaves_neither_half_and_the_next_goes_on(
    safe_under: MakeSafe, monkeypatch: pytest.MonkeyPatch
) -> None:
    safe = safe_under(BASED)
    staff = safe.collection()
    safe.enrolled(staff, *map(str, range(450)))
    safe.later(days=31)
    add, calls = ReceiptRows.add, []

    def full(rows: ReceiptRows, new: object) -> None:
        calls.append(new)
        if len(calls) == 2:
            raise InternalServerError("The disk is full.")
        add(rows, new)  # type: ignore[arg-type]

    monkeypatch.setattr(ReceiptRows, "add", full)
    with pytest.raises(InternalServerError, match="The disk is full"):
        safe.sweep()
    assert len(safe.held(staff)) == 250
    assert [len(each["facts"]["faces"]) for each in safe.rows(erasure_receipts)] == [200]
    assert safe.sweep() == {"faces": 250}
    assert sum(len(each["facts"]["faces"]) for each in safe.rows(erasure_receipts)) == 450


@SQLITE
def test_a_clock_that_was_set_back_erases_nothing(safe_under: MakeSafe) -> None:
    safe = safe_under(BASED)
    staff = safe.collection()
    safe.enrolled(staff, "ada")
    safe.later(days=31)
    with safe.may(Action.READ):
        pass
    safe.later(seconds=-60)
    with pytest.raises(InternalServerError, match="60 seconds behind the ledger's last entry"):
        safe.sweep()
    assert len(safe.held(staff)) == 1


@SQLITE
def test_a_clock_that_jumps_while_the_server_runs_is_not_believed(
    safe_under: MakeSafe, caplog: pytest.LogCaptureFixture
) -> None:
    safe = safe_under(BASED)
    staff = safe.collection()
    safe.enrolled(staff, "ada")
    safe.later(days=31)
    assert safe.sweeper.sweep() == 0
    assert safe.sweeper.sweep() == 0
    assert caplog.text.count("has jumped by 2678400 seconds") == 1
    again = Safe(safe.database, BASED)
    again.now = safe.now
    again.sweeper = Sweeper(again.gate, again.retention, ReceiptRows(safe.database), again.clock)
    assert again.sweeper.sweep() == 1, "whoever starts the server anew has looked at the clock"


def test_of_two_servers_one_sweeps(safe_under: MakeSafe) -> None:
    rows = ReceiptRows(safe_under(OPEN).database)
    other = ReceiptRows(safe_under(OPEN).database)
    now = safe_under(OPEN).now
    minute = timedelta(minutes=1)
    assert rows.take_turn("look", now, now - minute)
    assert not other.take_turn("look", now, now - minute)
    assert other.take_turn("look", now + minute, now)
    assert not rows.take_turn("look", now + minute, now)
    assert rows.take_turn("look", now - timedelta(days=1), now - timedelta(days=2)), "the clock was set back"


@SQLITE
def test_one_that_cannot_be_erased_keeps_no_other(safe_under: MakeSafe, monkeypatch: pytest.MonkeyPatch) -> None:
    safe = safe_under(BASED)
    first, second = safe.collection("first"), safe.collection("second")
    safe.enrolled(first, "ada")
    safe.enrolled(second, "bea", seed=1)
    safe.later(days=31)
    monkeypatch.setattr(type(safe.sweeper), "_jumped", lambda *_: False)
    erase = safe.receipts.erasing.faces

    def stubborn(collection: object, ids: object) -> list[str]:
        if collection == first:
            raise InternalServerError("Row damaged.")
        return erase(collection, ids)  # type: ignore[arg-type]

    monkeypatch.setattr(safe.receipts.erasing, "faces", stubborn)
    assert safe.sweeper.sweep() == 1
    assert (len(safe.held(first)), safe.held(second)) == (1, [])


def test_the_rules_of_retention_have_a_clock_for_each_class() -> None:
    assert set(RetentionRules.model_fields) == {
        *("faces_days", "faces_unused_days", "watchlist_hours", "false_candidates_days", "cases_days"),
        *("jobs_days", "ledger_least_days", "ledger_days"),
    }


@SQLITE
@pytest.mark.control(21, 22)
@pytest.mark.parametrize(("overlay", "days"), [("illinois", 3 * 365), ("texas", 365)])
def test_the_law_of_a_place_ends_what_is_not_used_any_more(safe_under: MakeSafe, overlay: str, days: int) -> None:
    safe = safe_under(in_force("recorded", (overlay,)))
    staff = safe.collection()
    safe.enrolled(staff, "ada")
    safe.later(days=days - 1)
    assert safe.sweep() == {}
    safe.later(days=1)
    assert safe.sweep() == {"faces": 1}
