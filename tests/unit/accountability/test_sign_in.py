"""Signing in: passwords, codes, and waiting after failures."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from roster import NOW
from sign_in_desk import CHEAP, PASSWORD, Desk, open_desk
from stores import Store

from regard.accountability.back_off import BackOff
from regard.accountability.passwords import LANES, MEMORY_KIBIBYTES, TIME_COST, Passwords
from regard.accountability.sign_in import SignIn
from regard.errors import (
    CodeNeeded,
    InvalidParameter,
    SignInRefused,
    Throttling,
)


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> Desk:
    return open_desk(store.database, tmp_path)


# -- passwords ----------------------------------------------------------------------------------------------------


def test_passwords_are_argon2id_of_two_passes_over_19_mebibytes_in_one_lane() -> None:
    kept = Passwords().hash(PASSWORD)
    assert kept.startswith(f"$argon2id$v=19$m={MEMORY_KIBIBYTES},t={TIME_COST},p={LANES}$")
    assert (MEMORY_KIBIBYTES, TIME_COST, LANES) == (19456, 2, 1)
    assert PASSWORD not in kept
    assert Passwords().hash(PASSWORD) != kept


@pytest.mark.parametrize("password", ["", "fourteen chars", "x" * 257])
def test_a_password_is_long_enough_and_not_endless(password: str) -> None:
    with pytest.raises(InvalidParameter, match=f"The password has {len(password)} characters; take 15 to 256"):
        CHEAP.hash(password)


def test_one_password_typed_on_two_keyboards_is_one() -> None:
    assert CHEAP.check(CHEAP.hash("cafe\u0301 au lait, s'il"), "caf\u00e9 au lait, s'il")


@pytest.mark.parametrize("kept", [None, "", "$argon2id$broken", "plain text"])
def test_where_nothing_or_nonsense_is_kept_no_password_is_right(kept: str | None) -> None:
    assert not CHEAP.check(kept, PASSWORD)


def test_for_a_login_that_nobody_has_as_much_is_computed() -> None:
    class Counting(PasswordHasher):
        count = 0

        def verify(self, hash, password):  # type: ignore[no-untyped-def] # noqa: A002, ANN
            Counting.count += 1
            return super().verify(hash, password)

    passwords = Passwords(Counting(time_cost=1, memory_cost=8, parallelism=1))
    kept = passwords.hash(PASSWORD)
    for each in (None, kept):
        before = Counting.count
        passwords.check(each, "another password")
        assert Counting.count == before + 1


def test_a_password_that_was_hashed_with_less_work_is_hashed_again_when_it_is_next_used(desk: Desk) -> None:
    weak = Passwords(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    desk.rows.set_password("id-of-ada", weak.hash(PASSWORD), None)
    assert desk.sign_in.by_password("ada", PASSWORD).person_id == "id-of-ada"
    row = desk.rows.of_login("ada")
    assert row is not None
    assert row.password_hash is not None
    assert not CHEAP.is_outdated(row.password_hash)
    assert desk.sign_in.by_password("ada", PASSWORD).means == ("password",)


def test_a_password_that_somebody_else_set_stays_theirs_when_it_is_kept_anew(desk: Desk) -> None:
    desk.set_password("ada", by="root")
    assert desk.sign_in.by_password("ada", PASSWORD).means == ("lent-password",)
    slower = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1, hash_len=32, salt_len=16)
    again = SignIn(desk.rows, desk.box, passwords=Passwords(slower), clock=desk.clock, ticks=desk.clock.seconds)
    before = desk.rows.of_login("ada")
    assert again.by_password("ada", PASSWORD).means == ("lent-password",)
    assert desk.rows.of_login("ada") != before
    assert again.by_password("ada", PASSWORD).means == ("lent-password",)
    desk.clock.now += timedelta(seconds=1)
    assert again.lookup(desk.begin(again.by_password("ada", PASSWORD))).lent
    desk.set_password("ada", f"{PASSWORD} of hers")
    proof = desk.sign_in.by_password("ada", f"{PASSWORD} of hers")
    assert proof.means == ("password",)


# -- who is let in ------------------------------------------------------------------------------------------------


def test_the_right_password_is_a_proof(desk: Desk) -> None:
    proof = desk.sign_in.by_password("ada", PASSWORD)
    assert (proof.person_id, proof.name, proof.means) == ("id-of-ada", "Ada", ("password",))


@pytest.mark.parametrize(
    ("login", "password"), [("ada", "a wrong one entirely"), ("grace", PASSWORD), ("root", PASSWORD)]
)
def test_nothing_tells_who_there_is(desk: Desk, login: str, password: str) -> None:
    with pytest.raises(SignInRefused, match=r"^The login, the password or the code is wrong\.$"):
        desk.sign_in.by_password(login, password)


def test_who_has_ended_does_not_sign_in(desk: Desk) -> None:
    desk.staff.rows.end("id-of-ada", NOW)
    with pytest.raises(SignInRefused):
        desk.sign_in.by_password("ada", PASSWORD)


# -- codes --------------------------------------------------------------------------------------------------------


def test_a_code_is_needed_once_there_is_an_authenticator_and_each_is_good_once(desk: Desk) -> None:
    app = desk.codes("ada")
    with pytest.raises(CodeNeeded):
        desk.sign_in.by_password("ada", PASSWORD)
    code = app.at(desk.clock.now)
    assert desk.sign_in.by_password("ada", PASSWORD, code).means == ("password", "code")
    for sign_in in (desk.sign_in, desk.another()):
        with pytest.raises(SignInRefused):
            sign_in.by_password("ada", PASSWORD, code)
    desk.clock.now += timedelta(seconds=30)
    assert desk.sign_in.by_password("ada", PASSWORD, app.at(desk.clock.now))


@pytest.mark.parametrize("seconds", [-90, -60, 60, 90, 3600])
def test_a_code_of_another_time_is_wrong(desk: Desk, seconds: int) -> None:
    app = desk.codes("ada")
    with pytest.raises(SignInRefused):
        desk.sign_in.by_password("ada", PASSWORD, app.at(desk.clock.now + timedelta(seconds=seconds)))


@pytest.mark.parametrize("seconds", [-30, 30])
def test_a_clock_may_be_half_a_minute_off_and_an_older_code_is_not_good_after_a_newer(desk: Desk, seconds: int) -> None:
    app = desk.codes("ada")
    assert desk.sign_in.by_password("ada", PASSWORD, app.at(desk.clock.now + timedelta(seconds=seconds)))
    earlier = app.at(desk.clock.now + timedelta(seconds=seconds - 30))
    with pytest.raises(SignInRefused):
        desk.sign_in.by_password("ada", PASSWORD, earlier)


@pytest.mark.parametrize("code", ["000000", "12345", "abcdef", "١٢٣٤٥٦", "1" * 16])
def test_what_is_no_code_is_refused(desk: Desk, code: str) -> None:
    app = desk.codes("ada")
    if code == app.at(desk.clock.now):  # by chance
        code = "000001"
    with pytest.raises(SignInRefused):
        desk.sign_in.by_password("ada", PASSWORD, code)


def test_one_code_lets_one_of_many_in_at_once(desk: Desk) -> None:
    code = desk.codes("ada").at(desk.clock.now)

    def attempt(_: int) -> bool:
        try:
            return bool(desk.another().by_password("ada", PASSWORD, code))
        except SignInRefused:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(8))) == 1


def test_a_secret_that_was_moved_to_somebody_else_gives_no_codes(desk: Desk) -> None:
    app = desk.codes("ada")
    row = desk.rows.of_login("ada")
    assert row is not None
    desk.set_password("root")
    desk.rows.set_totp("id-of-root", row.sealed_totp)
    with pytest.raises(SignInRefused):
        desk.sign_in.by_password("root", PASSWORD, app.at(desk.clock.now))


# -- waiting ------------------------------------------------------------------------------------------------------


def test_after_failures_even_the_right_password_waits(desk: Desk) -> None:
    for _ in range(5):
        with pytest.raises(SignInRefused):
            desk.sign_in.by_password("ada", "a wrong one entirely")
    with pytest.raises(Throttling, match="Wait 1 seconds"):
        desk.sign_in.by_password("ada", PASSWORD)
    desk.clock.now += timedelta(seconds=1.1)
    assert desk.sign_in.by_password("ada", PASSWORD)
    for _ in range(4):  # and all is forgotten
        with pytest.raises(SignInRefused):
            desk.sign_in.by_password("ada", "a wrong one entirely")


def test_who_goes_on_guessing_waits_longer_each_time_but_no_longer_than_a_minute() -> None:
    now = [0.0]
    back_off, waits = BackOff(lambda: now[0]), []
    for _ in range(14):
        began = now[0]
        while True:
            try:
                back_off.begin("ada")
                break
            except Throttling:
                now[0] += 0.5
        waits.append(now[0] - began)
    assert waits == [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    back_off.begin("grace")


def test_many_guesses_at_once_count_as_many() -> None:
    back_off = BackOff(lambda: 0.0)

    def attempt(_: int) -> bool:
        try:
            back_off.begin("ada")
        except Throttling:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(attempt, range(100))) == 5


def test_logins_that_nobody_has_take_no_more_memory_than_others() -> None:
    back_off = BackOff(lambda: 0.0)
    for number in range(10_100):
        back_off.begin(f"{number}" * 100)
    assert len(back_off._failures) == 10_000
