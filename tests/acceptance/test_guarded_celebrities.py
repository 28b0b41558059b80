"""Recognising celebrities is a search of their collection: its own profile, its suspension and an authorisation's scope
hold for it, though no client names it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from authorised import PHOTO, ROLE, Authorise
from live_server import Live, with_models
from staff import Staff, client_of, staffed, taken

from regard.accountability.profiles.catalogue import PROFILES
from regard.domain.authorisations import Scope
from regard.store.suspension_rows import SuspensionRows

Refused = Callable[..., tuple[str, str]]
RECORDED = {"profile": "recorded", "assessment": "DPIA-7"}


@pytest.fixture
def staff(tmp_path: Path) -> Iterator[Staff]:
    made = staffed(tmp_path)
    yield made
    made.database.close()


@contextmanager
def server(models: Path, home: Path, profile: str | None = None) -> Iterator[Live]:
    """Under `recorded`, whose celebrities' collection has that profile of its own."""
    with with_models(models, home, accountability=RECORDED, celebrities={"collection": "stars"}) as live:
        tags = {"regard:profile": profile} if profile else {}
        live.client().create_collection(CollectionId="stars", Tags=tags)
        yield live


def session_of(live: Live, staff: Staff, authorise: Authorise, profile: str, *collections: str) -> Any:
    """A client of Sam's, authorised to search these collections."""
    rules = PROFILES[profile].authorisation
    found = authorise(
        profile=profile,
        kind=rules.kinds[0],
        purpose=rules.purposes[0] if rules.purposes else "entrance",
        document_sha256="ab" * 32,
        ends_at=datetime.now(UTC) + timedelta(hours=12),
        scope=Scope(collections=collections),
    )
    answer = client_of(live, "sam", staff, "sts").assume_role(RoleArn=ROLE, RoleSessionName=found.id)
    return taken(live, answer["Credentials"])


@pytest.mark.control(9, 10, 21, 56)
def test_the_profile_of_the_collection_and_the_scope_of_an_authorisation_hold(
    models: Path, tmp_path: Path, staff: Staff, authorise: Authorise, refused: Refused
) -> None:
    with server(models, tmp_path, "consented") as live:
        anybody, own = live.client(), client_of(live, "sam", staff)
        code, message = refused(anybody.recognize_celebrities, Image=PHOTO)
        assert (code, "The profile consented needs a person" in message) == ("AccessDeniedException", True)
        code, message = refused(anybody.get_celebrity_info, Id="3Ir0du6a")
        assert (code, "The profile consented needs a person" in message) == ("AccessDeniedException", True)
        assert "it takes an authorisation" in refused(own.recognize_celebrities, Image=PHOTO)[1]
        elsewhere = session_of(live, staff, authorise, "consented", "others")
        code, message = refused(elsewhere.recognize_celebrities, Image=PHOTO)
        assert (code, "others" in message) == ("AccessDeniedException", True)
        here = session_of(live, staff, authorise, "consented", "stars")
        assert len(here.recognize_celebrities(Image=PHOTO)["UnrecognizedFaces"]) == 1


@pytest.mark.control(7, 41)
@pytest.mark.parametrize("profile", ["washington", "public-safety"])
def test_where_candidates_are_reviewed_nobody_is_named_before(
    models: Path, tmp_path: Path, staff: Staff, authorise: Authorise, refused: Refused, profile: str
) -> None:
    with server(models, tmp_path, profile) as live:
        client = session_of(live, staff, authorise, profile, "stars")
        asked = ((client.recognize_celebrities, {"Image": PHOTO}), (client.get_celebrity_info, {"Id": "3Ir0du6a"}))
        for call, request in asked:
            code, message = refused(call, **request)
            assert code == "AccessDeniedException"
            assert f"the profile {profile} has candidates reviewed before anybody is told who they are" in message
            assert "SearchUsersByImage" in message


def test_nobody_is_recognised_in_a_suspended_collection(models: Path, tmp_path: Path, refused: Refused) -> None:
    with server(models, tmp_path) as live:
        SuspensionRows(live.engine.stores.database).begin("collection", "stars", "a reason", None, datetime.now(UTC))
        code, message = refused(live.client().recognize_celebrities, Image=PHOTO)
        assert (code, "the collection stars has been suspended" in message) == ("AccessDeniedException", True)
