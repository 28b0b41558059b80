"""Passkeys, made and used by an authenticator in software."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from roster import Clock, Staff
from software_authenticator import USER_PRESENT, Authenticator
from stores import Store

from regard.accountability.gate import Gate, Grant
from regard.accountability.passkeys import Passkeys
from regard.accountability.profiles.catalogue import OPEN
from regard.accountability.secret_box import SecretBox
from regard.accountability.sign_in import Proof
from regard.domain.authority import Act, Action, Caller, Channel
from regard.errors import InvalidParameter, SignInRefused
from regard.store.sign_in_rows import SignInRows

SITE = "https://regard.example.org"


@dataclass(frozen=True)
class Keys:
    """The door to passkeys, for Ada."""

    staff: Staff
    rows: SignInRows
    box: SecretBox
    passkeys: Passkeys

    def asks(self, login: str = "ada") -> AbstractContextManager[Grant]:
        principal = Proof(person_id=f"id-of-{login}", name=login, means=()).principal
        act = Act(action=Action.SIGN_IN, operation="POST /v1/me/passkeys")
        return Gate(OPEN).open(Caller(principal=principal, channel=Channel.API), act)

    def register(self, key: Authenticator, login: str = "ada") -> str:
        with self.asks(login) as grant:
            options, state = self.passkeys.registration_options(grant)
            return self.passkeys.register(grant, state, key.create(json.loads(options)), "phone").id

    def sign_in(self, key: Authenticator, change: Callable[[Any], Any] = lambda credential: credential) -> Proof:
        options, state = self.passkeys.sign_in_options()
        return self.passkeys.prove(state, change(key.get(json.loads(options))))


@pytest.fixture
def keys(store: Store, tmp_path: Path) -> Keys:
    staff, rows, box = Staff(store.database, Clock()), SignInRows(store.database), SecretBox(tmp_path / "seal.key")
    staff.add("ada")
    staff.add("grace")
    return Keys(staff, rows, box, Passkeys(rows, box, SITE, staff.clock))


@pytest.fixture
def key() -> Authenticator:
    return Authenticator(SITE)


pytestmark = pytest.mark.filterwarnings("error")
sqlite_only = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
def test_a_passkey_that_was_made_here_signs_its_person_in(keys: Keys, algorithm: Literal["ES256", "EdDSA"]) -> None:
    key = Authenticator(SITE, algorithm)
    made = keys.register(key)
    for _ in range(2):
        proof = keys.sign_in(key)
        assert (proof.person_id, proof.means) == ("id-of-ada", ("passkey",))
    (row,) = keys.rows.passkeys("id-of-ada")
    assert (row.id, row.name, row.sign_count) == (made, "phone", 2)


@sqlite_only
def test_the_options_ask_for_a_person_and_say_nothing_of_anybody(keys: Keys, key: Authenticator) -> None:
    keys.register(key)
    asked = json.loads(keys.passkeys.sign_in_options()[0])
    assert (asked["rpId"], asked["userVerification"], asked.get("allowCredentials", [])) == (
        "regard.example.org",
        "required",
        [],
    )
    with keys.asks() as grant:
        made = json.loads(keys.passkeys.registration_options(grant)[0])
    assert made["authenticatorSelection"]["userVerification"] == "required"
    assert [each["id"] for each in made["excludeCredentials"]] == [keys.rows.passkeys("id-of-ada")[0].id]


@sqlite_only
def test_an_answer_is_taken_once_and_for_ten_minutes(keys: Keys, key: Authenticator) -> None:
    keys.register(key)
    options, state = keys.passkeys.sign_in_options()
    answer = key.get(json.loads(options))
    assert keys.passkeys.prove(state, answer)
    for passkeys in (keys.passkeys, Passkeys(keys.rows, keys.box, SITE, keys.staff.clock)):
        with pytest.raises(SignInRefused, match="That attempt is over"):
            passkeys.prove(state, answer)
    options, state = keys.passkeys.sign_in_options()
    keys.staff.clock.now += timedelta(minutes=10)
    with pytest.raises(SignInRefused, match="That attempt is over"):
        keys.passkeys.prove(state, key.get(json.loads(options)))


@sqlite_only
def test_an_answer_to_another_challenge_is_wrong(keys: Keys, key: Authenticator) -> None:
    keys.register(key)
    (one, _), (_, state) = keys.passkeys.sign_in_options(), keys.passkeys.sign_in_options()
    with pytest.raises(SignInRefused, match="is not right"):
        keys.passkeys.prove(state, key.get(json.loads(one)))


@sqlite_only
def test_the_state_of_one_thing_is_not_that_of_another(keys: Keys, key: Authenticator) -> None:
    keys.register(key)
    options, _ = keys.passkeys.sign_in_options()
    with keys.asks() as grant:
        _, state = keys.passkeys.registration_options(grant)
    for wrong in (state, "", "RGRCX.abcd", "." * 1000, state + "A"):
        with pytest.raises(SignInRefused, match="That attempt is over"):
            keys.passkeys.prove(wrong, key.get(json.loads(options)))


@sqlite_only
@pytest.mark.parametrize(
    "attack",
    [
        {"origin": "https://regard.example.org.evil.example"},
        {"origin": "http://regard.example.org"},
        {"flags": USER_PRESENT},
        {"flags": 0},
        {"count": -1},
    ],
    ids=str,
)
def test_a_passkey_used_elsewhere_by_nobody_or_copied_is_refused(
    keys: Keys, key: Authenticator, attack: dict[str, Any]
) -> None:
    keys.register(key)
    keys.sign_in(key)
    for name, value in attack.items():
        setattr(key, name, value)
    with pytest.raises(SignInRefused):
        keys.sign_in(key)


@sqlite_only
def test_a_passkey_of_another_key_with_that_id_is_refused(keys: Keys, key: Authenticator) -> None:
    keys.register(key)
    forged = Authenticator(SITE, id=key.id)
    with pytest.raises(SignInRefused, match="is not right"):
        keys.sign_in(forged)


@sqlite_only
def test_an_authenticator_that_does_not_count_signs_in_all_the_same(keys: Keys) -> None:
    key = Authenticator(SITE, counts=False)
    keys.register(key)
    assert [keys.sign_in(key).person_id for _ in range(2)] == ["id-of-ada"] * 2


@sqlite_only
def test_a_passkey_is_one_persons_and_begun_and_ended_by_them(keys: Keys, key: Authenticator) -> None:
    keys.register(key)
    with pytest.raises(SignInRefused, match="known here already"):
        keys.register(key, "grace")
    with keys.asks("ada") as grant:
        options, state = keys.passkeys.registration_options(grant)
    with keys.asks("grace") as grant, pytest.raises(SignInRefused, match="begun by somebody else"):
        keys.passkeys.register(grant, state, Authenticator(SITE).create(json.loads(options)), "x")
    with keys.asks("nobody") as grant, pytest.raises(InvalidParameter, match="sign in first"):
        keys.passkeys.registration_options(grant)


@sqlite_only
def test_who_has_ended_and_a_passkey_that_was_removed_sign_in_no_more(keys: Keys, key: Authenticator) -> None:
    made = keys.register(key)
    other = Authenticator(SITE)
    keys.register(other, "grace")
    assert keys.rows.remove_passkey("id-of-ada", made)
    keys.staff.rows.end("id-of-grace", keys.staff.clock.now)
    for each in (key, other):
        with pytest.raises(SignInRefused, match="not known here"):
            keys.sign_in(each)


@sqlite_only
def test_nobody_has_more_than_twenty(keys: Keys) -> None:
    for _ in range(20):
        keys.register(Authenticator(SITE))
    with pytest.raises(InvalidParameter, match="You have 20 passkeys"):
        keys.register(Authenticator(SITE))


@sqlite_only
def test_without_an_address_there_are_no_passkeys(keys: Keys) -> None:
    nowhere = Passkeys(keys.rows, keys.box, None)
    with pytest.raises(InvalidParameter, match=r"set \[accountability\] site"):
        nowhere.sign_in_options()


@sqlite_only
def test_whatever_is_sent_in_place_of_an_answer_is_refused(keys: Keys, key: Authenticator) -> None:
    """No damage of an answer's parts makes anything but a refusal."""
    keys.register(key)
    rng = random.Random(7)  # noqa: S311
    odd = [None, 7, "", "é", "A", [], {}, "AAAA" * 50, True, -1.5, "\x00"]

    def damage(credential: dict[str, Any]) -> dict[str, Any]:
        place = rng.choice([credential, credential["response"]])
        name = rng.choice(sorted(place))
        if isinstance(place[name], str) and rng.random() < 0.5:
            at = rng.randrange(len(place[name]) or 1)
            place[name] = place[name][:at] + rng.choice("AQgw_-") + place[name][at + 1 :]
        elif rng.random() < 0.3:
            del place[name]
        else:
            place[name] = rng.choice(odd)
        return credential

    kept = []
    for _ in range(300):
        try:
            keys.sign_in(key, damage)
        except SignInRefused:
            continue
        kept.append(1)
    # What is not signed may be changed: the extensions' results, and the handle that the library does not read.
    assert len(kept) < 80
