"""Authorisations as the names of sessions: what AssumeRole starts, and how far it reaches."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest
from authorised import ROLE, Authorise, assume, left, search
from botocore.exceptions import ClientError
from live_server import Live
from people import encoded, head
from staff import Staff, client_of, client_with, taken
from stores import new_faces, units

from regard.accountability.one_time_codes import OneTimeCodes
from regard.accountability.secret_box import SecretBox
from regard.domain.authorisations import AuthorisationKind, AuthorisationState, OnBehalfOf, Scope
from regard.store.authorisation_rows import AuthorisationRows
from regard.store.collection_rows import CollectionRows
from regard.store.face_rows import FaceRows
from regard.store.sign_in_rows import SignInRows

Refused = Callable[..., tuple[str, str]]
NOW = datetime.now(UTC)


# -- AssumeRole --------------------------------------------------------------------------------------------------


@pytest.mark.control(9, 10)
def test_a_search_without_an_authorisation_is_refused_and_with_one_is_made(
    known: Live, staff: Staff, authorise: Authorise, refused: Refused
) -> None:
    code, message = refused(search, client=client_of(known, "sam", staff))
    assert code == "AccessDeniedException"
    assert "under the profile public-safety it takes an authorisation" in message
    found = authorise()
    answer = assume(known, staff, found.id)
    assert answer["AssumedRoleUser"]["Arn"].endswith(f"assumed-role/searcher/{found.id}")
    assert search(taken(known, answer["Credentials"]))["FaceMatches"] == []
    assert left(staff, found) == 1


def test_a_session_ends_with_its_authorisation_and_its_credentials_say_so(
    known: Live, staff: Staff, authorise: Authorise
) -> None:
    ends = datetime.now(UTC) + timedelta(minutes=20)
    found = authorise(ends_at=ends)
    expires = assume(known, staff, found.id)["Credentials"]["Expiration"]
    assert abs((expires - ends).total_seconds()) <= 1


@pytest.mark.control(5)
def test_what_has_ended_is_an_expired_token_at_once(
    known: Live, staff: Staff, authorise: Authorise, refused: Refused
) -> None:
    found = authorise()
    client = taken(known, assume(known, staff, found.id)["Credentials"])
    search(client)
    AuthorisationRows(staff.database).decide(
        found.id, {AuthorisationState.APPROVED}, AuthorisationState.ENDED, "ove-0001", datetime.now(UTC)
    )
    code, message = refused(search, client=client)
    assert (code, message.startswith(f"The authorisation {found.id} has ended")) == ("ExpiredTokenException", True)
    assert refused(assume, live=known, staff=staff, name=found.id)[0] == "ExpiredToken"


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        ({"state": AuthorisationState.REQUESTED}, "AccessDenied", "has not been approved yet"),
        ({"state": AuthorisationState.REFUSED}, "AccessDenied", "was refused"),
        ({"holder_id": "sue-0001"}, "AccessDenied", "is somebody else's"),
        ({"starts_at": datetime(2100, 1, 1, tzinfo=UTC)}, "AccessDenied", "begins at 2100-01-01"),
        ({"ends_at": NOW - timedelta(hours=1)}, "ExpiredToken", "has ended"),
        (
            {"state": AuthorisationState.EMERGENCY, "confirm_by": NOW - timedelta(hours=1)},
            "ExpiredToken",
            "has ended",
        ),
    ],
    ids=["requested", "refused", "another's", "not yet", "over", "unconfirmed"],
)
def test_what_may_not_be_used_starts_no_session(
    known: Live,
    staff: Staff,
    authorise: Authorise,
    refused: Refused,
    given: dict[str, Any],
    code: str,
    words: str,
) -> None:
    said = refused(assume, live=known, staff=staff, name=authorise(**given).id)
    assert said[0] == code
    assert words in said[1]


@pytest.mark.control(10)
def test_an_emergency_that_nobody_confirmed_is_written_down_by_whoever_looks_first(
    known: Live, staff: Staff, authorise: Authorise, refused: Refused
) -> None:
    emergency, now = AuthorisationState.EMERGENCY, datetime.now(UTC)
    found = authorise(state=emergency, confirm_by=now + timedelta(hours=1))
    credentials = assume(known, staff, found.id)["Credentials"]
    assert credentials["Expiration"] <= now + timedelta(hours=1)
    client = taken(known, credentials)
    search(client)
    AuthorisationRows(staff.database).decide(found.id, {emergency}, emergency, None, now, confirm_by=now)
    assert refused(search, client=client)[0] == "ExpiredTokenException"
    after = AuthorisationRows(staff.database).get(found.id)
    assert after is not None
    assert (after.state, after.ended_by) == (AuthorisationState.UNCONFIRMED, None)


def test_a_name_that_looks_like_an_authorisation_must_be_one(known: Live, staff: Staff, refused: Refused) -> None:
    said = refused(assume, live=known, staff=staff, name="A-NOTTHERE")
    assert said == ("AccessDenied", "There is no authorisation A-NOTTHERE.")


@pytest.mark.control(9, 36)
def test_what_a_client_says_of_its_session_must_be_true(
    known: Live, staff: Staff, authorise: Authorise, refused: Refused
) -> None:
    behalf = OnBehalfOf(agency="State Police", person="T. Lee")
    found = authorise(on_behalf_of=behalf)
    true = {"purpose": "violent-crime", "case": "file 3", "offence": "robbery", "on-behalf-of": "State Police"}
    tags = [{"Key": key, "Value": value} for key, value in true.items()]
    answer = assume(
        known, staff, found.id, Tags=tags, TransitiveTagKeys=["purpose", "case"], SourceIdentity="sam", ExternalId="xy"
    )
    assert answer["SourceIdentity"] == "sam"
    for key in true:
        lie = [{"Key": key, "Value": "another"}]
        said = refused(assume, live=known, staff=staff, name=found.id, Tags=lie)
        assert said[0] == "AccessDenied"
        assert f"The tag {key} is 'another'" in said[1]
    for given in (
        {"Tags": [{"Key": "department", "Value": "7"}]},
        {"Tags": [tags[0], tags[0]]},
        {"Tags": tags[:1], "TransitiveTagKeys": ["case"]},
        {"Policy": '{"Version":"2012-10-17","Statement":[]}'},
    ):
        assert refused(assume, live=known, staff=staff, name=found.id, **given)[0] == "ValidationError"
    assert refused(assume, live=known, staff=staff, name="plain", Tags=tags[:1])[0] == "ValidationError"


def test_a_session_is_of_who_holds_the_key_and_stays_so_through_a_chain(
    known: Live, staff: Staff, authorise: Authorise, refused: Refused
) -> None:
    found, other = authorise(), authorise()
    assert refused(assume, live=known, staff=staff, name=found.id, SourceIdentity="sue")[0] == "AccessDenied"
    first = assume(known, staff, found.id, SourceIdentity="sam")["Credentials"]
    sts = taken(known, first, "sts")
    chained = sts.assume_role(RoleArn=ROLE, RoleSessionName=found.id)
    assert chained["SourceIdentity"] == "sam"
    assert chained["Credentials"]["Expiration"] <= first["Expiration"]
    for widened in ({"RoleSessionName": other.id}, {"RoleSessionName": "plain"}):
        code, message = refused(sts.assume_role, RoleArn=ROLE, **widened)
        assert code == "AccessDenied"
        assert "starts sessions of that one only" in message or "somebody else's" in message
    code, _ = refused(sts.assume_role, RoleArn=ROLE, RoleSessionName=found.id, SourceIdentity="sam-0001")
    assert code == "AccessDenied"


def test_a_one_time_code_counts_once(
    known: Live, staff: Staff, known_home: Path, authorise: Authorise, refused: Refused
) -> None:
    found, codes, rows = authorise(), OneTimeCodes(SecretBox(known_home / "seal.key")), SignInRows(staff.database)
    device = "arn:aws:iam::000000000000:mfa/sam"
    code, message = refused(assume, live=known, staff=staff, name=found.id, SerialNumber=device, TokenCode="000000")
    assert (code, "no authenticator app" in message) == ("AccessDenied", True)
    sealed, address = codes.new("sam-0001", "sam")
    rows.set_totp("sam-0001", sealed)
    now = pyotp.parse_uri(address).now()
    shown = {"SerialNumber": device, "TokenCode": now}
    assert assume(known, staff, found.id, **shown)["Credentials"]
    assert refused(assume, live=known, staff=staff, name=found.id, **shown)[0] == "AccessDenied"
    theirs = {"SerialNumber": "arn:aws:iam::000000000000:mfa/sue", "TokenCode": now}
    assert refused(assume, live=known, staff=staff, name=found.id, **theirs)[0] == "AccessDenied"
    assert refused(assume, live=known, staff=staff, name=found.id, TokenCode=now)[0] == "ValidationError"
    rows.set_totp("sam-0001", None)


def test_a_key_of_nobody_starts_no_session(known: Live, refused: Refused) -> None:
    sts = client_with(known, known.key, known.secret, service="sts")
    code, message = refused(sts.assume_role, RoleArn=ROLE, RoleSessionName="x1")
    assert (code, "belongs to nobody" in message) == ("AccessDenied", True)


# -- scope and count ---------------------------------------------------------------------------------------------


def test_an_authorisation_reaches_no_further_than_its_scope(
    known: Live, staff: Staff, authorise: Authorise, refused: Refused
) -> None:
    for scope, words in (
        (Scope(collections=("others",)), "is for others, not for"),
        (Scope(operations=("CompareFaces",)), "is for CompareFaces only"),
        (Scope(media=("live",)), "is for what is live"),
    ):
        client = taken(known, assume(known, staff, authorise(scope=scope).id)["Credentials"])
        code, message = refused(search, client=client)
        assert code == "AccessDeniedException"
        assert words in message


@pytest.mark.control(29, 30)
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"purpose": "immigration-status"}, "is forbidden"),
        ({"purpose": "curiosity"}, "knows no purpose 'curiosity'"),
        ({"kind": AuthorisationKind.CONSENT}, "no authorisation of the kind consent"),
        ({"offence": None}, "needs the offence"),
        ({"declaration": ""}, "needs a declaration"),
        ({"ends_at": NOW + timedelta(days=90)}, "lasts 30 days at most"),
    ],
    ids=lambda given: next(iter(given)) if isinstance(given, dict) else "",
)
def test_one_that_was_given_under_laxer_rules_is_not_enough(
    known: Live,
    staff: Staff,
    authorise: Authorise,
    refused: Refused,
    given: dict[str, Any],
    words: str,
) -> None:
    client = taken(known, assume(known, staff, authorise(**given).id)["Credentials"])
    code, message = refused(search, client=client)
    assert code == "AccessDeniedException"
    assert "does not reach so far" in message
    assert words in message


def enrolled(staff: Staff) -> str:
    """Somebody to search for, by rows: however faces must be enrolled."""
    collection = CollectionRows(staff.database).get("suspects")
    rows = FaceRows(staff.database).add(collection.key, new_faces(1), units(1, 128), collection.face_model, NOW)
    return rows[0].face_id


@pytest.mark.control(10)
@pytest.mark.slow
def test_of_64_who_race_for_the_last_five_searches_exactly_five_succeed(
    known: Live, staff: Staff, authorise: Authorise
) -> None:
    found = authorise(searches_allowed=5)
    credentials = assume(known, staff, found.id)["Credentials"]
    outcomes: list[str] = []
    start = threading.Barrier(64)

    face = enrolled(staff)

    def one() -> None:
        client = taken(known, credentials)
        start.wait()
        try:
            client.search_faces(CollectionId="suspects", FaceId=face)
            outcomes.append("found")
        except ClientError as error:
            outcomes.append(error.response["Error"]["Message"])

    threads = [threading.Thread(target=one) for _ in range(64)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    FaceRows(staff.database).delete(CollectionRows(staff.database).get("suspects").key, [face])
    assert outcomes.count("found") == 5
    assert sum("all 5 searches" in each for each in outcomes) == 59
    assert left(staff, found) == 5


def test_a_search_that_comes_to_nothing_is_not_counted(
    known: Live, staff: Staff, authorise: Authorise, refused: Refused
) -> None:
    found = authorise(searches_allowed=1)
    client = taken(known, assume(known, staff, found.id)["Credentials"])
    nobody = {"Bytes": encoded(head(200)[:40, :40])}
    assert refused(search, client=client, Image=nobody)[0] == "InvalidParameterException"
    assert left(staff, found) == 0
    search(client)
    assert "all 1 searches" in refused(search, client=client)[1]
