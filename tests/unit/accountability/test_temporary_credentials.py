from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from regard.accountability.access_keys import AccessKeys
from regard.accountability.secret_box import SecretBox
from regard.accountability.temporary_credentials import TemporaryCredentials
from regard.domain.callers import Principal, TemporaryCredential
from regard.errors import ExpiredToken
from regard.store import database
from regard.store.database import Database
from regard.store.key_rows import KeyRows

NOON = datetime(2024, 1, 1, 12, 0, 0, 999_999, tzinfo=UTC)
HOUR = timedelta(hours=1)
ADA = Principal(access_key_id="RGRDADA", name="ada")


class Clock:
    now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(tmp_path: Path, clock: Clock) -> TemporaryCredentials:
    return TemporaryCredentials(SecretBox(tmp_path / "seal.key"), clock)


def issue(sessions: TemporaryCredentials, principal: Principal = ADA, lasting: timedelta = HOUR) -> tuple[str, str]:
    key, token = sessions.issue(principal, role="auditor", name="monday", lasting=lasting)
    return key.temporary_credential.access_key_id, token


def test_what_was_given_out_is_known_again(sessions: TemporaryCredentials, tmp_path: Path, clock: Clock) -> None:
    key, token = sessions.issue(ADA, role="auditor", name="monday", lasting=HOUR)
    session = key.temporary_credential
    assert session.access_key_id.startswith("RGRT")
    assert (session.role, session.name) == ("auditor", "monday")
    assert session.expires_at == datetime(2024, 1, 1, 13, tzinfo=UTC)
    assert (key.parent, len(key.secret)) == ("RGRDADA", 40)
    assert sessions.open(session.access_key_id, token) == key
    elsewhere = TemporaryCredentials(SecretBox(tmp_path / "seal.key"), clock)
    assert elsewhere.open(session.access_key_id, token) == key


def test_no_two_sessions_share_an_id_or_a_secret(sessions: TemporaryCredentials) -> None:
    keys = [sessions.issue(ADA, role="r", name="n", lasting=HOUR)[0] for _ in range(10)]
    assert len({key.temporary_credential.access_key_id for key in keys} | {key.secret for key in keys}) == 20


def test_a_token_hides_what_it_holds(sessions: TemporaryCredentials) -> None:
    key, token = sessions.issue(ADA, role="auditor", name="monday", lasting=HOUR)
    content = base64.b64decode(token)
    assert not [word for word in (key.secret, key.parent, "auditor", "monday") if word.encode() in content]
    assert key.secret not in repr(key)


def test_a_session_ends_on_its_second_however_often_it_was_used(sessions: TemporaryCredentials, clock: Clock) -> None:
    given = issue(sessions)
    clock.now = datetime(2024, 1, 1, 12, 59, 59, 999_999, tzinfo=UTC)
    assert sessions.open(*given) is not None
    clock.now = datetime(2024, 1, 1, 13, tzinfo=UTC)
    with pytest.raises(ExpiredToken, match=r"^The security token included in the request is expired$"):
        sessions.open(*given)


def test_a_token_changed_anywhere_opens_for_nobody(sessions: TemporaryCredentials) -> None:
    access_key_id, token = issue(sessions)
    for place in range(len(token)):
        other = "A" if token[place] != "A" else "B"
        assert sessions.open(access_key_id, token[:place] + other + token[place + 1 :]) is None
    assert sessions.open(access_key_id, token) is not None


@pytest.mark.parametrize("token", ["", "x", "é", "AAAA", "A" * 60_000, "=", " ", "\x00"])
def test_what_never_was_a_token_opens_for_nobody(sessions: TemporaryCredentials, token: str) -> None:
    access_key_id, good = issue(sessions)
    assert sessions.open(access_key_id, token) is None
    assert sessions.open(access_key_id, good + token) is None or not token


def test_a_token_of_another_key_or_another_server_opens_for_nobody(
    sessions: TemporaryCredentials, tmp_path: Path, clock: Clock
) -> None:
    mine, token = issue(sessions)
    theirs, _ = issue(sessions)
    assert sessions.open(theirs, token) is None
    assert sessions.open("RGRDADA", token) is None
    (tmp_path / "other").mkdir()
    other = TemporaryCredentials(SecretBox(tmp_path / "other" / "seal.key"), clock)
    assert other.open(mine, issue(other)[1]) is None
    assert other.open(mine, token) is None


