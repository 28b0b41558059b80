"""Where somebody is signed in: seen, told to them alone, and ended."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sign_in_desk import PASSWORD, STRICT, Desk, open_desk
from sqlalchemy import select
from stores import Store

from regard.accountability.gate import Gate
from regard.accountability.profiles.catalogue import OPEN
from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.callers import Principal, Sender
from regard.errors import ExpiredToken, InternalServerError, InvalidParameter, ResourceNotFound
from regard.store.sign_in_rows import OpenSignIn, PasskeyRow
from regard.store.tables.people import sign_ins

OFFICE = Sender(device="Firefox on Linux", address="192.0.2.7")
HOME = Sender(device="A program", address="198.51.100.9")
LATER = timedelta(minutes=6)


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> Desk:
    return open_desk(store.database, tmp_path)


def begun(desk: Desk, sender: Sender = OFFICE) -> str:
    proof = desk.sign_in.by_password("ada", PASSWORD)
    who = Caller(principal=proof.principal, channel=Channel.API)
    with Gate(OPEN).open(who, Act(action=Action.SIGN_IN, operation="POST /v1/sign-in")) as grant:
        return desk.sign_in.begin(grant, proof, sender=sender)[0]


def asking(desk: Desk, token: str, operation: str = "GET /v1/me/sign-ins") -> tuple[Gate, Caller, Act]:
    caller = Caller(principal=desk.sign_in.lookup(token, OFFICE), channel=Channel.API)
    return Gate(OPEN), caller, Act(action=Action.SIGN_IN, operation=operation)


def found(desk: Desk, token: str) -> list[tuple[str, str, bool]]:
    gate, caller, act = asking(desk, token)
    with gate.open(caller, act) as grant:
        return [(each.device, each.address, this) for each, this in desk.sign_in.open(grant)]


def ended(desk: Desk, token: str, sign_in_id: str) -> None:
    gate, caller, act = asking(desk, token)
    with gate.open(caller, act) as grant:
        desk.sign_in.end_one(grant, sign_in_id)


def all_rows(desk: Desk) -> list[str]:
    with desk.rows.database.read() as connection:
        return list(connection.execute(select(sign_ins.c.id)).scalars())


def test_each_sign_in_is_told_with_what_it_was_last_used_by(desk: Desk) -> None:
    here, there = begun(desk), begun(desk, HOME)
    own, other = ("Firefox on Linux", "192.0.2.7", True), ("A program", "198.51.100.9", False)
    assert sorted(found(desk, here)) == sorted([own, other])
    desk.clock.now += LATER
    desk.sign_in.lookup(there, Sender(device="Chrome on Windows", address="203.0.113.5"))
    desk.clock.now += timedelta(seconds=1)
    gate, caller, act = asking(desk, here)
    with gate.open(caller, act) as grant:
        (first, mine), (second, his) = desk.sign_in.open(grant)
    assert (mine, his, first.means) == (True, False, ("password",))
    assert (second.device, second.address) == ("Chrome on Windows", "203.0.113.5")
    assert first.seen_at > second.seen_at > second.began_at
    assert second.ends_at - second.began_at <= timedelta(hours=12)


def test_a_use_from_elsewhere_is_noted_at_once_and_the_same_use_only_after_a_while(desk: Desk) -> None:
    token = begun(desk)
    noted: list[OpenSignIn] = []
    see = desk.rows.see
    desk.rows.see = lambda seen: (noted.append(seen), see(seen))[1]  # type: ignore[method-assign]
    for _ in range(5):
        desk.clock.now += timedelta(seconds=2)
        desk.sign_in.lookup(token, OFFICE)
    assert noted == []
    desk.sign_in.lookup(token, HOME)
    desk.clock.now += LATER
    desk.sign_in.lookup(token, OFFICE)
    assert [each.address for each in noted] == [HOME.address, OFFICE.address]


def test_one_that_is_ended_is_over_at_once_in_every_process(desk: Desk) -> None:
    here, there = begun(desk), begun(desk, HOME)
    another = desk.another()
    another.lookup(there)
    ended(desk, here, there.partition(".")[0])
    assert found(desk, here) == [("Firefox on Linux", "192.0.2.7", True)]
    for each in (desk.sign_in, another):
        with pytest.raises(ExpiredToken):
            each.lookup(there)
    assert desk.sign_in.recall(there) is None
    with pytest.raises(ResourceNotFound, match="You have no such sign-in; it may have ended"):
        ended(desk, here, there.partition(".")[0])


def test_all_others_are_ended_and_none_of_somebody_else(desk: Desk) -> None:
    desk.set_password("root", "quite another password", by="root")
    desk.clock.now += timedelta(seconds=1)
    root = desk.begin(desk.sign_in.by_password("root", "quite another password"))
    here, others = begun(desk), [begun(desk, HOME) for _ in range(3)]
    with pytest.raises(ResourceNotFound):
        ended(desk, here, root.partition(".")[0])
    gate, caller, act = asking(desk, here)
    with gate.open(caller, act) as grant:
        assert desk.sign_in.end_others(grant) == 3
    with gate.open(caller, act) as grant:
        assert desk.sign_in.end_others(grant) == 0
    for each in others:
        with pytest.raises(ExpiredToken):
            desk.sign_in.lookup(each)
    desk.sign_in.lookup(here)
    desk.sign_in.lookup(root)


def test_a_new_password_ends_all_and_what_is_over_is_forgotten(desk: Desk) -> None:
    begun(desk)
    desk.clock.now += timedelta(seconds=1)
    desk.set_password("ada")
    desk.clock.now += timedelta(seconds=1)
    here = begun(desk, HOME)
    assert found(desk, here) == [("Firefox on Linux", "192.0.2.7", True)]
    desk.clock.now += timedelta(hours=13)
    last = begun(desk)
    assert all_rows(desk) == [last.partition(".")[0]]


def test_whoever_has_signed_in_gets_in_though_nothing_can_be_written(
    desk: Desk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = begun(desk)

    def full(_: OpenSignIn) -> None:
        raise InternalServerError("The disk is full.")

    monkeypatch.setattr(desk.rows, "see", full)
    desk.clock.now += LATER
    assert desk.sign_in.lookup(token, HOME).name
    assert "The disk is full" in caplog.text


def test_what_a_client_says_of_itself_is_cut_to_what_a_row_holds(desk: Desk) -> None:
    here = begun(desk, Sender(device="d" * 500, address="a" * 500))
    assert all_rows(desk) == [here.partition(".")[0]]


def test_ones_own_means_are_told_and_the_last_is_not_removed(desk: Desk) -> None:
    rows, now = desk.rows, desk.clock.now
    for name in ("phone", "key"):
        rows.add_passkey(
            PasskeyRow(id=name, person_id="id-of-ada", name=name, public_key=b"k", sign_count=0, created_at=now)
        )
    who = Caller(principal=Principal(access_key_id="id-of-ada", name="ada", holder_id="id-of-ada"), channel=Channel.API)
    act = Act(action=Action.SIGN_IN, operation="DELETE /v1/me/passkeys/{passkey_id}")
    gate = desk.staff.gate(STRICT)
    with gate.open(who, act) as grant:
        own = desk.means.own(grant)
        assert (own.login, own.password, own.codes, list(own.identities)) == ("ada", True, False, [])
        assert sorted(each.name for each in own.passkeys) == ["key", "phone"]
        desk.means.remove_own_passkey(grant, "key")
        rows.set_password("id-of-ada", None, None)
        with pytest.raises(InvalidParameter, match="Nothing but this passkey signs you in"):
            desk.means.remove_own_passkey(grant, "phone")
        rows.add_identity("https://id.example.org", "7", "id-of-ada")
        assert list(desk.means.own(grant).identities) == ["https://id.example.org"]
        desk.means.remove_own_passkey(grant, "phone")
        with pytest.raises(ResourceNotFound):
            desk.means.remove_own_passkey(grant, "phone")
    nobody = Caller(principal=Principal(access_key_id="A", name="a key"), channel=Channel.API)
    with Gate(OPEN).open(nobody, act) as grant, pytest.raises(InvalidParameter, match="sign in first"):
        desk.means.own(grant)
