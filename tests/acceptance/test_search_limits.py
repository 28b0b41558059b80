"""What a profile demands of a search, beside an authorisation: through a real server, with unmodified boto3."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
from authorised import PHOTO, Authorise, assume, left, search
from botocore.config import Config
from live_server import Live, with_models
from people import astronaut, encoded, head
from staff import KNOWN, Staff, client_of, staffed, taken

from regard.accountability.gate import Gate
from regard.accountability.judgement import Mandate
from regard.accountability.probe_limits import check_utility
from regard.accountability.profiles.catalogue import PROFILES
from regard.accountability.standing import Standing
from regard.domain.authorisations import Scope
from regard.domain.authority import Act, Action, Caller, Channel
from regard.domain.callers import Principal
from regard.errors import AccessDenied
from regard.store.ledger_rows import LedgerRows
from regard.store.profile_rows import ProfileRows

Refused = Callable[..., tuple[str, str]]
TWO = {"Bytes": encoded(np.hstack([head(200), head(200)]))}


@pytest.fixture
def client(known: Live, staff: Staff, authorise: Authorise) -> Any:
    return taken(known, assume(known, staff, authorise().id)["Credentials"])


@pytest.mark.control(31)
def test_a_picture_of_several_is_refused_and_says_how_many(
    known: Live, staff: Staff, authorise: Authorise, refused: Refused
) -> None:
    found = authorise()
    client = taken(known, assume(known, staff, found.id)["Credentials"])
    code, message = refused(search, client=client, Image=TWO)
    assert code == "AccessDeniedException"
    assert "the picture shows 2 faces" in message
    assert "Crop it" in message
    code, message = refused(client.search_users_by_image, CollectionId="suspects", Image=TWO)
    assert (code, "the picture shows 2 faces" in message) == ("AccessDeniedException", True)
    for source, target in ((TWO, PHOTO), (PHOTO, TWO)):
        code, message = refused(client.compare_faces, SourceImage=source, TargetImage=target)
        assert (code, "the picture shows 2 faces" in message) == ("AccessDeniedException", True)
    assert left(staff, found) == 0
    assert client.compare_faces(SourceImage=PHOTO, TargetImage=PHOTO)["FaceMatches"]


@pytest.mark.control(39)
def test_a_face_that_is_seen_badly_takes_a_second_person(
    known: Live, staff: Staff, authorise: Authorise, refused: Refused
) -> None:
    small = {"Bytes": encoded(astronaut()[::6, ::6].repeat(3, axis=0).repeat(3, axis=1), quality=20)}
    alone, agreed = authorise(), authorise(scope=Scope(poor_probes="ove-0001"))
    first = taken(known, assume(known, staff, alone.id)["Credentials"])
    code, message = refused(search, client=first, Image=small)
    assert (code, "seen too badly" in message) == ("AccessDeniedException", True)
    assert left(staff, alone) == 0
    second = taken(known, assume(known, staff, agreed.id)["Credentials"])
    assert search(second, Image=small)["FaceMatches"] == []


@pytest.mark.control(23)
def test_a_client_that_names_no_threshold_gets_the_profiles(client: Any, refused: Refused) -> None:
    assert search(client)["FaceMatches"] == []
    code, message = refused(search, client=client, FaceMatchThreshold=98.9)
    assert (code, "searches at 99 or more, and 98.9 was asked for" in message) == ("AccessDeniedException", True)


@pytest.mark.control(12)
@pytest.mark.parametrize("attribute", ["ALL", "AGE_RANGE", "GENDER", "EMOTIONS", "SMILE", "BEARD"])
def test_nothing_is_guessed_of_a_person(known: Live, staff: Staff, refused: Refused, attribute: str) -> None:
    eve = client_of(known, "eve", staff)
    code, message = refused(eve.detect_faces, Image=PHOTO, Attributes=[attribute])
    assert (code, attribute in message) == ("AccessDeniedException", True)
    code, _ = refused(eve.index_faces, CollectionId="suspects", Image=PHOTO, DetectionAttributes=[attribute])
    assert code == "AccessDeniedException"
    plain = eve.detect_faces(Image=PHOTO, Attributes=["DEFAULT", "FACE_OCCLUDED"])["FaceDetails"][0]
    assert not {"AgeRange", "Gender", "Emotions", "Smile", "Beard"} & set(plain)


@pytest.mark.control(27, 51)
def test_nobody_searches_before_the_consequences_were_assessed(
    tmp_path_factory: pytest.TempPathFactory, models: Any, refused: Refused
) -> None:
    home = tmp_path_factory.mktemp("unassessed")
    staff = staffed(home)
    with with_models(models, home, accountability={**KNOWN, "assessment": ""}) as live:
        client_of(live, "ann", staff).create_collection(CollectionId="suspects")
        code, message = refused(search, client=client_of(live, "sam", staff))
        assert code == "AccessDeniedException"
        assert "Set [accountability] assessment to the reference" in message
    staff.database.close()


@pytest.mark.control(48)
def test_a_telephone_may_not_search_where_the_profile_forbids_it(
    known: Live, staff: Staff, authorise: Authorise, refused: Refused
) -> None:
    client_of(known, "ann", staff).create_collection(CollectionId="desk-only", Tags={"regard:profile": "detroit"})
    found = authorise(purpose="violent-crime")
    credentials = assume(known, staff, found.id)["Credentials"]
    phone = known.client(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        config=Config(user_agent="aws-sdk-android/2.77.0 Linux/6.1", retries={"total_max_attempts": 1}),
    )
    code, message = refused(search, client=phone, CollectionId="desk-only")
    assert (code, "allows no search with a telephone" in message) == ("AccessDeniedException", True)
    assert search(phone)["FaceMatches"] == []  # public-safety leaves it to the authorisation
    code, message = refused(search, client=taken(known, credentials), CollectionId="desk-only")
    assert "telephone" not in message


@pytest.mark.control(49)
@pytest.mark.parametrize(("profile", "medium"), [("detroit", "recorded"), ("eu", "live"), ("washington", "live")])
def test_still_recorded_and_live_are_separate_permissions(staff: Staff, profile: str, medium: str) -> None:
    gate = Gate(PROFILES[profile], None, Standing(lambda: nullcontext(staff.database)), assessment="x")
    caller = Caller(principal=Principal(access_key_id="k", name="sam", holder_id="sam-0001"), channel=Channel.AWS)
    act = Act(action=Action.SEARCH, operation="SearchFacesByImage", threshold=99, medium=medium)
    with pytest.raises(AccessDenied, match=f"and this is {medium}"), gate.open(caller, act):
        pass


@pytest.mark.control(24)
def test_the_text_of_a_profile_in_force_is_kept_by_its_hash(known: Live, staff: Staff, client: Any) -> None:
    search(client)
    rows = LedgerRows(staff.database)
    bodies = [json.loads(each.body or b"{}") for each in rows.entries(0, 100_000)]
    named = next(each["profile_sha256"] for each in reversed(bodies) if each["operation"] == "SearchFacesByImage")
    kept = ProfileRows(staff.database).content(named)
    assert kept is not None
    assert (kept["name"], kept["least_threshold"]) == ("public-safety", 99)


def test_a_second_persons_word_is_recorded(authorise: Authorise) -> None:
    found = authorise(scope=Scope(poor_probes="ove-0001"))
    noted: dict[str, Any] = {}

    class Noting:
        rules = PROFILES["public-safety"]
        act = Act(action=Action.SEARCH, operation="search")
        mandate = Mandate(rules=PROFILES["public-safety"], authorisation=found)

        def note(self, **facts: Any) -> None:
            noted.update(facts)

    check_utility(Noting(), 12.34)  # type: ignore[arg-type]
    assert noted == {"probe_utility": 12.3, "poor_probe_agreed_by": "ove-0001"}