def test_a_sealed_secret_is_no_token(tmp_path: Path, sessions: TemporaryCredentials) -> None:
    sealed = SecretBox(tmp_path / "seal.key").encrypt('["s","RGRDEVE","r","n",9999999999]', "RGRTFORGED")
    assert sessions.open("RGRTFORGED", base64.b64encode(sealed).decode()) is None


def test_a_session_gives_another_no_more_time_than_it_has_left(sessions: TemporaryCredentials) -> None:
    soon = NOON.replace(microsecond=0) + timedelta(minutes=20)
    taken = TemporaryCredential(access_key_id="RGRTX", role="auditor", name="monday", expires_at=soon)
    chained = Principal(access_key_id="RGRDADA", name="ada", temporary_credential=taken)
    key, _ = sessions.issue(chained, role="clerk", name="tuesday", lasting=HOUR)
    assert (key.parent, key.temporary_credential.expires_at) == ("RGRDADA", soon)
    key, _ = sessions.issue(chained, role="clerk", name="tuesday", lasting=timedelta(minutes=15))
    assert key.temporary_credential.expires_at == NOON.replace(microsecond=0) + timedelta(minutes=15)


def test_a_token_in_use_is_opened_once_and_strangers_do_not_push_it_out(
    sessions: TemporaryCredentials, tmp_path: Path
) -> None:
    given = issue(sessions)
    assert sessions.open(*given) is not None
    for number in range(2000):
        assert sessions.open("RGRTSTRANGER", f"{number:04}") is None
    (tmp_path / "seal.key").write_bytes(b"\x01" * 32)  # only what was opened before is known now
    assert sessions.open(*given) is not None
    assert sessions.open(*issue(TemporaryCredentials(SecretBox(tmp_path / "seal.key")))) is not None


def test_what_is_remembered_has_a_bound(sessions: TemporaryCredentials, tmp_path: Path) -> None:
    first = issue(sessions)
    assert sessions.open(*first) is not None
    for _ in range(1024):
        assert sessions.open(*issue(sessions)) is not None
    (tmp_path / "seal.key").write_bytes(b"\x01" * 32)
    assert sessions.open(*first) is None


# -- together with the lasting keys ------------------------------------------------------------------------------


@pytest.fixture
def opened(tmp_path: Path) -> Database:
    return database.open(f"sqlite:///{tmp_path / 'regard.db'}")


def test_a_session_is_looked_up_as_its_holder_with_its_own_secret(tmp_path: Path, opened: Database) -> None:
    keys = AccessKeys(tmp_path, KeyRows(opened))
    lasting, lasting_secret = keys.create("ada")
    holder = keys.lookup(lasting)
    assert holder is not None
    key, token = keys.temporary_credentials.issue(holder.principal, role="auditor", name="monday", lasting=HOUR)
    temporary = key.temporary_credential.access_key_id
    found = keys.lookup(temporary, token)
    assert found is not None
    assert found.principal == Principal(
        access_key_id=lasting, name="ada", temporary_credential=key.temporary_credential
    )
    assert found.secret == key.secret != lasting_secret
    assert keys.lookup(temporary) is None
    assert keys.lookup(lasting, token) is None
    opened.close()


def test_revoking_the_lasting_key_ends_its_sessions_within_a_second(tmp_path: Path, opened: Database) -> None:
    now = [100.0]
    keys = AccessKeys(tmp_path, KeyRows(opened), lambda: now[0])
    lasting, _ = keys.create("ada")
    key, token = keys.temporary_credentials.issue(
        Principal(access_key_id=lasting, name="ada"), role="r", name="n", lasting=timedelta(hours=12)
    )
    assert keys.lookup(key.temporary_credential.access_key_id, token) is not None
    AccessKeys(tmp_path, KeyRows(opened)).revoke(lasting)
    now[0] += 1.01
    assert keys.lookup(key.temporary_credential.access_key_id, token) is None
    opened.close()
